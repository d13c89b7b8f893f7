//! Merges the partitions of a lane by the time of their events. Never reorders within a partition.

use super::Error;
use crate::event::{Batch, BatchLimits, Event};

/// What a cursor has at its head.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Head {
    /// An event of this time and this many bytes.
    Event { timestamp: i64, bytes: usize },
    /// Nothing, and the log has no more at present.
    End,
    /// Nothing yet, but the log has more.
    Fetching,
}

/// One partition, read in order.
pub(super) trait Cursor {
    /// What comes next, without waiting.
    fn head(&mut self) -> Result<Head, Error>;

    /// Gives the event that `head` told of to `take` and moves on.
    fn take(&mut self, take: impl FnOnce(&Event<'_>));
}

/// Appends events to the batch until it is full or nothing more is at hand. Of several cursors the one with the
/// oldest event goes first, ties by their order; as long as one of them is still fetching, none goes, for what
/// comes may be older.
pub(super) fn fill<C: Cursor>(cursors: &mut [C], batch: &mut Batch, limits: &BatchLimits) -> Result<(), Error> {
    loop {
        let Some((index, bytes)) = oldest(cursors)? else { return Ok(()) };
        if batch.is_full_for(bytes, limits) {
            return Ok(());
        }
        cursors[index].take(|event| batch.push(event));
    }
}

/// Whether `fill` would give an event or an error.
pub(super) fn is_ready<C: Cursor>(cursors: &mut [C]) -> bool {
    !matches!(oldest(cursors), Ok(None))
}

/// Whether every cursor is at the end.
pub(super) fn is_at_end<C: Cursor>(cursors: &mut [C]) -> bool {
    cursors.iter_mut().all(|cursor| matches!(cursor.head(), Ok(Head::End)))
}

fn oldest<C: Cursor>(cursors: &mut [C]) -> Result<Option<(usize, usize)>, Error> {
    let mut oldest: Option<(i64, usize, usize)> = None;
    for (index, cursor) in cursors.iter_mut().enumerate() {
        match cursor.head()? {
            Head::Fetching => return Ok(None),
            Head::End => {}
            Head::Event { timestamp, bytes } => {
                if oldest.is_none_or(|(least, ..)| timestamp < least) {
                    oldest = Some((timestamp, index, bytes));
                }
            }
        }
    }
    Ok(oldest.map(|(_, index, bytes)| (index, bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    struct Script(VecDeque<Head>, u32);

    impl Cursor for Script {
        fn head(&mut self) -> Result<Head, Error> {
            Ok(self.0.front().copied().unwrap_or(Head::End))
        }

        fn take(&mut self, take: impl FnOnce(&Event<'_>)) {
            let Some(Head::Event { timestamp, .. }) = self.0.pop_front() else { panic!("nothing to take") };
            let event = Event {
                topic: self.1,
                partition: 0,
                offset: 0,
                timestamp,
                key: None,
                headers: b"",
                payload: None,
            };
            take(&event);
        }
    }

    fn at(timestamp: i64) -> Head {
        Head::Event { timestamp, bytes: 1 }
    }

    const LIMITS: BatchLimits = BatchLimits { events_max: 100, bytes_max: 1 << 20 };

    fn merged(cursors: &mut [Script]) -> Vec<(u32, i64)> {
        let mut batch = Batch::default();
        fill(cursors, &mut batch, &LIMITS).expect("scripts do not fail");
        batch.iter().map(|e| (e.topic, e.timestamp)).collect()
    }

    #[test]
    fn oldest_first_and_each_partition_in_its_own_order() {
        let mut cursors = [Script([at(1), at(9), at(4)].into(), 0), Script([at(2), at(3)].into(), 1)];
        assert_eq!(merged(&mut cursors), [(0, 1), (1, 2), (1, 3), (0, 9), (0, 4)]);
    }

    #[test]
    fn waits_for_a_partition_that_is_still_fetching() {
        let mut cursors = [Script([at(5), at(6)].into(), 0), Script([at(1), Head::Fetching].into(), 1)];
        assert_eq!(merged(&mut cursors), [(1, 1)]);
    }
}
