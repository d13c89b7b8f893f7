//! How many events a round may take: large batches cost less, but none is to last long or to write much at once. What the
//! last rounds took says how many that are.

use std::time::Duration;

/// A round is to take about this long at most: a tenth of what a plugin may take for a batch by default, for machines are
/// slow at times.
const TIME: Duration = Duration::from_millis(50);
/// About so many bytes are to be written in a round at most.
const WRITE_BYTES: usize = 8 << 20;
/// As long as nothing is known.
const FIRST: usize = 1000;

/// Learns from each round.
#[derive(Debug)]
pub(super) struct Stride {
    events: usize,
}

impl Default for Stride {
    fn default() -> Self {
        Self { events: FIRST }
    }
}

impl Stride {
    /// Events that the next round may take, at least one.
    pub(super) fn events(&self) -> usize {
        self.events
    }

    /// So many events took so long in a round, and wrote so many bytes. No round changes more than by half or to double: it may
    /// have been a bad moment, or have had easy events.
    pub(super) fn learn(&mut self, events: usize, took: Duration, wrote: usize) {
        if events == 0 {
            return;
        }
        let fits =
            |most: u128, used: u128| usize::try_from(events as u128 * most / used.max(1)).unwrap_or(usize::MAX);
        let fits = fits(TIME.as_nanos(), took.as_nanos()).min(fits(WRITE_BYTES as u128, wrote as u128));
        self.events = fits.clamp(self.events / 2, self.events.saturating_mul(2)).max(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The stride after so many rounds, each as long as it may be, of events that take so long and write so much.
    fn after(rounds: usize, mut stride: Stride, microseconds: u64, bytes: usize) -> Stride {
        for _ in 0..rounds {
            let events = stride.events();
            stride.learn(events, Duration::from_micros(microseconds) * events as u32, bytes * events);
        }
        stride
    }

    #[test]
    fn comes_to_what_fits() {
        assert_eq!(after(10, Stride::default(), 5, 0).events(), 10_000);
        assert_eq!(after(20, Stride::default(), 10_000, 0).events(), 5);
        assert_eq!(after(20, Stride::default(), 1_000_000, 0).events(), 1, "at least one");
        assert_eq!(after(10, Stride::default(), 0, 1 << 10).events(), 8 << 10);
        assert_eq!(after(20, Stride::default(), 5, 1 << 20).events(), 8);
        assert_eq!(after(20, after(20, Stride::default(), 10_000, 0), 5, 0).events(), 10_000, "and back");
    }

    #[test]
    fn one_round_is_not_everything() {
        let mut stride = Stride::default();
        stride.learn(0, Duration::from_secs(9), 0);
        assert_eq!(stride.events(), FIRST);
        stride.learn(10, Duration::from_secs(9), 0);
        assert_eq!(stride.events(), FIRST / 2);
        stride.learn(10, Duration::ZERO, 0);
        assert_eq!(stride.events(), FIRST);
    }
}
