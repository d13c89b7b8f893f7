//! The one waiting primitive: a condition is checked against reality until it holds.
//!
//! No other place of the tests may pause, and none assumes how long anything takes.

use std::time::{Duration, Instant};

/// The net under every wait: reached only when something is broken, so generous enough for a busy machine.
pub const NET: Duration = Duration::from_secs(120);

const PAUSE_MIN: Duration = Duration::from_millis(1);
const PAUSE_MAX: Duration = Duration::from_millis(25);

/// Checks until `check` gives a value, and returns it. What `check` gives as an error is what it saw instead; the
/// last of it is shown if the deadline passes.
#[track_caller]
pub fn eventually<T>(what: &str, deadline: Duration, mut check: impl FnMut() -> Result<T, String>) -> T {
    let started = Instant::now();
    let mut pause = PAUSE_MIN;
    loop {
        match check() {
            Ok(value) => return value,
            Err(seen) if started.elapsed() >= deadline => {
                panic!("after {deadline:?} still not so: {what}\nlast seen: {seen}")
            }
            Err(_) => std::thread::park_timeout(pause),
        }
        pause = (pause * 2).min(PAUSE_MAX);
    }
}
