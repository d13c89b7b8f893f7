//! One event as the tests write it, and the partition that Kafka's default partitioner gives its key.

use serde_json::Value;

/// The time of the first generated event, in milliseconds since 1970.
pub const EPOCH_MS: i64 = 1_700_000_000_000;

/// An event that is to be appended to a topic. Its offset is where it lands.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The partition it goes to.
    pub partition: u32,
    /// Its time in milliseconds since 1970.
    pub timestamp: i64,
    /// Its key, if any.
    pub key: Option<Vec<u8>>,
    /// Its headers, in order: names, which need not be text, and values, which may be none.
    pub headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// Its payload; none = tombstone.
    pub payload: Option<Vec<u8>>,
}

impl Event {
    /// An event in the partition of its key.
    pub fn keyed(key: &str, partitions: u32, payload: impl Into<Vec<u8>>) -> Event {
        Event {
            partition: partition_of(key.as_bytes(), partitions),
            timestamp: EPOCH_MS,
            key: Some(key.into()),
            headers: Vec::new(),
            payload: Some(payload.into()),
        }
    }

    /// An event without a key.
    pub fn plain(partition: u32, payload: impl Into<Vec<u8>>) -> Event {
        Event { partition, timestamp: EPOCH_MS, key: None, headers: Vec::new(), payload: Some(payload.into()) }
    }

    /// The tombstone of a key.
    pub fn tombstone(key: &str, partitions: u32) -> Event {
        Event { payload: None, ..Event::keyed(key, partitions, "") }
    }

    /// The same at another time.
    pub fn at(self, timestamp: i64) -> Event {
        Event { timestamp, ..self }
    }

    /// The same with one more header.
    pub fn header(self, name: &str, value: &str) -> Event {
        self.header_of(name, Some(value.as_bytes()))
    }

    /// The same with one more header, of any bytes; its value may be none.
    pub fn header_of(mut self, name: impl AsRef<[u8]>, value: Option<&[u8]>) -> Event {
        self.headers.push((name.as_ref().to_vec(), value.map(<[u8]>::to_vec)));
        self
    }

    /// The same with a key of any bytes.
    pub fn key_of(self, key: &[u8]) -> Event {
        Event { key: Some(key.to_vec()), ..self }
    }

    /// The payload as JSON, if it is any.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(self.payload.as_deref()?).ok()
    }
}

/// Sorts events into their partitions; within one they keep their order, so an index is the offset in a fresh topic.
pub fn by_partition(events: &[Event], partitions: u32) -> Vec<Vec<&Event>> {
    let mut sorted = vec![Vec::new(); partitions as usize];
    for event in events {
        sorted[event.partition as usize].push(event);
    }
    sorted
}

/// The partition that Kafka's default partitioner picks for a key.
pub fn partition_of(key: &[u8], partitions: u32) -> u32 {
    (murmur2(key) & 0x7fff_ffff) % partitions
}

/// MurmurHash2 as in `org.apache.kafka.common.utils.Utils`.
fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = 0x9747_b28c ^ data.len() as u32;
    let (words, rest) = data.as_chunks::<4>();
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k = (k ^ (k >> 24)).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ k;
    }
    if !rest.is_empty() {
        for (i, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * i);
        }
        hash = hash.wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of Kafka's own `UtilsTest`.
    #[test]
    fn murmur2_is_kafkas() {
        let vectors = [
            ("21", -973_932_308_i32),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ];
        for (text, hash) in vectors {
            assert_eq!(murmur2(text.as_bytes()) as i32, hash, "{text}");
        }
    }
}
