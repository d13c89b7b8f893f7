//! The one thing that goes by the clock: events that are sent at a rate, and times in which nothing is to happen.

use std::thread;
use std::time::{Duration, Instant};

/// Returns at this moment, or as soon after it as the machine allows.
pub fn until(due: Instant) {
    loop {
        let left = due.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        // It may return before its time.
        thread::park_timeout(left);
    }
}

/// Lets so much time pass.
pub fn pass(time: Duration) {
    until(Instant::now() + time);
}
