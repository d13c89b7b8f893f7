//! Events in memory, behind the same port: for tests of plugins and for replays. They are released step by step, so that
//! whoever holds the gate says which lane takes how many next.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;

use tokio::sync::watch;

use super::merge::{self, Cursor, Head};
use super::{Assignment, Bounds, Error, Group, Source, Start, Topic};
use crate::event::{Batch, BatchLimits, Event, TopicPartition};

/// The events of some partitions, each partition in the order of its offsets.
#[derive(Clone, Debug)]
pub struct MemoryLog {
    partitions: Arc<BTreeMap<TopicPartition, Batch>>,
    /// How many events of its partitions a reader may have given, those before where it starts included.
    released: watch::Receiver<usize>,
}

/// Reads some partitions of a [`MemoryLog`].
#[derive(Debug)]
pub struct Reader {
    cursors: Vec<Place>,
    given: usize,
    released: watch::Receiver<usize>,
}

/// Where a reader stands in a partition.
#[derive(Debug)]
struct Place {
    partitions: Arc<BTreeMap<TopicPartition, Batch>>,
    at: TopicPartition,
    topic: u32,
    next: usize,
}

impl MemoryLog {
    /// These events, all of them released.
    pub fn new(partitions: BTreeMap<TopicPartition, Batch>) -> Self {
        Self { partitions: Arc::new(partitions), released: watch::channel(usize::MAX).1 }
    }

    /// The same events, of which a reader gives as many as are released.
    pub fn gated(&self, released: watch::Receiver<usize>) -> Self {
        Self { partitions: self.partitions.clone(), released }
    }

    /// The partitions that it has.
    pub fn partitions(&self) -> impl Iterator<Item = &TopicPartition> {
        self.partitions.keys()
    }

    /// All events of some partitions, each with the index of its topic, in the order in which a reader gives them.
    pub fn merged(&self, partitions: &[(u32, TopicPartition)]) -> Batch {
        let start =
            |(topic, at): &(u32, TopicPartition)| Start { at: at.clone(), topic: *topic, next: None, id: None };
        let mut reader = self.reader(partitions.iter().map(start).collect());
        let mut batch = Batch::default();
        let limits = BatchLimits { events_max: usize::MAX, bytes_max: usize::MAX };
        merge::fill(&mut reader.cursors, &mut batch, &limits).expect("memory has no faults");
        batch
    }

    fn reader(&self, from: Vec<Start>) -> Reader {
        let cursor = |Start { at, topic, next, .. }: Start| {
            let next = self.partitions.get(&at).map_or(0, |events| events.index_of(next.unwrap_or(0)));
            Place { partitions: self.partitions.clone(), at, topic, next }
        };
        let cursors: Vec<_> = from.into_iter().map(cursor).collect();
        let given = cursors.iter().map(|cursor| cursor.next).sum();
        Reader { cursors, given, released: self.released.clone() }
    }
}

impl Source for MemoryLog {
    type Reader = Reader;
    /// A host never runs on it.
    type Group = Infallible;

    async fn topic(&self, name: &str) -> Result<Topic, Error> {
        let last = self.partitions.keys().filter(|at| *at.topic == *name).map(|at| at.partition).max();
        match last {
            Some(last) => Ok(Topic { partitions: last + 1, id: None }),
            None => Err(Error::NoSuchTopic { topic: name.to_owned(), what: "memory".to_owned() }),
        }
    }

    async fn bounds(&self, at: &TopicPartition) -> Result<Bounds, Error> {
        let last = self.partitions.get(at).and_then(|events| events.iter().last().map(|event| event.offset));
        Ok(Bounds { first: 0, end: last.map_or(0, |last| last + 1) })
    }

    async fn is_compacted(&self, _topic: &str) -> Result<bool, Error> {
        Ok(false)
    }

    async fn open(&self, from: Vec<Start>) -> Result<Reader, Error> {
        Ok(self.reader(from))
    }

    async fn join(&self, _installation: &str, _host: &str) -> Result<Infallible, Error> {
        Err(Error::Taken { what: "memory".to_owned(), by: "its owner".to_owned() })
    }
}

impl super::Reader for Reader {
    async fn ready(&mut self) {
        let given = self.given;
        let is_released = self.released.wait_for(|released| *released > given).await.is_ok();
        if !is_released || !merge::is_ready(&mut self.cursors) {
            std::future::pending().await
        }
    }

    fn fill(&mut self, batch: &mut Batch, limits: &BatchLimits) -> Result<(), Error> {
        let (before, room) = (batch.len(), self.released.borrow().saturating_sub(self.given));
        let events_max = limits.events_max.min(before.saturating_add(room));
        if events_max > before {
            merge::fill(&mut self.cursors, batch, &BatchLimits { events_max, ..*limits })?;
        }
        self.given += batch.len() - before;
        Ok(())
    }

    fn at_end(&mut self) -> bool {
        self.given >= *self.released.borrow() || merge::is_at_end(&mut self.cursors)
    }
}

impl Place {
    fn event(&self) -> Option<Event<'_>> {
        let events = self.partitions.get(&self.at).filter(|events| self.next < events.len())?;
        Some(Event { topic: self.topic, ..events.event(self.next) })
    }
}

impl Cursor for Place {
    fn head(&mut self) -> Result<Head, Error> {
        Ok(match self.event() {
            Some(Event { timestamp, key, headers, payload, .. }) => {
                let bytes = key.map_or(0, <[u8]>::len) + headers.len() + payload.map_or(0, <[u8]>::len);
                Head::Event { timestamp, bytes }
            }
            None => Head::End,
        })
    }

    fn take(&mut self, take: impl FnOnce(&Event<'_>)) {
        if let Some(event) = self.event() {
            take(&event);
            self.next += 1;
        }
    }
}

impl Group for Infallible {
    fn subscribe(&self, _topics: BTreeSet<Arc<str>>) {
        match *self {}
    }

    fn assignment(&self) -> watch::Receiver<Assignment> {
        match *self {}
    }

    fn report(&self, _offsets: BTreeMap<TopicPartition, u64>) {
        match *self {}
    }

    async fn leave(self) {
        match self {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Reader as _;

    fn log() -> MemoryLog {
        let partition = |timestamps: &[i64]| {
            let mut batch = Batch::default();
            for (offset, timestamp) in (0..).zip(timestamps) {
                let timestamp = *timestamp;
                batch.push(&Event {
                    topic: 0,
                    partition: 0,
                    offset,
                    timestamp,
                    key: None,
                    headers: b"",
                    payload: None,
                });
            }
            batch
        };
        let partitions = [("a", vec![1, 4]), ("b", vec![2, 3])];
        MemoryLog::new(partitions.map(|(topic, times)| (TopicPartition::new(topic, 0), partition(&times))).into())
    }

    fn starts(next: Option<u64>) -> Vec<Start> {
        let topics = ["a", "b"].into_iter().zip(0..);
        topics
            .map(|(topic, index)| Start { at: TopicPartition::new(topic, 0), topic: index, next, id: None })
            .collect()
    }

    fn times(batch: &Batch) -> Vec<i64> {
        batch.iter().map(|event| event.timestamp).collect()
    }

    #[tokio::test]
    async fn gives_what_is_released_and_no_more() {
        let (release, released) = watch::channel(1);
        let mut reader = log().gated(released).open(starts(None)).await.unwrap();
        let limits = BatchLimits { events_max: 10, bytes_max: 100 };
        let mut batch = Batch::default();
        reader.ready().await;
        reader.fill(&mut batch, &limits).unwrap();
        assert_eq!((times(&batch), reader.at_end()), (vec![1], true));
        release.send_replace(3);
        reader.ready().await;
        reader.fill(&mut batch, &limits).unwrap();
        assert_eq!((times(&batch), reader.at_end()), (vec![1, 2, 3], true));
    }

    #[tokio::test]
    async fn what_is_before_the_start_counts_as_given() {
        let mut reader = log().gated(watch::channel(3).1).open(starts(Some(1))).await.unwrap();
        let mut batch = Batch::default();
        reader.fill(&mut batch, &BatchLimits { events_max: 10, bytes_max: 100 }).unwrap();
        assert_eq!(times(&batch), [3]);
    }
}
