//! A batch of events in columns, as the contract lays it out. Owns the bytes that events borrow.

/// Column `x[i]` belongs to event `i`; see `types.batch` in the contract.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub(crate) partitions: Vec<u32>,
    pub(crate) topics: Vec<u32>,
    pub(crate) offsets: Vec<u64>,
    pub(crate) timestamps: Vec<i64>,
    pub(crate) flags: Vec<u8>,
    pub(crate) ends: Vec<u32>,
    pub(crate) data: Vec<u8>,
}

/// In `flags`: the event has a key.
pub(crate) const HAS_KEY: u8 = 1;
/// In `flags`: the event has a payload.
pub(crate) const HAS_PAYLOAD: u8 = 2;
/// In `timestamps`: the event has none.
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
        self.offsets.len()
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
