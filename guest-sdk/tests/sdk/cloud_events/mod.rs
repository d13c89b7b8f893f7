//! CloudEvents: the public conformance cases, the rules behind them, and decoding by type.

mod conformance;
mod rules;
mod typed;

use lantern_sdk::prelude::*;
use lantern_sdk::testing::{Failure, Harness, TestEvent, event};
use serde_json::{Map, Value, json};

/// What a CloudEvent says, as one JSON document: its attributes by their names, `extensions`, and its data:
/// `json` if they are that, otherwise `text`.
struct Reader(List);

impl Projection for Reader {
    const NAME: &'static str = "reader";
    const TOPICS: &'static [&'static str] = &["cloud-events"];

    fn new(views: &mut Views) -> Self {
        Self(views.list("read", 1))
    }

    fn apply(&mut self, event: &Event<'_>) -> Result<()> {
        let cloud = event.cloud_event()?;
        let mut said = Map::new();
        let mut say = |name: &str, value: Option<&str>| {
            value.map(|value| said.insert(name.to_owned(), value.into()));
        };
        say("id", Some(cloud.id()));
        say("source", Some(cloud.source()));
        say("type", Some(cloud.event_type()));
        say("subject", cloud.subject());
        say("time", cloud.time());
        say("datacontenttype", cloud.data_content_type());
        say("dataschema", cloud.data_schema());
        cloud.time_millis().map(|millis| said.insert("millis".into(), millis.into()));
        let extensions: Map<_, _> = cloud.extensions().map(|(name, value)| (name.into(), shown(value))).collect();
        if !extensions.is_empty() {
            said.insert("extensions".into(), extensions.into());
        }
        if let Some(data) = cloud.data() {
            match cloud.json::<Value>() {
                Ok(data) => said.insert("json".into(), data),
                Err(_) => said.insert("text".into(), String::from_utf8_lossy(data).into()),
            };
        }
        self.0.push(Value::Object(said).to_string());
        Ok(())
    }
}

fn shown(value: &lantern_sdk::cloud_events::Attribute<'_>) -> Value {
    match (value.as_str(), value.as_i32(), value.as_bool()) {
        (Some(text), _, _) => text.into(),
        (None, Some(number), _) => number.into(),
        (None, None, value) => value.into(),
    }
}

fn read(event: TestEvent) -> Result<Value, String> {
    let mut harness = Harness::<Reader>::new();
    match harness.apply(event) {
        Ok(()) => Ok(serde_json::from_str(&harness.list("read")[0]).expect("the plugin writes JSON")),
        Err(Failure { message, .. }) => Err(message),
    }
}

/// A structured event.
fn structured(document: &Value) -> TestEvent {
    event("k", document.to_string()).header("content-type", "application/cloudevents+json")
}

/// A binary event.
fn binary(headers: &[(&str, &str)], payload: &str) -> TestEvent {
    headers.iter().fold(event("k", payload), |event, (name, value)| event.header(name, value))
}

/// A minimal document, with these members more or instead; those that are null are taken away.
fn minimal(members: Value) -> Value {
    let mut document = json!({"specversion": "1.0", "id": "1", "source": "/lantern", "type": "test"});
    for (name, value) in members.as_object().expect("members are an object") {
        document[name] = value.clone();
    }
    document
}

/// The same document as a binary event, where all members are text.
fn as_binary(document: &Value) -> TestEvent {
    let members = document.as_object().expect("a document is an object").iter();
    let headers = members.filter_map(|(name, value)| match name.as_str() {
        "datacontenttype" => Some(("content-type".to_owned(), value.as_str()?)),
        _ => Some((format!("ce_{name}"), value.as_str()?)),
    });
    headers.fold(event("k", "{}"), |event, (name, value)| event.header(&name, value))
}
