//! Makes a schedule that fails as short as it gets: leaves out steps as long as it still fails.

use super::play::play;
use super::schedule::Schedule;

/// How many schedules are played for it at most.
const TRIES: usize = 4_000;

/// The indices of steps that are enough for a failure.
pub fn shrink(schedule: &Schedule, mut kept: Vec<usize>) -> Vec<usize> {
    let mut tries = 0;
    let mut fails = |kept: &[usize]| {
        tries += 1;
        tries <= TRIES && play(&schedule.with(kept), false).violation.is_some()
    };
    let mut chunk = kept.len().div_ceil(2);
    loop {
        let mut from = 0;
        let before = kept.len();
        while from < kept.len() {
            let without: Vec<_> = kept
                .iter()
                .enumerate()
                .filter(|(at, _)| !(from..from + chunk).contains(at))
                .map(|(_, i)| *i)
                .collect();
            if fails(&without) {
                kept = without;
            } else {
                from += chunk;
            }
        }
        if chunk > 1 {
            chunk = chunk.div_ceil(2);
        } else if kept.len() == before {
            return kept;
        }
    }
}
