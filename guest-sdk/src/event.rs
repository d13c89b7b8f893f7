//! Borrowed views over a batch: an event, its headers, and the events of a batch. Copies nothing.

use crate::batch::{Batch, HAS_KEY, HAS_PAYLOAD, NO_TIMESTAMP, NO_VALUE, PARTITION_SHIFT, Part, TOPIC_MASK};
use crate::{Error, Result};

/// One event: a record of a topic.
///
/// What it lends lives as long as the batch (`'a`), so decoded values may borrow from it. For the
/// decoding methods see below.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    batch: &'a Batch,
    topics: &'static [&'static str],
    index: usize,
}

impl<'a> Event<'a> {
    /// The topic it came from, by the name that the plugin gave it in `TOPICS`, whatever the
    /// operator's name for it is.
    pub fn topic(&self) -> &'static str {
        self.topics[self.topic_index()]
    }

    /// The topic it came from, as an index into `TOPICS`.
    pub fn topic_index(&self) -> usize {
        (self.place() & TOPIC_MASK) as usize
    }

    /// Its partition.
    pub fn partition(&self) -> u32 {
        (self.place() >> PARTITION_SHIFT) as u32
    }

    /// Its offset in its topic and partition. Offsets ascend, with gaps.
    pub fn offset(&self) -> u64 {
        self.batch.event(self.index)[1]
    }

    /// Its time in milliseconds since 1970-01-01T00:00:00Z. The only clock that a projection has.
    pub fn timestamp(&self) -> Option<i64> {
        Some(self.batch.event(self.index)[2].cast_signed()).filter(|&millis| millis != NO_TIMESTAMP)
    }

    /// Its key.
    pub fn key(&self) -> Option<&'a [u8]> {
        self.has(HAS_KEY).then(|| self.batch.part(self.index, Part::Key))
    }

    /// Its key as text.
    ///
    /// # Errors
    ///
    /// When it has no key, or one that is not UTF-8.
    pub fn key_str(&self) -> Result<&'a str> {
        let key = self.key().ok_or_else(|| Error::msg("the event has no key"))?;
        std::str::from_utf8(key).map_err(|_| Error::msg("the event's key is not UTF-8"))
    }

    /// Its payload; `None` for a tombstone.
    pub fn payload(&self) -> Option<&'a [u8]> {
        self.has(HAS_PAYLOAD).then(|| self.batch.part(self.index, Part::Payload))
    }

    /// Whether it is a tombstone: an event without a payload, which by convention ends its key.
    pub fn is_tombstone(&self) -> bool {
        !self.has(HAS_PAYLOAD)
    }

    /// Its headers in their order. A name may occur more than once, and a value may be absent.
    pub fn headers(&self) -> Headers<'a> {
        Headers { rest: self.batch.part(self.index, Part::Headers) }
    }

    /// The value of the last header of that name: where a name is repeated, the last one counts.
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        self.headers().filter(|(found, _)| *found == name.as_bytes()).last().and_then(|(_, value)| value)
    }

    fn place(&self) -> u64 {
        self.batch.event(self.index)[0]
    }

    fn has(&self, flag: u64) -> bool {
        self.place() & flag != 0
    }
}

/// The headers of an event: names and values.
#[derive(Clone, Debug)]
pub struct Headers<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Headers<'a> {
    type Item = (&'a [u8], Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let name_len = self.length();
        let value_len = self.length();
        let name = self.take(name_len as usize);
        let value = (value_len != NO_VALUE).then(|| self.take(value_len as usize));
        Some((name, value))
    }
}

impl<'a> Headers<'a> {
    fn length(&mut self) -> u32 {
        let (length, rest) = self.rest.split_first_chunk().expect("the host writes two lengths for each header");
        self.rest = rest;
        u32::from_le_bytes(*length)
    }

    fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(len);
        self.rest = rest;
        taken
    }
}

/// The events of a batch, in partition order.
#[derive(Clone, Copy, Debug)]
pub struct Events<'a> {
    batch: &'a Batch,
    topics: &'static [&'static str],
}

impl<'a> Events<'a> {
    pub(crate) fn new(batch: &'a Batch, topics: &'static [&'static str]) -> Self {
        Self { batch, topics }
    }

    /// Each event.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Event<'a>> + use<'a> {
        let Self { batch, topics } = *self;
        (0..batch.len()).map(move |index| Event { batch, topics, index })
    }

    /// The keys of the events that have one, in their order and with repetitions.
    pub fn keys(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.iter().filter_map(|event| event.key())
    }
}
