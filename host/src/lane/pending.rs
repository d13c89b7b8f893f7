//! How far the lane has come with events that are applied and not yet on their way to the store.

use std::sync::Arc;

use tokio::time::Instant;

use crate::event::{Batch, TopicPartition};
use crate::store::{Checkpoint, Mark};

/// Events that are applied and wait for their commit.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// How many.
    pub(super) events: usize,
    /// Their bytes.
    pub(super) bytes: usize,
    /// Since when something waits for its commit.
    pub(super) since: Option<Instant>,
    marks: Checkpoint,
}

impl Pending {
    /// Notes that a batch is applied.
    pub(super) fn add(&mut self, batch: &Batch, topics: &[Arc<str>]) {
        if batch.is_empty() {
            return;
        }
        self.events += batch.len();
        self.bytes += batch.bytes();
        self.since.get_or_insert_with(Instant::now);
        // Runs of events of one partition are long as a rule, so its mark is looked up once a run.
        let mut events = batch.iter().peekable();
        while let Some(event) = events.next() {
            let (mut last, mut newest) = (event.offset, event.timestamp);
            while let Some(next) = events.next_if(|e| (e.topic, e.partition) == (event.topic, event.partition)) {
                last = next.offset;
                newest = newest.max(next.timestamp);
            }
            let at = TopicPartition::new(topics[event.topic as usize].clone(), event.partition);
            let mark = self.marks.entry(at).or_insert(Mark { next: 0, newest: -1 });
            *mark = Mark { next: last + 1, newest: mark.newest.max(newest) };
        }
    }

    /// Notes that a partition has nothing more before an offset.
    pub(super) fn pass(&mut self, at: TopicPartition, next: u64) {
        let mark = self.marks.entry(at).or_insert(Mark { next, newest: -1 });
        mark.next = mark.next.max(next);
        self.touch();
    }

    /// Notes that there is something else to commit.
    pub(super) fn touch(&mut self) {
        self.since.get_or_insert_with(Instant::now);
    }

    /// Whether nothing waits for its commit.
    pub(super) fn is_empty(&self) -> bool {
        self.since.is_none()
    }

    /// Takes all, for a commit. A mark never says less of the newest time than `before` did.
    pub(super) fn take(&mut self, before: &Checkpoint) -> (usize, Checkpoint) {
        let mut taken = std::mem::take(self);
        for (at, mark) in &mut taken.marks {
            let newest = before.get(at).map_or(-1, |mark| mark.newest);
            mark.newest = mark.newest.max(newest);
        }
        (taken.events, taken.marks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;

    #[test]
    fn marks_where_each_partition_stands() {
        let mut batch = Batch::default();
        for (topic, offset, timestamp) in [(0, 3, 50), (0, 7, 20), (1, 1, -1), (0, 8, 30)] {
            let event = Event { topic, partition: 2, offset, timestamp, key: None, headers: b"", payload: None };
            batch.push(&event);
        }
        let topics: [Arc<str>; 2] = ["a".into(), "b".into()];
        let mut pending = Pending::default();
        pending.add(&batch, &topics);
        let before = [(TopicPartition::new("a", 2), Mark { next: 3, newest: 60 })].into();

        let (events, marks) = pending.take(&before);
        let expected = [
            (TopicPartition::new("a", 2), Mark { next: 9, newest: 60 }),
            (TopicPartition::new("b", 2), Mark { next: 2, newest: -1 }),
        ];
        assert_eq!((events, marks), (4, expected.into()));
        assert_eq!(pending.events, 0);
    }
}
