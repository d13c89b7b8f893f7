//! The rounds: in each, every contender has one turn, in an order that rotates.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use lantern_tests::eventually;

use crate::contender::Contender;
use crate::cpu;
use crate::report::{Row, note};
use crate::stage::Stage;
use crate::statistics::Summary;

/// Under this name all contenders keep their checkpoint, as Lantern does.
const PROJECTION: &str = "balances";

/// No turn takes as long as this, unless something is broken.
const TURN_NET: Duration = Duration::from_secs(600);

/// What one turn of one contender took.
#[derive(Clone, Copy, Debug)]
struct Turn {
    /// From the start of the process until the checkpoint was at the end of every partition.
    seconds: f64,
    /// From the start of the process until the first checkpoint could be read.
    seconds_to_first: f64,
    /// How many events there were.
    events: u64,
    /// CPU seconds of the contender, of the broker and of Redis.
    cpu_seconds: [f64; 3],
}

impl Turn {
    /// Events a second, the start of the process included.
    fn rate(&self) -> f64 {
        self.events as f64 / self.seconds
    }

    /// CPU seconds for a million events: of the contender, of the broker and of Redis.
    fn cpu_seconds_per_million(&self) -> [f64; 3] {
        self.cpu_seconds.map(|seconds| seconds * 1e6 / self.events as f64)
    }
}

/// The turns of each contender, round by round.
type Turns = BTreeMap<Contender, Vec<Turn>>;

/// Plays one round to warm up, and then those that count.
pub fn play(stage: &Stage, contenders: &[Contender], rounds: usize) -> anyhow::Result<Vec<Row>> {
    let mut turns = Turns::new();
    let mut order = contenders.to_vec();
    for round in 0..=rounds {
        for contender in &order {
            let turn = take_turn(stage, *contender).with_context(|| format!("{contender}, round {round}"))?;
            note(&format!("round {round} of {rounds}: {contender:8} {:9.0} events/s", turn.rate()));
            if round > 0 {
                turns.entry(*contender).or_default().push(turn);
            }
        }
        order.rotate_left(1);
    }
    Ok(turns.iter().map(|(contender, own)| row(*contender, own, turns.get(&Contender::Careful))).collect())
}

fn row(contender: Contender, turns: &[Turn], careful: Option<&Vec<Turn>>) -> Row {
    let pairs = careful.into_iter().flatten().zip(turns);
    let median =
        |number: &dyn Fn(&Turn) -> f64| Summary::of(turns.iter().map(number)).map_or(f64::NAN, |s| s.median);
    let cpu = |part: usize| format!("{:.2}", median(&|turn| turn.cpu_seconds_per_million()[part]));
    Row {
        workload: "balances",
        contender: contender.to_string(),
        events_per_second: median(&Turn::rate),
        ratio: Summary::of(pairs.map(|(careful, turn)| turn.rate() / careful.rate())),
        remarks: vec![
            ("first commit", format!("{:.0} ms", 1000.0 * median(&|turn| turn.seconds_to_first))),
            ("CPU s/M: own", cpu(0)),
            ("broker", cpu(1)),
            ("Redis", cpu(2)),
        ],
    }
}

/// Starts a contender on an empty Redis, waits until it is through, and compares the views.
fn take_turn(stage: &Stage, contender: Contender) -> anyhow::Result<Turn> {
    let load = contender.load(stage);
    stage.redis.flush_all();
    let servers_before = [cpu::seconds_of("java")?, cpu::seconds_of("redis-server")?];
    let started = Instant::now();
    let mut running = contender.start(stage)?;
    let mut first = None;
    eventually("all events are applied", TURN_NET, || {
        let checkpoints = stage.redis.checkpoints(PROJECTION);
        if !checkpoints.is_empty() {
            first.get_or_insert(started.elapsed());
        }
        match running.ended() {
            _ if checkpoints == load.ends => Ok(()),
            Some(status) => panic!("{contender} ended ({status}) before it was through\n{}", running.tail()),
            None => Err(format!("checkpoints {checkpoints:?} of {:?}", load.ends)),
        }
    });
    let seconds = started.elapsed().as_secs_f64();
    let [broker, redis] = [cpu::seconds_of("java")?, cpu::seconds_of("redis-server")?];
    let cpu_seconds =
        [cpu::seconds_of(contender.binary())?, broker - servers_before[0], redis - servers_before[1]];
    running.kill();
    load.views.balances_hold(&stage.redis).map_err(|difference| anyhow!("the views are wrong: {difference}"))?;
    let seconds_to_first = first.map_or(seconds, |first| first.as_secs_f64());
    Ok(Turn { seconds, seconds_to_first, events: load.events, cpu_seconds })
}
