//! The rounds: in each, every contender has one turn, in an order that rotates and turns round. First one that warms up and does
//! not count.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use clap::ValueEnum;
use lantern_tests::eventually;
use lantern_tests::page_in::page_in;

use crate::args;
use crate::contender::Contender;
use crate::report::note;
use crate::results::{Number, Row, Unit, compare};
use crate::rotation;
use crate::stage::{Case, Stage};
use crate::threads::{Part, Threads};
use crate::workload::Workload;

/// No turn takes as long as this, unless something is broken.
const TURN_NET: Duration = Duration::from_secs(600);

/// Who does what, and how often.
#[derive(Clone, Debug, clap::Args)]
pub struct Plan {
    /// Do these only
    #[arg(long = "workload", value_name = "WORKLOAD", value_delimiter = ',')]
    pub workloads: Vec<Workload>,

    /// Let these only take part; a ratio needs `careful` among them
    #[arg(long = "contender", value_name = "CONTENDER", value_delimiter = ',')]
    pub contenders: Vec<Contender>,

    /// How many rounds count; one more goes before them to warm up
    #[arg(long, value_name = "N", default_value_t = args::ROUNDS)]
    pub rounds: usize,

    /// How many events a topic has
    #[arg(long, value_name = "N", default_value_t = args::EVENTS)]
    pub events: u64,

    /// How many of them the naive contender goes through
    #[arg(long, value_name = "N", default_value_t = args::EVENTS_NAIVE)]
    pub events_short: u64,
}

/// What one turn of one contender took.
#[derive(Clone, Debug)]
struct Turn {
    /// From the start of the process until the checkpoint was at the end of every partition.
    seconds: f64,
    /// From the start of the process until the first checkpoint could be read.
    seconds_to_first: f64,
    /// How many events there were.
    events: u64,
    /// CPU seconds of the contender, of the broker and of Redis.
    cpu_seconds: [f64; 3],
    /// CPU seconds of the contender by part, as far as its threads tell.
    parts: BTreeMap<Part, f64>,
    /// The most memory that the contender had, as the kernel counts what is resident.
    memory_bytes: f64,
}

impl Turn {
    /// Events a second, the start of the process included.
    fn rate(&self) -> f64 {
        self.events as f64 / self.seconds
    }

    fn per_million(&self, seconds: f64) -> f64 {
        seconds * 1e6 / self.events as f64
    }
}

/// Plays all rounds of one workload after the other. What is not named in the plan is everything.
pub fn play(plan: &Plan) -> anyhow::Result<Vec<Row>> {
    let mut stage = Stage::set()?;
    let mut rows = Vec::new();
    for workload in chosen(&plan.workloads) {
        let contenders: Vec<Contender> =
            chosen(&plan.contenders).into_iter().filter(|contender| contender.does(workload)).collect();
        let (contenders, missing): (Vec<_>, Vec<_>) =
            contenders.into_iter().partition(|contender| contender.is_here());
        missing.iter().for_each(|contender| note(&format!("{workload}: no {contender}: it is not built")));
        if !contenders.is_empty() {
            let case = stage.load(workload, plan.events, plan.events_short)?;
            rows.extend(play_case(&stage, &case, &contenders, plan.rounds)?);
        }
    }
    Ok(rows)
}

fn chosen<T: ValueEnum + Clone>(named: &[T]) -> Vec<T> {
    if named.is_empty() { T::value_variants().to_vec() } else { named.to_vec() }
}

fn play_case(stage: &Stage, case: &Case, contenders: &[Contender], rounds: usize) -> anyhow::Result<Vec<Row>> {
    let mut turns: BTreeMap<Contender, Vec<Turn>> = BTreeMap::new();
    for round in 0..=rounds {
        for contender in rotation::order(contenders.len(), round).map(|place| contenders[place]) {
            let turn = take_turn(stage, case, contender)
                .with_context(|| format!("{}: {contender}, round {round}", case.workload))?;
            let rate = turn.rate();
            note(&format!("{}, round {round} of {rounds}: {contender:23} {rate:9.0} events/s", case.workload));
            if round > 0 {
                turns.entry(contender).or_default().push(turn);
            }
        }
    }
    let mut rows: Vec<Row> = turns.iter().map(|(contender, turns)| row(case, *contender, turns)).collect();
    compare(&mut rows, "events/s", &Contender::Careful.to_string());
    compare(&mut rows, "CPU/event", &Contender::Lantern.to_string());
    Ok(rows)
}

fn row(case: &Case, contender: Contender, turns: &[Turn]) -> Row {
    let number = |name, unit, value: &dyn Fn(&Turn) -> f64| Number::new(name, unit, turns.iter().map(value));
    let cpu = |name, seconds: &dyn Fn(&Turn) -> f64| {
        number(name, Unit::CpuMicroseconds, &|turn: &Turn| turn.per_million(seconds(turn)))
    };
    let part = |name, part: Part| cpu(name, &move |turn| turn.parts.get(&part).copied().unwrap_or_default());
    Row::new(
        "rebuild",
        case.workload.to_string(),
        contender.to_string(),
        vec![
            number("events/s", Unit::PerSecond, &Turn::rate),
            number("first commit", Unit::Seconds, &|turn| turn.seconds_to_first),
            cpu("CPU/event", &|turn| turn.cpu_seconds[0]),
            part("of it fetch", Part::Fetch),
            part("apply", Part::Apply),
            part("commit", Part::Commit),
            cpu("the rest", &|turn| turn.cpu_seconds[0] - turn.parts.values().sum::<f64>()),
            cpu("broker", &|turn| turn.cpu_seconds[1]),
            cpu("Redis", &|turn| turn.cpu_seconds[2]),
            number("memory", Unit::Bytes, &|turn| turn.memory_bytes),
        ],
    )
}

/// Starts a contender on an empty Redis, with its program and its topic in the machine's memory, waits until it is through, and
/// compares the views.
fn take_turn(stage: &Stage, case: &Case, contender: Contender) -> anyhow::Result<Turn> {
    let (load, projections) = (contender.load(case), contender.projections(case.workload));
    stage.redis.flush_all();
    contender.prepare(stage, case);
    stage.kafka.page_in(&load.topic)?;
    contender.programs().iter().try_for_each(|program| page_in(program))?;
    let servers = || [stage.kafka.cpu_time(), stage.redis.cpu_time()].map(|time| time.as_secs_f64());
    let servers_before = servers();
    let started = Instant::now();
    let mut running = contender.start(stage, case)?;
    let mut threads = Threads::of(running.id());
    let mut first = None;
    eventually("all events are applied", TURN_NET, || {
        threads.follow();
        let checkpoints: Vec<_> = projections.iter().map(|name| stage.redis.checkpoints(name)).collect();
        if checkpoints.iter().any(|checkpoints| !checkpoints.is_empty()) {
            first.get_or_insert(started.elapsed());
        }
        match running.ended() {
            _ if checkpoints.iter().all(|checkpoints| *checkpoints == load.ends) => Ok(()),
            Some(status) => panic!("{contender} ended ({status}) before it was through\n{}", running.tail()),
            None => Err(format!("checkpoints {checkpoints:?} of {:?}", load.ends)),
        }
    });
    let seconds = started.elapsed().as_secs_f64();
    let [broker, redis] = servers();
    let own = running.cpu_time().as_secs_f64();
    let cpu_seconds = [own, broker - servers_before[0], redis - servers_before[1]];
    let parts = threads.by_part();
    let memory_bytes = running.resident_bytes_max() as f64;
    running.kill();
    for name in &projections {
        let held = load.views.hold_under(name, &stage.redis);
        held.map_err(|difference| anyhow!("the views are wrong: {difference}"))?;
    }
    let seconds_to_first = first.map_or(seconds, |first| first.as_secs_f64());
    Ok(Turn { seconds, seconds_to_first, events: load.events, cpu_seconds, parts, memory_bytes })
}
