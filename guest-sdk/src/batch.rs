//! A batch of events in columns, as the contract lays it out. Owns the bytes that events borrow.

/// The columns of `types.batch` in the contract.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Place, offset and time of each event.
    pub(crate) events: Vec<u64>,
    /// Where key, headers and payload of each event end in `data`.
    pub(crate) ends: Vec<u32>,
    pub(crate) data: Vec<u8>,
}

/// The bits of an event's place under its partition.
pub(crate) const PARTITION_SHIFT: u32 = 32;
/// The bits of an event's place that are its topic.
pub(crate) const TOPIC_MASK: u64 = (1 << 24) - 1;
/// In an event's place: it has a key.
pub(crate) const HAS_KEY: u64 = 1 << 24;
/// In an event's place: it has a payload.
pub(crate) const HAS_PAYLOAD: u64 = 2 << 24;
/// The time of an event that has none.
pub(crate) const NO_TIMESTAMP: i64 = -1;
/// The length of a header's value that is absent.
pub(crate) const NO_VALUE: u32 = u32::MAX;

/// Which third of an event's bytes.
#[derive(Clone, Copy)]
pub(crate) enum Part {
    Key,
    Headers,
    Payload,
}

impl Batch {
    /// How many events.
    pub(crate) fn len(&self) -> usize {
        self.events.len() / 3
    }

    /// Place, offset and time of event `index`.
    pub(crate) fn event(&self, index: usize) -> [u64; 3] {
        self.events.as_chunks().0[index]
    }

    /// The bytes of one part of event `index`.
    pub(crate) fn part(&self, index: usize, part: Part) -> &[u8] {
        let end = 3 * index + part as usize;
        let start = match end {
            0 => 0,
            _ => self.ends[end - 1] as usize,
        };
        &self.data[start..self.ends[end] as usize]
    }
}
