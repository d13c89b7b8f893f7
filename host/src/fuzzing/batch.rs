//! What the host hands over as a batch, the SDK reads as the same events; and whatever a payload is, it decodes it or says why
//! not.

use std::borrow::Cow;
use std::cell::RefCell;

use lantern_sdk::prelude::{Error, Event, Projection, Result, Upcasters, Views};
use lantern_sdk::testing::boundary;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::Input;
use crate::event::{self, Batch, encode_header};

const TOPICS: &[&str] = &["a", "b", "c"];

/// Events of a batch are read from the bytes, as [`one`] does.
pub fn batch(bytes: &[u8]) -> bool {
    let mut input = Input(bytes);
    let mut batch = Batch::default();
    while !input.is_empty() {
        one(&mut input, &mut batch);
    }
    let columns = batch.columns();
    boundary::apply::<Mirror>(columns.events, columns.ends, columns.data).expect("it takes every event");
    let seen = SEEN.take();
    assert_eq!(batch.iter().map(|event| Seen::of(&event)).collect::<Vec<_>>(), seen);
    !seen.is_empty()
}

/// One event: what it has and its topic, its partition, offset, time, key, headers, payload.
fn one(input: &mut Input<'_>, batch: &mut Batch) {
    let has = input.byte();
    let partition = u32::from(input.byte()) << (has >> 4);
    let (offset, timestamp) = (input.number(), input.number().cast_signed());
    let key = (has & 1 != 0).then(|| input.piece());
    let mut headers = Vec::new();
    for _ in 0..(has >> 2) & 3 {
        let name = input.piece();
        let value = (input.byte() & 1 != 0).then(|| input.piece());
        encode_header(&mut headers, name, value);
    }
    let payload = (has & 2 != 0).then(|| input.piece());
    let topic = u32::from(has >> 6) % TOPICS.len() as u32;
    batch.push(&event::Event { topic, partition, offset, timestamp, key, headers: &headers, payload });
}

/// An event as one of the two sides sees it.
#[derive(Debug, PartialEq)]
struct Seen {
    place: (usize, u32, u64),
    timestamp: Option<i64>,
    key: Option<Vec<u8>>,
    headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    payload: Option<Vec<u8>>,
}

impl Seen {
    fn of(event: &event::Event<'_>) -> Self {
        Self {
            place: (event.topic as usize, event.partition, event.offset),
            timestamp: Some(event.timestamp).filter(|time| *time != -1),
            key: event.key.map(Into::into),
            headers: event::headers(event.headers).map(|(n, v)| (n.into(), v.map(Into::into))).collect(),
            payload: event.payload.map(Into::into),
        }
    }

    fn by_plugin(event: &Event<'_>) -> Self {
        Self {
            place: (event.topic_index(), event.partition(), event.offset()),
            timestamp: event.timestamp(),
            key: event.key().map(Into::into),
            headers: event.headers().map(|(n, v)| (n.into(), v.map(Into::into))).collect(),
            payload: event.payload().map(Into::into),
        }
    }
}

thread_local! {
    static SEEN: RefCell<Vec<Seen>> = const { RefCell::new(Vec::new()) };
}

/// Notes what it sees, and decodes it in every way.
struct Mirror;

impl Projection for Mirror {
    const NAME: &'static str = "mirror";
    const TOPICS: &'static [&'static str] = TOPICS;

    fn new(_views: &mut Views) -> Self {
        SEEN.take();
        Self
    }

    fn apply(&mut self, event: &Event<'_>) -> Result<()> {
        SEEN.with_borrow_mut(|seen| seen.push(Seen::by_plugin(event)));
        assert_eq!(event.topic(), TOPICS[event.topic_index()]);
        assert_eq!(event.is_tombstone(), event.payload().is_none());
        let is_json = event.is_tombstone() || event.json::<IgnoredAny>().is_ok();
        let by_field = event.json_by_field::<Sample<'_>>("type");
        assert!(by_field.is_err() || is_json, "what is decoded is JSON");
        let upcast = event.json_upcast::<Sample<'_>>(&UPCASTERS);
        assert!(upcast.is_err() || is_json, "what is decoded is JSON");
        let _ = (event.json::<Value>(), event.json_by_header::<Sample<'_>>("type"), event.key_str());
        Ok(())
    }
}

#[derive(Deserialize)]
#[allow(dead_code)]
enum Sample<'a> {
    Opened {
        #[serde(borrow)]
        owner: Cow<'a, str>,
    },
    Deposited {
        amount: i64,
        #[serde(default)]
        tags: Vec<String>,
    },
    Moved(Box<(String, Option<f64>)>),
    Closed,
}

const UPCASTERS: Upcasters = Upcasters::new("type", "version", &[("Opened", 1, rename), ("Opened", 2, rename)]);

fn rename(event: &mut Map<String, Value>) -> Result<()> {
    let name = event.remove("name").or_else(|| event.remove("owner")).ok_or_else(|| Error::msg("no name"))?;
    event.insert("owner".into(), name);
    Ok(())
}
