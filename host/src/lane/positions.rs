//! How far a lane has read in each partition, so that what a reader gives again is not applied again.

use crate::event::Batch;
use crate::source::Start;

/// The next offset to read of each partition of a lane.
#[derive(Debug)]
pub(super) struct Positions {
    /// In the order of topic and partition.
    positions: Vec<Position>,
    /// Index of the one that was asked for last: runs of events of one partition are long as a rule.
    last: usize,
}

#[derive(Debug)]
struct Position {
    topic: u32,
    partition: u32,
    next: u64,
}

impl Positions {
    /// Where the lane begins.
    pub(super) fn new(starts: &[Start]) -> Self {
        let position = |start: &Start| Position {
            topic: start.topic,
            partition: start.at.partition,
            next: start.next.unwrap_or(0),
        };
        let mut positions: Vec<_> = starts.iter().map(position).collect();
        positions.sort_by_key(|at| (at.topic, at.partition));
        Self { positions, last: 0 }
    }

    /// Moves on over the events of a batch. If some of them were read before, gives a batch of the others.
    pub(super) fn pass(&mut self, batch: &Batch) -> Option<Batch> {
        let first_known = (0..batch.len()).find(|index| !self.pass_one(batch, *index))?;
        let mut new = batch.slice(0..first_known);
        for index in first_known + 1..batch.len() {
            if self.pass_one(batch, index) {
                new.push(&batch.event(index));
            }
        }
        Some(new)
    }

    /// Moves on over one event; false if it was read before.
    fn pass_one(&mut self, batch: &Batch, index: usize) -> bool {
        let (topic, partition, offset) = batch.place(index);
        let is_same = |at: &Position| (at.topic, at.partition) == (topic, partition);
        if !self.positions.get(self.last).is_some_and(is_same) {
            let found = self.positions.binary_search_by_key(&(topic, partition), |at| (at.topic, at.partition));
            self.last = found.expect("a reader gives only events of its partitions");
        }
        let position = &mut self.positions[self.last];
        let is_new = position.next <= offset;
        if is_new {
            position.next = offset + 1;
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, TopicPartition};

    fn batch(events: &[(u32, u32, u64)]) -> Batch {
        let mut batch = Batch::default();
        for &(topic, partition, offset) in events {
            batch.push(&Event { topic, partition, offset, timestamp: 0, key: None, headers: b"", payload: None });
        }
        batch
    }

    #[test]
    fn what_was_read_before_is_not_given_again() {
        let start =
            |topic, partition, next| Start { at: TopicPartition::new("t", partition), topic, next, id: None };
        let mut positions = Positions::new(&[start(0, 3, Some(5)), start(1, 3, None)]);
        assert_eq!(positions.pass(&batch(&[(0, 3, 5), (1, 3, 0), (0, 3, 9)])), None);
        let again = batch(&[(0, 3, 9), (0, 3, 12), (1, 3, 1), (0, 3, 11), (0, 3, 13), (1, 3, 0), (1, 3, 2)]);
        let new = batch(&[(0, 3, 12), (1, 3, 1), (0, 3, 13), (1, 3, 2)]);
        assert_eq!(positions.pass(&again), Some(new));
        assert_eq!(positions.pass(&again), Some(Batch::default()), "all of it");
        assert_eq!(Positions::new(&[start(0, 3, Some(5))]).pass(&batch(&[(0, 3, 4)])), Some(Batch::default()));
    }
}
