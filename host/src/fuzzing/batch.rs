//! What the host hands over as a batch, the SDK reads as the same events; and whatever a payload is, it decodes it or says why
//! not.

use std::borrow::Cow;
use std::cell::RefCell;

use lantern_sdk::CloudEvent;
use lantern_sdk::prelude::{Error, Event, EventTypes, Projection, Result, Views};
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
        let strict = event.json_by_field::<Sample<'_>>("type");
        assert!(strict.is_err() || (is_json && !event.is_tombstone()), "what is decoded is JSON");
        for types in [ANY, BY_VERSION, BY_SUFFIX] {
            let decoded = event.json_by::<Sample<'_>>(&types);
            assert!(decoded.is_err() || is_json, "what is decoded or ignored is JSON");
        }
        let _ = (event.json::<Value>(), event.json_by_header::<Sample<'_>>("type"), event.key_str());
        let _ = event.debezium::<Value>().map(|envelope| envelope.source::<Value>());
        let _ = (event.debezium_key::<Value>(), event.json_by::<Sample<'_>>(&CLOUD));
        assert!(event.cloud_event().is_err() || event.is_cloud_event());
        let documents = event.payload().and_then(|payload| CloudEvent::from_json(payload).ok());
        for cloud in [event.cloud_event().ok(), documents].into_iter().flatten() {
            assert!(!cloud.id().is_empty() && !cloud.source().is_empty() && !cloud.event_type().is_empty());
            assert_eq!(cloud.time().is_some(), cloud.time_millis().is_some());
            let _ = (cloud.json::<Value>(), cloud.json_by::<Sample<'_>>(&CLOUD));
        }
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

const ANY: EventTypes = EventTypes::in_field("type").ignore_others().ignore_tombstones();
const BY_VERSION: EventTypes =
    ANY.versions_in_field("version").upcast(&[("Opened", 1, rename), ("Opened", 2, rename)]);
const BY_SUFFIX: EventTypes = ANY.versions_in_type(".v").upcast(&[("Opened", 1, rename)]);
const CLOUD: EventTypes =
    EventTypes::of_cloud_events().versions_in_attribute("version").as_is(&[("Closed", 1, 3)]);

fn rename(event: &mut Map<String, Value>) -> Result<()> {
    let name = event.remove("name").or_else(|| event.remove("owner")).ok_or_else(|| Error::msg("no name"))?;
    event.insert("owner".into(), name);
    Ok(())
}
