//! The rounds: in each, every contender has one turn, in an order that rotates.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use lantern_tests::eventually;

use crate::contender::Contender;
use crate::cpu;
use crate::report::note;
use crate::results::{Number, Row, Unit, compare};
use crate::stage::Stage;

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
    /// The most memory that the contender had, as the kernel counts what is resident.
    memory_bytes: f64,
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
    let mut rows: Vec<Row> = turns.iter().map(|(contender, turns)| row(*contender, turns)).collect();
    compare(&mut rows, "events/s", &Contender::Careful.to_string());
    Ok(rows)
}

fn row(contender: Contender, turns: &[Turn]) -> Row {
    let number = |name, unit, value: &dyn Fn(&Turn) -> f64| Number::new(name, unit, turns.iter().map(value));
    let cpu = |name, part: usize| {
        number(name, Unit::CpuMicroseconds, &|turn: &Turn| turn.cpu_seconds_per_million()[part])
    };
    Row::new(
        "rebuild",
        "balances",
        contender.to_string(),
        vec![
            number("events/s", Unit::PerSecond, &Turn::rate),
            number("first commit", Unit::Seconds, &|turn| turn.seconds_to_first),
            cpu("CPU/event: own", 0),
            cpu("broker", 1),
            cpu("Redis", 2),
            number("memory", Unit::Bytes, &|turn| turn.memory_bytes),
        ],
    )
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
    let memory_bytes = running.resident_bytes_max() as f64;
    running.kill();
    load.views.balances_hold(&stage.redis).map_err(|difference| anyhow!("the views are wrong: {difference}"))?;
    let seconds_to_first = first.map_or(seconds, |first| first.as_secs_f64());
    Ok(Turn { seconds, seconds_to_first, events: load.events, cpu_seconds, memory_bytes })
}
