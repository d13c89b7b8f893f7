//! Events for tests.

use crate::batch::{Batch, HAS_KEY, HAS_PAYLOAD, NO_TIMESTAMP, NO_VALUE, PARTITION_SHIFT};

/// An event to feed to a projection. Made by [`event`] or [`tombstone`].
#[derive(Clone, Debug)]
pub struct TestEvent {
    topic: Option<&'static str>,
    partition: u32,
    offset: Option<u64>,
    timestamp: i64,
    key: Option<Vec<u8>>,
    headers: Vec<u8>,
    payload: Option<Vec<u8>>,
}

/// An event with a key and a payload, from the projection's first topic and partition 0.
pub fn event(key: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> TestEvent {
    TestEvent { payload: Some(payload.as_ref().into()), ..tombstone(key) }
}

/// An event with a key and no payload.
pub fn tombstone(key: impl AsRef<[u8]>) -> TestEvent {
    TestEvent {
        topic: None,
        partition: 0,
        offset: None,
        timestamp: NO_TIMESTAMP,
        key: Some(key.as_ref().into()),
        headers: Vec::new(),
        payload: None,
    }
}

impl TestEvent {
    /// From that topic, one of the projection's `TOPICS`.
    pub fn topic(mut self, topic: &'static str) -> Self {
        self.topic = Some(topic);
        self
    }

    /// From that partition.
    pub fn partition(mut self, partition: u32) -> Self {
        self.partition = partition;
        self
    }

    /// At that offset; otherwise the harness counts.
    pub fn offset(mut self, offset: u64) -> Self {
        self.offset = Some(offset);
        self
    }

    /// At that time, in milliseconds since 1970-01-01T00:00:00Z; otherwise it has none.
    pub fn timestamp(mut self, millis: i64) -> Self {
        self.timestamp = millis;
        self
    }

    /// Without a key.
    pub fn no_key(mut self) -> Self {
        self.key = None;
        self
    }

    /// With one more header.
    pub fn header(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.with_header(name, Some(value.as_ref()))
    }

    /// With one more header that has no value.
    pub fn header_without_value(self, name: &str) -> Self {
        self.with_header(name, None)
    }

    fn with_header(mut self, name: &str, value: Option<&[u8]>) -> Self {
        for length in [Some(length(name.as_bytes())), value.map(length)] {
            self.headers.extend(length.unwrap_or(NO_VALUE).to_le_bytes());
        }
        self.headers.extend(name.as_bytes());
        self.headers.extend(value.unwrap_or_default());
        self
    }

    /// Write it into the columns of a batch.
    pub(super) fn append_to(self, batch: &mut Batch, topics: &[&str], next_offset: u64) {
        let topic = match self.topic {
            None => 0,
            Some(name) => topics
                .iter()
                .position(|topic| *topic == name)
                .unwrap_or_else(|| panic!("the projection does not read the topic `{name}`")),
        };
        let mut place = u64::from(self.partition) << PARTITION_SHIFT | topic as u64;
        if self.key.is_some() {
            place |= HAS_KEY;
        }
        if self.payload.is_some() {
            place |= HAS_PAYLOAD;
        }
        batch.events.extend([place, self.offset.unwrap_or(next_offset), self.timestamp.cast_unsigned()]);
        for part in [self.key.unwrap_or_default(), self.headers, self.payload.unwrap_or_default()] {
            batch.data.extend(part);
            batch.ends.push(length(&batch.data));
        }
    }
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("a test's events are small")
}
