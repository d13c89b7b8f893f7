//! Dead letters: events that a projection could not apply, set aside with the reason. Plain data.
//!
//! To keep the order of a key, every later event of the key is set aside behind the first: it is *parked*. The events of
//! a lane that have no key have no order among each other, and each stands for itself.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::event::{Event, Reference, TopicPartition, encode_header, headers};

/// Bytes of payload and headers that are kept with a letter. If they are more, they are read from their topic again when the
/// event is tried again.
pub const CONTENT_BYTES_MAX: usize = 64 << 10;

/// Bytes of a message that are kept.
const MESSAGE_BYTES_MAX: usize = 4 << 10;
/// Frames of a backtrace that are kept, and bytes of each.
const FRAMES_MAX: usize = 64;
const FRAME_BYTES_MAX: usize = 512;

/// The reason of an event that itself is in order, but comes after one of its key that is set aside.
pub const PARKED: &str = "parked";
/// The reason of an event whose content was too large to keep, when its topic has it no more.
pub const GONE: &str = "gone";

/// An event that is set aside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Letter {
    /// The topic that it is in.
    pub topic: String,
    /// The partition there.
    pub partition: u32,
    /// Its offset there.
    pub offset: u64,
    /// Its time in milliseconds since the Unix epoch; -1 if it has none.
    pub timestamp: i64,
    /// Its key, if it has one.
    pub key: Option<Bytes>,
    /// Its headers in order: name, and value if it has one.
    pub headers: Vec<(Bytes, Option<Bytes>)>,
    /// Its payload; none is a tombstone, or one that was too large to keep.
    pub payload: Option<Bytes>,
    /// The size of payload and headers, if they were too large to keep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<u64>,
    /// Why it can't be applied, in a word that stays the same.
    pub reason: String,
    /// The same in full.
    pub message: String,
    /// Where in the plugin it failed: function names, innermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backtrace: Vec<String>,
    /// The event of its key that had failed when it was parked: `topic/partition@offset`.
    pub parked_behind: Option<String>,
    /// Digest of the module that could not apply it.
    pub module: String,
    /// The module's revision.
    pub revision: u32,
    /// When it was set aside, or failed last, in milliseconds since the Unix epoch by the store's clock.
    pub time: i64,
}

/// The letters of a lane, by the numbers that it gave: in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Letters {
    /// All of them.
    pub all: BTreeMap<u64, Letter>,
    /// Those that an operator wants to be tried again.
    pub retry: BTreeSet<u64>,
}

/// What a lane must know of its letters to go on. It does not hold what they say: that may be much.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SetAside {
    /// What each is of.
    pub heads: BTreeMap<u64, Head>,
    /// Those that an operator wants to be tried again.
    pub retry: BTreeSet<u64>,
    /// A number behind all that were ever given.
    pub next: u64,
    /// The store's clock when this was read, in milliseconds since the Unix epoch.
    pub now: i64,
}

/// What a letter is of.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    /// The event: `topic/partition@offset`.
    pub event: String,
    /// Its key, if it has one.
    pub key: Option<Bytes>,
}

/// What becomes of a lane's letters with a commit.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// It is set aside, or has failed again.
    Put(u64, Box<Letter>),
    /// It is applied.
    Remove(u64),
    /// It is not tried again, for one before it has failed.
    Leave(u64),
}

/// Bytes of an event. In JSON they are a string if they are UTF-8, else `{"base64": "…"}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub Box<[u8]>);

impl SetAside {
    /// The first number of a lane's next life, after so many commits and settlements that have changed its letters. None is
    /// given twice: a life gives less than two millions, and each that gives any commits a change.
    pub fn first_number(changes: u64) -> u64 {
        (changes + 1) << 21
    }
}

impl Letters {
    /// Makes the changes of a commit.
    pub fn change(&mut self, changes: &[Change]) {
        for change in changes {
            let number = match change {
                Change::Put(number, letter) => {
                    self.all.insert(*number, (**letter).clone());
                    number
                }
                Change::Remove(number) => {
                    self.all.remove(number);
                    number
                }
                Change::Leave(number) => number,
            };
            self.retry.remove(number);
        }
    }
}

impl Letter {
    /// What it is of.
    pub fn head(&self) -> Head {
        Head { event: self.reference().to_string(), key: self.key.clone() }
    }

    /// About how many bytes of memory it takes.
    pub fn bytes(&self) -> usize {
        let of = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, |bytes| bytes.0.len());
        let headers: usize = self.headers.iter().map(|(name, value)| name.0.len() + of(value)).sum();
        size_of::<Self>() + of(&self.key) + of(&self.payload) + headers + self.message.len()
    }

    /// Its content, if it is not too large to be kept; else only how large it is.
    pub fn keep_content(&mut self) {
        let encoded = self.encoded_headers().len();
        let size = encoded + self.payload.as_ref().map_or(0, |payload| payload.0.len());
        if self.left_out.is_some() || size > CONTENT_BYTES_MAX {
            self.left_out.get_or_insert(size as u64);
            (self.headers, self.payload) = (Vec::new(), None);
        }
    }

    /// Why it failed, in a word and in full, and where; as much of that as is kept.
    pub fn say(&mut self, reason: &str, message: &str, backtrace: &[String]) {
        self.reason = reason.to_owned();
        self.message = cut(message, MESSAGE_BYTES_MAX);
        self.backtrace = backtrace.iter().take(FRAMES_MAX).map(|frame| cut(frame, FRAME_BYTES_MAX)).collect();
    }

    /// Where the event stands.
    pub fn reference(&self) -> Reference {
        Reference { at: TopicPartition::new(self.topic.as_str(), self.partition), offset: self.offset }
    }

    /// The headers of an event as a letter has them.
    pub fn headers_of(event: &Event<'_>) -> Vec<(Bytes, Option<Bytes>)> {
        headers(event.headers).map(|(name, value)| (name.into(), value.map(Bytes::from))).collect()
    }

    /// Its headers in the contract's encoding.
    pub fn encoded_headers(&self) -> Vec<u8> {
        let mut encoded = Vec::new();
        for (name, value) in &self.headers {
            encode_header(&mut encoded, &name.0, value.as_ref().map(|value| &*value.0));
        }
        encoded
    }
}

fn cut(text: &str, most: usize) -> String {
    match text.len() > most {
        true => format!("{}…", &text[..text.floor_char_boundary(most)]),
        false => text.to_owned(),
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => Written::Base64 { base64: BASE64_STANDARD.encode(&self.0) }.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Written::deserialize(deserializer)? {
            Written::Text(text) => Ok(Self(text.into_bytes().into())),
            Written::Base64 { base64 } => {
                let bytes = BASE64_STANDARD.decode(base64).map_err(serde::de::Error::custom)?;
                Ok(Self(bytes.into()))
            }
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Base64 { base64: String },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_as_people_read_them() {
        for (bytes, json) in [(&b"acc-1"[..], r#""acc-1""#), (b"\xff\x00", r#"{"base64":"/wA="}"#), (b"", r#""""#)]
        {
            let written = serde_json::to_string(&Bytes::from(bytes)).expect("bytes are plain data");
            assert_eq!(written, json);
            assert_eq!(serde_json::from_str::<Bytes>(json).expect("it was written"), Bytes::from(bytes));
        }
        assert!(serde_json::from_str::<Bytes>(r#"{"base64":"/"}"#).is_err());
    }

    #[test]
    fn headers_come_back_as_they_were() {
        let mut encoded = Vec::new();
        encode_header(&mut encoded, b"source", Some(b"web"));
        encode_header(&mut encoded, b"\xff", None);
        let event =
            Event { topic: 0, partition: 0, offset: 0, timestamp: 0, key: None, headers: &encoded, payload: None };
        let headers = Letter::headers_of(&event);
        assert_eq!(headers, [(b"source"[..].into(), Some(b"web"[..].into())), (b"\xff"[..].into(), None)]);
        let letter = Letter {
            topic: "t".into(),
            partition: 0,
            offset: 0,
            timestamp: 0,
            key: None,
            headers,
            payload: None,
            left_out: None,
            reason: PARKED.into(),
            message: String::new(),
            backtrace: Vec::new(),
            parked_behind: None,
            module: String::new(),
            revision: 0,
            time: 0,
        };
        assert_eq!(letter.encoded_headers(), encoded);
    }
}
