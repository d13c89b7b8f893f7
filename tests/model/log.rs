//! The log: what every event is follows from the seed, its partition and its number. Offsets have gaps, payloads may be
//! missing, times run backwards now and then.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lantern::event::TopicPartition;
use lantern_tests::random::Random;

/// One event of a partition.
#[derive(Clone, Debug)]
pub struct Record {
    pub offset: u64,
    pub timestamp: i64,
    pub key: Option<Vec<u8>>,
    pub payload: Option<Vec<u8>>,
}

/// All partitions.
pub struct Log {
    seed: u64,
    records: Mutex<BTreeMap<TopicPartition, Vec<Record>>>,
}

/// The name of the topic of a number.
pub fn topic(number: u32) -> String {
    format!("t{number}")
}

/// The keys that events of a partition have.
pub fn keys(at: &TopicPartition) -> impl Iterator<Item = Vec<u8>> {
    (0..3).map(move |number| format!("{}-{}-{number}", at.topic, at.partition).into_bytes())
}

impl Log {
    /// An empty one of so many topics and partitions.
    pub fn new(seed: u64, topics: u32, partitions: u32) -> Log {
        let all = (0..topics).flat_map(|number| {
            (0..partitions).map(move |partition| (TopicPartition::new(topic(number), partition), Vec::new()))
        });
        Log { seed, records: Mutex::new(all.collect()) }
    }

    /// All partitions and their events.
    pub fn lock(&self) -> MutexGuard<'_, BTreeMap<TopicPartition, Vec<Record>>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends events, and gives how many of them are tombstones and how many come after a gap.
    pub fn append(&self, at: &TopicPartition, count: u32) -> (u64, u64) {
        let mut records = self.lock();
        let Some(records) = records.get_mut(at) else { return (0, 0) };
        let (mut tombstones, mut gaps) = (0, 0);
        for _ in 0..count {
            let gap = self.gap(at, records.len());
            let record = self.record(at, records);
            tombstones += u64::from(record.payload.is_none());
            gaps += u64::from(gap > 0);
            records.push(record);
        }
        (tombstones, gaps)
    }

    /// The offset behind the last event of each partition that has any.
    pub fn ends(&self) -> BTreeMap<TopicPartition, u64> {
        let records = self.lock();
        let end = |(at, records): (&TopicPartition, &Vec<Record>)| Some((at.clone(), records.last()?.offset + 1));
        records.iter().filter_map(end).collect()
    }

    fn random(&self, at: &TopicPartition, number: usize) -> Random {
        let topic = at.topic.bytes().fold(0, |sum, byte| sum * 31 + u64::from(byte));
        Random::new(self.seed ^ topic << 40 ^ u64::from(at.partition) << 32 ^ (number as u64) << 8)
    }

    fn gap(&self, at: &TopicPartition, number: usize) -> u64 {
        [0, 0, 0, 1, 6][self.random(at, number).below(5) as usize]
    }

    fn record(&self, at: &TopicPartition, before: &[Record]) -> Record {
        let number = before.len();
        let mut random = self.random(at, number + (1 << 20));
        let next = before.last().map_or(0, |record| record.offset + 1);
        let key = keys(at).nth(random.below(4) as usize);
        let payload = (random.below(6) > 0).then(|| format!("{number}").into_bytes());
        let timestamp = random.below(1000) as i64 - 1;
        Record { offset: next + self.gap(at, number), timestamp, key, payload }
    }
}
