//! Who reads a shared source in the tests, and remembers what it was given.

use std::collections::BTreeMap;
use std::time::Duration;

use super::script::Script;
use crate::event::{Batch, BatchLimits, TopicPartition};
use crate::source::shared::{Shared, SharedReader};
use crate::source::{Error, Reader, Source, Start};

/// Longer than any of the reader's own waits.
pub(super) const LONG: Duration = Duration::from_secs(30);

pub(super) const MANY: BatchLimits = BatchLimits { events_max: 1000, bytes_max: 1 << 20 };

pub(super) struct Lane {
    pub(super) shared: Shared<Script>,
    pub(super) reader: SharedReader<Script>,
    /// Index that the topic has for this lane.
    pub(super) topic: u32,
    pub(super) partitions: Vec<u32>,
    /// The offsets it was given of each partition.
    pub(super) seen: BTreeMap<u32, Vec<u64>>,
    /// Partition and time of each event, in the order in which they were given.
    pub(super) order: Vec<(u32, i64)>,
}

impl Lane {
    pub(super) async fn open(shared: &Shared<Script>, topic: u32, partitions: &[u32]) -> Lane {
        Lane::open_at(shared, topic, partitions, None).await
    }

    pub(super) async fn open_at(
        shared: &Shared<Script>,
        topic: u32,
        partitions: &[u32],
        next: Option<u64>,
    ) -> Lane {
        let start = |partition: &u32| Start { at: TopicPartition::new("t", *partition), topic, next, id: None };
        let reader = shared.open(partitions.iter().map(start).collect()).await.unwrap();
        let (shared, partitions) = (shared.clone(), partitions.to_vec());
        Lane { shared, reader, topic, partitions, seen: BTreeMap::new(), order: Vec::new() }
    }

    /// Waits so long for events, and takes what is there.
    pub(super) async fn take(&mut self, patience: Duration, limits: &BatchLimits) -> Result<bool, Error> {
        if tokio::time::timeout(patience, self.reader.ready()).await.is_err() {
            return Ok(false);
        }
        let mut batch = Batch::default();
        let filled = self.reader.fill(&mut batch, limits);
        for event in batch.iter() {
            assert_eq!(event.topic, self.topic);
            let offset: u64 = std::str::from_utf8(event.payload.unwrap()).unwrap().parse().unwrap();
            assert_eq!(offset, event.offset);
            self.seen.entry(event.partition).or_default().push(offset);
            self.order.push((event.partition, event.timestamp));
        }
        filled.map(|()| true)
    }

    /// Takes all there is, and has the time to join.
    pub(super) async fn drain(&mut self) {
        while self.take(LONG, &MANY).await.unwrap() {}
    }

    /// A new reader from where it stands, as after a fault of the lane.
    pub(super) async fn restart(&mut self) -> Result<(), Error> {
        let start = |partition: &u32| Start {
            at: TopicPartition::new("t", *partition),
            topic: self.topic,
            next: self.seen(*partition).last().map(|last| last + 1),
            id: None,
        };
        self.reader = self.shared.open(self.partitions.iter().map(start).collect()).await?;
        Ok(())
    }

    pub(super) fn seen(&self, partition: u32) -> &[u64] {
        self.seen.get(&partition).map_or(&[], Vec::as_slice)
    }
}
