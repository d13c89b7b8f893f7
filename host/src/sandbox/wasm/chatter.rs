//! How much of what plugins log is passed on: so many lines and bytes a second, of all instances of a module together.
//! An instance that is made anew after each failure so gets no fresh allowance.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::limits::Limits;

const SECOND: Duration = Duration::from_secs(1);

/// What was logged in the present second. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Chatter(Arc<Mutex<Present>>);

#[derive(Debug, Default)]
struct Present {
    since: Option<Instant>,
    lines: usize,
    bytes: usize,
    /// Dropped, and nobody was told yet.
    dropped: u64,
    /// When it was last told.
    told: Option<Instant>,
}

impl Chatter {
    /// Whether a line is passed on. If not, it is counted.
    pub(super) fn may_say(&self, line: &str, limits: &Limits) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).may_say(Instant::now(), line.len(), limits)
    }

    /// How many lines were dropped, if it is time to say so: once a second.
    pub(super) fn dropped(&self) -> Option<u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).dropped(Instant::now())
    }
}

impl Present {
    fn may_say(&mut self, now: Instant, bytes: usize, limits: &Limits) -> bool {
        if self.since.is_none_or(|since| now.duration_since(since) >= SECOND) {
            (self.since, self.lines, self.bytes) = (Some(now), 0, 0);
        }
        let fits = self.lines < limits.log_lines_max && self.bytes + bytes <= limits.log_bytes_max;
        if fits {
            self.lines += 1;
            self.bytes += bytes;
        } else {
            self.dropped += 1;
        }
        fits
    }

    fn dropped(&mut self, now: Instant) -> Option<u64> {
        let is_time = self.told.is_none_or(|told| now.duration_since(told) >= SECOND);
        if self.dropped == 0 || !is_time {
            return None;
        }
        self.told = Some(now);
        Some(std::mem::take(&mut self.dropped))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_second_has_its_lines_and_bytes() {
        let limits = Limits { log_lines_max: 2, log_bytes_max: 10, ..Limits::default() };
        let mut present = Present::default();
        let start = Instant::now();
        let mut said =
            |seconds: f64, bytes| present.may_say(start + Duration::from_secs_f64(seconds), bytes, &limits);
        assert_eq!([said(0.0, 1), said(0.5, 1), said(0.9, 1)], [true, true, false], "by lines");
        assert_eq!([said(1.0, 10), said(1.5, 1), said(2.0, 11)], [true, false, false], "by bytes");
        let mut dropped = |seconds| present.dropped(start + Duration::from_secs(seconds));
        assert_eq!([dropped(2), dropped(2)], [Some(3), None]);
        present.may_say(start + SECOND * 2, 99, &limits);
        let mut dropped = |seconds| present.dropped(start + Duration::from_secs_f64(seconds));
        assert_eq!([dropped(2.5), dropped(3.0), dropped(9.0)], [None, Some(1), None]);
    }
}
