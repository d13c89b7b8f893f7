//! Messages in memory of our own: their bytes one behind the other, so that librdkafka's can be freed at once, by the
//! thread that has it in its cache.

use std::ops::Range;

use crate::native::Message;

/// Some messages. It keeps its memory when it is cleared.
#[derive(Default)]
pub struct Arena {
    bytes: Vec<u8>,
    messages: Vec<Place>,
}

/// A message, and where its bytes are.
struct Place {
    partition: i32,
    offset: i64,
    timestamp: i64,
    key: Option<Range<usize>>,
    payload: Option<Range<usize>>,
}

impl Arena {
    /// How many messages there are.
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.messages.clear();
    }

    /// Appends a copy.
    pub fn push(&mut self, message: &Message<'_>, offset: i64) {
        let key = message.key.map(|key| self.copy(key));
        let payload = message.payload.map(|payload| self.copy(payload));
        let Message { partition, timestamp, .. } = *message;
        self.messages.push(Place { partition, offset, timestamp, key, payload });
    }

    /// The messages with their offsets, in their order.
    pub fn messages(&self) -> impl Iterator<Item = (Message<'_>, i64)> {
        self.messages.iter().map(|place| {
            let bytes = |range: &Option<Range<usize>>| range.clone().map(|range| &self.bytes[range]);
            let (key, payload) = (bytes(&place.key), bytes(&place.payload));
            let Place { partition, offset, timestamp, .. } = *place;
            (Message { partition, timestamp, key, payload }, offset)
        })
    }

    fn copy(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        start..self.bytes.len()
    }
}
