//! Events, and the columns in which they travel from the source to the plugin.
//!
//! A [`Batch`] has the layout of the contract's `batch` record (`wit/projection.wit`), so that a source writes an event
//! once and the sandbox hands whole columns to the guest. Nothing here knows where events come from.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// Length that stands for "no value" in an encoded header.
const NO_VALUE: u32 = u32::MAX;

/// Where an event's place holds its parts (`batch.events` in the contract).
const PARTITION_SHIFT: u32 = 32;
const FLAGS_SHIFT: u32 = 24;
const TOPIC_MASK: u64 = (1 << FLAGS_SHIFT) - 1;
const HAS_KEY: u64 = 1 << FLAGS_SHIFT;
const HAS_PAYLOAD: u64 = 2 << FLAGS_SHIFT;

/// One partition of one topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// The topic's name.
    pub topic: Arc<str>,
    /// The partition's number, from 0.
    pub partition: u32,
}

impl TopicPartition {
    /// Names a partition.
    pub fn new(topic: impl Into<Arc<str>>, partition: u32) -> Self {
        Self { topic: topic.into(), partition }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}

/// Where an event stands: `topic/partition@offset`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The partition it is in.
    pub at: TopicPartition,
    /// Its offset there.
    pub offset: u64,
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.at, self.offset)
    }
}

/// One event, borrowed from wherever it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event<'a> {
    /// Index of its topic in the list of topics that the projection reads.
    pub topic: u32,
    /// The partition it comes from.
    pub partition: u32,
    /// Its offset in that partition.
    pub offset: u64,
    /// Milliseconds since the Unix epoch; -1 if it has no time (Kafka's own convention).
    pub timestamp: i64,
    /// The key, if it has one.
    pub key: Option<&'a [u8]>,
    /// The headers, encoded as the contract says; see [`encode_header`].
    pub headers: &'a [u8],
    /// The payload; none is a tombstone.
    pub payload: Option<&'a [u8]>,
}

/// Appends one header to `headers` in the contract's encoding.
pub fn encode_header(headers: &mut Vec<u8>, name: &[u8], value: Option<&[u8]>) {
    headers.extend_from_slice(&length(name.len()).to_le_bytes());
    headers.extend_from_slice(&value.map_or(NO_VALUE, |v| length(v.len())).to_le_bytes());
    headers.extend_from_slice(name);
    headers.extend_from_slice(value.unwrap_or_default());
}

/// The headers of that encoding, in their order: names and values.
pub fn headers(encoded: &[u8]) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
    let mut rest = encoded;
    std::iter::from_fn(move || {
        let (lengths, parts) = rest.split_first_chunk::<8>()?;
        let [name, value] = [0, 4].map(|at| u32::from_le_bytes([0, 1, 2, 3].map(|i| lengths[at + i])));
        let (name, parts) = parts.split_at_checked(name as usize)?;
        let (value, parts) = match value {
            NO_VALUE => (None, parts),
            length => parts.split_at_checked(length as usize).map(|(value, rest)| (Some(value), rest))?,
        };
        rest = parts;
        Some((name, value))
    })
}

/// Events in columns, in the order in which they are to be applied.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Place, offset and time of each event.
    events: Vec<[u64; 3]>,
    /// Where key, headers and payload of each event end in `data`.
    ends: Vec<[u32; 3]>,
    data: Vec<u8>,
}

/// How large a batch may grow. A batch always takes one event, however large that is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchLimits {
    /// The most events.
    pub events_max: usize,
    /// The most bytes of keys, headers and payloads, one event excepted.
    pub bytes_max: usize,
}

/// The columns of a batch, for the sandbox to hand over as they are.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // each is the contract's column of that name
pub struct Columns<'a> {
    pub events: &'a [u64],
    pub ends: &'a [u32],
    pub data: &'a [u8],
}

impl Batch {
    /// Appends an event.
    pub fn push(&mut self, event: &Event<'_>) {
        let key = if event.key.is_some() { HAS_KEY } else { 0 };
        let payload = if event.payload.is_some() { HAS_PAYLOAD } else { 0 };
        let place =
            u64::from(event.partition) << PARTITION_SHIFT | payload | key | u64::from(event.topic) & TOPIC_MASK;
        self.events.push([place, event.offset, event.timestamp.cast_unsigned()]);
        let mut part = |part: &[u8]| {
            self.data.extend_from_slice(part);
            length(self.data.len())
        };
        let ends =
            [part(event.key.unwrap_or_default()), part(event.headers), part(event.payload.unwrap_or_default())];
        self.ends.push(ends);
    }

    /// How many events it has.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Bytes of all keys, headers and payloads.
    pub fn bytes(&self) -> usize {
        self.data.len()
    }

    /// Whether another event of `bytes` bytes would go beyond the limits.
    pub fn is_full_for(&self, bytes: usize, limits: &BatchLimits) -> bool {
        !self.is_empty() && (self.len() >= limits.events_max || self.bytes() + bytes > limits.bytes_max)
    }

    /// Forgets all events and keeps the memory.
    pub fn clear(&mut self) {
        self.events.clear();
        self.ends.clear();
        self.data.clear();
    }

    /// Gives back the memory that it does not need.
    pub fn shrink_to_fit(&mut self) {
        self.events.shrink_to_fit();
        self.ends.shrink_to_fit();
        self.data.shrink_to_fit();
    }

    /// Bytes of memory that its columns take.
    pub fn memory_bytes(&self) -> usize {
        let places = self.events.capacity() * size_of::<[u64; 3]>();
        places + self.ends.capacity() * size_of::<[u32; 3]>() + self.data.capacity()
    }

    /// Index of the first event at an offset or behind it, in a batch of one partition.
    pub fn index_of(&self, offset: u64) -> usize {
        self.events.partition_point(|[_, at, _]| *at < offset)
    }

    /// Topic, partition and offset of the event at `index`. Panics if there is none.
    pub fn place(&self, index: usize) -> (u32, u32, u64) {
        let [place, offset, _] = self.events[index];
        ((place & TOPIC_MASK) as u32, (place >> PARTITION_SHIFT) as u32, offset)
    }

    /// The event at `index`. Panics if there is none.
    pub fn event(&self, index: usize) -> Event<'_> {
        let [place, offset, timestamp] = self.events[index];
        let [key, headers, payload] = self.ends[index];
        let start = if index == 0 { 0 } else { self.ends[index - 1][2] };
        let part = |from: u32, to: u32| &self.data[from as usize..to as usize];
        Event {
            topic: (place & TOPIC_MASK) as u32,
            partition: (place >> PARTITION_SHIFT) as u32,
            offset,
            timestamp: timestamp.cast_signed(),
            key: (place & HAS_KEY != 0).then(|| part(start, key)),
            headers: part(key, headers),
            payload: (place & HAS_PAYLOAD != 0).then(|| part(headers, payload)),
        }
    }

    /// All events in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Event<'_>> {
        (0..self.len()).map(|index| self.event(index))
    }

    /// A batch of its own with only the events at these indexes.
    pub fn select(&self, indexes: &[usize]) -> Batch {
        let mut batch = Batch::default();
        indexes.iter().for_each(|index| batch.push(&self.event(*index)));
        batch
    }

    /// A batch of its own with only the events in `range`.
    pub fn slice(&self, range: Range<usize>) -> Batch {
        let mut batch = Batch::default();
        range.for_each(|index| batch.push(&self.event(index)));
        batch
    }

    /// The columns as the contract has them.
    pub fn columns(&self) -> Columns<'_> {
        Columns { events: self.events.as_flattened(), ends: self.ends.as_flattened(), data: &self.data }
    }
}

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("a batch is cut long before 4 GiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(offset: u64) -> Event<'static> {
        Event {
            topic: 1,
            partition: 3,
            offset,
            timestamp: -1,
            key: Some(b"k"),
            headers: b"",
            payload: Some(b"payload"),
        }
    }

    #[test]
    fn gives_back_what_was_pushed() {
        let mut headers = Vec::new();
        encode_header(&mut headers, b"source", Some(b"web"));
        encode_header(&mut headers, b"source", None);
        let events = [
            event(7),
            Event { key: None, payload: None, ..event(9) },
            Event { key: Some(b""), headers: &headers, payload: Some(b""), ..event(10) },
        ];
        let mut batch = Batch::default();
        events.iter().for_each(|e| batch.push(e));

        assert_eq!(batch.iter().collect::<Vec<_>>(), events);
        assert_eq!(batch.slice(1..3).iter().collect::<Vec<_>>(), events[1..]);
    }

    #[test]
    fn finds_an_offset_or_what_follows_it() {
        let mut batch = Batch::default();
        [3, 4, 9].map(event).iter().for_each(|e| batch.push(e));
        assert_eq!([0, 3, 4, 5, 9, 10].map(|offset| batch.index_of(offset)), [0, 0, 1, 2, 2, 3]);
    }

    #[test]
    fn takes_one_event_however_large() {
        let limits = BatchLimits { events_max: 2, bytes_max: 4 };
        let mut batch = Batch::default();
        assert!(!batch.is_full_for(1000, &limits));
        batch.push(&event(0));
        assert!(batch.is_full_for(1, &limits));
    }
}
