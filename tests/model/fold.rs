//! What the views must be: each partition's events, in order and once, folded without Lantern.

use std::collections::BTreeMap;

use lantern::event::TopicPartition;

use super::log::Record;

/// What a partition's events come to, after some of them.
#[derive(Clone, Debug)]
pub struct Folded {
    /// The offset from which on events are not in it.
    pub next: u64,
    /// The newest time of an event.
    pub newest: i64,
    /// How many events, and a number that hangs on each of them and their order. None before the first.
    pub chain: Option<String>,
    pub keys: BTreeMap<Vec<u8>, Key>,
}

/// What the events of a key come to.
#[derive(Clone, Debug, Default)]
pub struct Key {
    /// How many there were.
    pub count: u64,
    /// How many there were when that was last written down.
    pub total: Option<u64>,
    /// The payload of the last one, unless that was a tombstone.
    pub last: Option<Vec<u8>>,
}

/// The folds of all partitions, by revision of the plugin: after each number of events.
#[derive(Default)]
pub struct Folds(BTreeMap<(u32, TopicPartition), Vec<Folded>>);

impl Folds {
    /// What a partition's events before an offset come to.
    pub fn before(&mut self, revision: u32, at: &TopicPartition, records: &[Record], next: u64) -> &Folded {
        let folds = self
            .0
            .entry((revision, at.clone()))
            .or_insert_with(|| vec![Folded { next: 0, newest: -1, chain: None, keys: BTreeMap::new() }]);
        for record in &records[folds.len() - 1..] {
            let folded = folds[folds.len() - 1].with(revision, record);
            folds.push(folded);
        }
        &folds[folds.partition_point(|folded| folded.next <= next) - 1]
    }
}

impl Folded {
    fn with(&self, revision: u32, record: &Record) -> Folded {
        let mut folded = self.clone();
        folded.next = record.offset + 1;
        folded.newest = folded.newest.max(record.timestamp);
        let before = self.chain.as_deref().and_then(parse_link);
        let (key, payload) = (record.key.as_deref(), record.payload.as_deref());
        let link = link(revision, before, record.offset, key, payload);
        folded.chain = Some(format_link(link));
        if let Some(key) = &record.key {
            let of_key = folded.keys.entry(key.clone()).or_default();
            of_key.count += 1;
            of_key.last.clone_from(&record.payload);
            if is_totalled(record.offset) {
                of_key.total = Some(of_key.count);
            }
        }
        folded
    }
}

/// Whether the count of an event's key is written down with it.
pub fn is_totalled(offset: u64) -> bool {
    offset % 8 == 1
}

/// The next link of a partition's chain: how many events there are, and what they hash to (FNV-1a).
pub fn link(
    revision: u32,
    before: Option<(u64, u64)>,
    offset: u64,
    key: Option<&[u8]>,
    payload: Option<&[u8]>,
) -> (u64, u64) {
    let (count, mut hash) = before.unwrap_or((0, u64::from(revision)));
    let mut absorb = |byte: u8| hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    offset.to_le_bytes().into_iter().for_each(&mut absorb);
    for part in [key, payload] {
        absorb(u8::from(part.is_some()));
        part.unwrap_or_default().iter().copied().for_each(&mut absorb);
    }
    (count + 1, hash)
}

/// A link as views have it.
pub fn format_link((count, hash): (u64, u64)) -> String {
    format!("{count} {hash:016x}")
}

/// Reads what [`format_link`] has written.
pub fn parse_link(text: &str) -> Option<(u64, u64)> {
    let (count, hash) = text.split_once(' ')?;
    Some((count.parse().ok()?, u64::from_str_radix(hash, 16).ok()?))
}
