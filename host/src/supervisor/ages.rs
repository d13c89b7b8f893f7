//! How long old generations have been kept. The records say since when by Redis's clock, and that clock may be set; so a
//! host holds it against its own, which can only go forward, and has the record put right.
//!
//! A clock that was set while no host ran is not noticed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use super::desired::GenerationKey;

/// By so much the two may differ between two looks: clocks drift, and are put right little by little.
const SLACK: Duration = Duration::from_secs(5);

/// Old generations as they were last seen.
#[derive(Default)]
pub(super) struct Ages {
    seen: BTreeMap<GenerationKey, Seen>,
}

struct Seen {
    at: Instant,
    /// Milliseconds for which it had been kept by then.
    kept: i64,
}

/// How long a generation was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    /// So many milliseconds.
    Kept(i64),
    /// Redis's clock was set meanwhile. By what it shows now, the generation is kept since then.
    Since(i64),
}

impl Ages {
    /// The age of a generation, of which the record says that it is kept since `retired`. `now` was Redis's time at the
    /// instant `at`, or a little later.
    pub(super) fn judge(&mut self, key: &GenerationKey, retired: i64, now: i64, at: Instant) -> Age {
        let claimed = now - retired;
        let passed = match self.seen.get(key) {
            Some(seen) => seen.kept + milliseconds(at.saturating_duration_since(seen.at)),
            // What is yet to come was not written by this clock.
            None => claimed.max(0),
        };
        if (claimed - passed).abs() > milliseconds(SLACK) {
            return Age::Since(now - passed);
        }
        self.seen.insert(key.clone(), Seen { at, kept: claimed });
        Age::Kept(claimed)
    }

    /// Forgets the others.
    pub(super) fn keep(&mut self, old: &BTreeSet<GenerationKey>) {
        self.seen.retain(|key, _| old.contains(key));
    }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const YEAR: i64 = 365 * 24 * 3_600_000;

    fn key() -> GenerationKey {
        ("balances".to_owned(), 1)
    }

    #[test]
    fn grows_older_with_both_clocks() {
        let (mut ages, at) = (Ages::default(), Instant::now());
        assert_eq!(ages.judge(&key(), 1_000, 61_000, at), Age::Kept(60_000));
        // A little drift adds up to nothing.
        for minute in 1..100 {
            let now = 61_000 + minute * 61_000;
            let at = at + Duration::from_secs(60) * minute as u32;
            assert_eq!(ages.judge(&key(), 1_000, now, at), Age::Kept(now - 1_000));
        }
    }

    #[test]
    fn a_clock_that_is_set_makes_nothing_older_or_younger() {
        for jump in [YEAR, 10_000, -10_000, -YEAR] {
            let (mut ages, at) = (Ages::default(), Instant::now());
            ages.judge(&key(), 1_000, 61_000, at);
            let (now, at) = (62_000 + jump, at + Duration::from_secs(1));
            assert_eq!(ages.judge(&key(), 1_000, now, at), Age::Since(1_000 + jump));
            // Until the record says so, and then it does not matter who has put it right.
            assert_eq!(ages.judge(&key(), 1_000, now, at), Age::Since(1_000 + jump));
            assert_eq!(ages.judge(&key(), 1_000 + jump, now, at), Age::Kept(61_000));
        }
    }

    #[test]
    fn what_was_retired_in_the_future_is_new() {
        let mut ages = Ages::default();
        assert_eq!(ages.judge(&key(), YEAR, 1_000, Instant::now()), Age::Since(1_000));
    }

    #[test]
    fn a_host_that_stood_still_before_it_asked_makes_nothing_older() {
        let (mut ages, at) = (Ages::default(), Instant::now());
        ages.judge(&key(), 0, 1_000, at);
        // Its own time was taken, then it was stopped for a minute, then Redis told its time.
        let age = ages.judge(&key(), 0, 62_000, at + Duration::from_secs(1));
        assert_eq!(age, Age::Since(60_000));
    }
}
