//! A lane's reader, which ends where the lane is to stop: nothing behind that is read, and once all partitions are there,
//! nothing at all.

use std::collections::{BTreeMap, HashMap};

use crate::event::{Batch, BatchLimits, TopicPartition};
use crate::source::{Error, Reader, Start};

/// Reads up to some offsets, or without an end.
pub(super) struct Bounded<R> {
    /// None if there is nothing left to read.
    reader: Option<R>,
    bounds: Option<Bounds>,
}

/// The offsets at which partitions end.
struct Bounds {
    ends: HashMap<(u32, u32), End>,
    /// Partitions that have not come to theirs.
    left: usize,
    /// Those that have since they were last asked for.
    reached: Vec<(TopicPartition, u64)>,
    read: Batch,
}

struct End {
    at: TopicPartition,
    /// The first offset that is not there any more.
    offset: u64,
    is_reached: bool,
}

/// Where to start reading what is before the ends. A partition without one has nothing.
pub(super) fn before(starts: Vec<Start>, ends: Option<&BTreeMap<TopicPartition, u64>>) -> Vec<Start> {
    let Some(ends) = ends else { return starts };
    let is_before = |start: &Start| start.next.unwrap_or(0) < ends.get(&start.at).copied().unwrap_or(0);
    starts.into_iter().filter(is_before).collect()
}

impl<R> Bounded<R> {
    /// What `reader` gives of these partitions before the ends.
    pub(super) fn new(reader: Option<R>, starts: &[Start], ends: Option<&BTreeMap<TopicPartition, u64>>) -> Self {
        let bounds = ends.map(|ends| {
            let end = |start: &Start| {
                let offset = ends.get(&start.at).copied().unwrap_or(0);
                ((start.topic, start.at.partition), End { at: start.at.clone(), offset, is_reached: false })
            };
            let ends: HashMap<_, _> = starts.iter().map(end).collect();
            Bounds { left: ends.len(), ends, reached: Vec::new(), read: Batch::default() }
        });
        Self { reader, bounds }
    }

    /// The partitions that have come to their end since this was last asked, and where that is. Their last offsets may have
    /// no event.
    pub(super) fn take_reached(&mut self) -> Vec<(TopicPartition, u64)> {
        self.bounds.as_mut().map(|bounds| std::mem::take(&mut bounds.reached)).unwrap_or_default()
    }
}

impl<R: Reader> Reader for Bounded<R> {
    async fn ready(&mut self) {
        match &mut self.reader {
            Some(reader) => reader.ready().await,
            None => std::future::pending().await,
        }
    }

    fn fill(&mut self, batch: &mut Batch, limits: &BatchLimits) -> Result<(), Error> {
        let Some(reader) = &mut self.reader else { return Ok(()) };
        let Some(bounds) = &mut self.bounds else { return reader.fill(batch, limits) };
        let mut read = std::mem::take(&mut bounds.read);
        read.clear();
        let filled = reader.fill(&mut read, limits);
        bounds.take(&read, batch);
        bounds.read = read;
        if bounds.left == 0 {
            self.reader = None;
        }
        filled
    }

    fn at_end(&mut self) -> bool {
        self.reader.as_mut().is_none_or(Reader::at_end)
    }
}

impl Bounds {
    /// Takes over what stands before the ends.
    fn take(&mut self, read: &Batch, batch: &mut Batch) {
        for event in read.iter() {
            let place = (event.topic, event.partition);
            let Some(end) = self.ends.get_mut(&place).filter(|end| !end.is_reached) else { continue };
            if event.offset < end.offset {
                batch.push(&event);
            }
            if event.offset + 1 >= end.offset {
                end.is_reached = true;
                self.left -= 1;
                self.reached.push((end.at.clone(), end.offset));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;
    use crate::source::Source;
    use crate::source::memory::MemoryLog;

    fn at(topic: &str) -> TopicPartition {
        TopicPartition::new(topic, 0)
    }

    fn log() -> MemoryLog {
        let events = |offsets: &[u64]| {
            let mut batch = Batch::default();
            for offset in offsets.iter().copied() {
                let timestamp = offset as i64;
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
        MemoryLog::new([(at("a"), events(&[0, 1, 7])), (at("b"), events(&[0, 1, 2, 3]))].into())
    }

    fn starts(next: [u64; 2]) -> Vec<Start> {
        let start = |((topic, index), next)| Start { at: at(topic), topic: index, next: Some(next), id: None };
        [("a", 0), ("b", 1)].into_iter().zip(next).map(start).collect()
    }

    #[tokio::test]
    async fn ends_at_the_offsets_also_where_no_event_has_the_last_one() {
        let ends = BTreeMap::from([(at("a"), 5), (at("b"), 2)]);
        let starts = before(starts([0, 0]), Some(&ends));
        let reader = log().open(starts.clone()).await.unwrap();
        let mut bounded = Bounded::new(Some(reader), &starts, Some(&ends));
        let mut batch = Batch::default();
        while !bounded.at_end() {
            bounded.fill(&mut batch, &BatchLimits { events_max: 100, bytes_max: 100 }).unwrap();
        }
        let given: Vec<_> = batch.iter().map(|event| (event.topic, event.offset)).collect();
        assert_eq!(given, [(0, 0), (1, 0), (0, 1), (1, 1)]);
        let mut reached = bounded.take_reached();
        reached.sort();
        assert_eq!(reached, [(at("a"), 5), (at("b"), 2)]);
        assert_eq!(bounded.take_reached(), []);
    }

    #[test]
    fn what_has_come_to_its_end_is_not_read_again() {
        let ends = BTreeMap::from([(at("a"), 5)]);
        let left = |next: [u64; 2]| {
            before(starts(next), Some(&ends)).into_iter().map(|start| start.at).collect::<Vec<_>>()
        };
        assert_eq!(left([4, 0]), [at("a")]);
        assert_eq!(left([5, 9]), []);
        assert_eq!(before(starts([5, 9]), None).len(), 2);
    }
}
