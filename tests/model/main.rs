//! The model test: real hosts, lanes and the commit protocol, on a log, a store and records in memory, through lines on which
//! everything goes wrong that can, in an order that a seed gives. After every commit and every change of a record, the views
//! must be the fold of the log up to their checkpoint; at the end, when faults have ceased, up to its end.
//!
//! Nothing in it depends on chance or on time, so a seed that fails fails again. It is shown with the fewest steps that fail.
//!
//! - `LANTERN_MODEL_SCHEDULES=100000`: so many schedules in place of 20,000;
//! - `LANTERN_MODEL_SEED=7`: from this seed on, in place of 0;
//! - `LANTERN_MODEL_STEPS=0,4,9`: only these steps of the one schedule of that seed, with all that happens.

mod check;
mod coverage;
mod fold;
mod line;
mod log;
mod operator;
mod play;
mod plugin;
mod registry;
mod schedule;
mod shrink;
mod source;
mod store;
mod world;

use std::fmt::Write;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;

use coverage::Coverage;
use play::{Played, play};
use schedule::Schedule;

/// How many schedules are played unless told otherwise.
const SCHEDULES: u64 = 20_000;
/// So many must let everything happen that is expected.
const ENOUGH: u64 = 2_000;
/// Threads that play, each its own schedules.
const THREADS: u64 = 2;
/// The last lines of a trace that are shown of a failure.
const TRACE_SHOWN: usize = 150;

#[test]
#[allow(clippy::print_stderr)] // how often what happened, for those who want to know: --nocapture
fn every_view_is_the_fold_of_its_log_whatever_happens() {
    let first = number("LANTERN_MODEL_SEED").unwrap_or(0);
    if let Ok(steps) = std::env::var("LANTERN_MODEL_STEPS") {
        let kept: Vec<usize> =
            steps.split(',').map(|step| step.trim().parse().expect("numbers of steps")).collect();
        return replay(first, &kept);
    }
    let count = number("LANTERN_MODEL_SCHEDULES").unwrap_or(SCHEDULES);
    let (next, failed) = (AtomicU64::new(first), AtomicBool::new(false));
    let work = || {
        let mut coverage = Coverage::default();
        loop {
            let seed = next.fetch_add(1, Relaxed);
            if seed - first >= count || failed.load(Relaxed) {
                return Ok(coverage);
            }
            let played = play(&Schedule::new(seed), false);
            if let Some(violation) = played.violation {
                failed.store(true, Relaxed);
                return Err((seed, violation));
            }
            coverage.merge(&played.coverage);
        }
    };
    let results: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().expect("what panics is caught in its task")).collect()
    });
    let mut coverage = Coverage::default();
    for result in results {
        match result {
            Ok(part) => coverage.merge(&part),
            Err((seed, violation)) => panic!("{}", explain(seed, &violation)),
        }
    }
    eprintln!("{count} schedules from seed {first}, in which happened:\n{coverage}");
    assert!(count < ENOUGH || coverage.missing().is_empty(), "this never happened: {:?}", coverage.missing());
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in 0..50 {
        let [one, other] = [(); 2].map(|()| play(&Schedule::new(seed), true).trace);
        assert!(one.len() > 20, "seed {seed} has hardly a trace: {one:#?}");
        let differs = one.iter().zip(&other).find(|(one, other)| one != other);
        assert!(differs.is_none() && one.len() == other.len(), "seed {seed}: {differs:?}");
    }
}

/// A failure with the fewest steps that fail, and how to play them again.
fn explain(seed: u64, violation: &str) -> String {
    let schedule = Schedule::new(seed);
    let kept = shrink::shrink(&schedule, (0..schedule.steps.len()).collect());
    let short = schedule.with(&kept);
    let Played { violation: shortest, trace, .. } = play(&short, true);
    let steps: Vec<_> = kept.iter().map(ToString::to_string).collect();
    let mut text = format!("seed {seed}: {violation}\n\n{:?}\n", schedule.shape);
    for (index, step) in kept.iter().zip(&short.steps) {
        let _ = writeln!(text, "{index:>6}  {step:?}");
    }
    let shown = &trace[trace.len().saturating_sub(TRACE_SHOWN)..];
    let _ = write!(text, "\n{}\n\nof these steps alone: {}\n", shown.join("\n"), shortest.unwrap_or_default());
    let again = format!("LANTERN_MODEL_SEED={seed} LANTERN_MODEL_STEPS={}", steps.join(","));
    let _ = writeln!(text, "again: {again} ./x test --test model whatever_happens");
    text
}

/// Plays some steps of a schedule, and shows all that happens.
#[allow(clippy::print_stderr)] // it is what was asked for
fn replay(seed: u64, kept: &[usize]) {
    let played = play(&Schedule::new(seed).with(kept), true);
    eprintln!("{}", played.trace.join("\n"));
    assert!(played.violation.is_none(), "seed {seed}: {}", played.violation.unwrap_or_default());
}

fn number<T: FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}
