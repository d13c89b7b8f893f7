//! Decoding: by a field, by a header, and from old versions.

use std::borrow::Cow;

use lantern_sdk::prelude::*;
use lantern_sdk::testing::{Failure, Harness, TestEvent, event, tombstone};
use serde_json::{Map, Value};

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "only shown")]
enum Change<'a> {
    Named {
        #[serde(borrow)]
        name: Cow<'a, str>,
        kind: Option<Kind>,
    },
    Counted(Vec<u64>),
    Closed,
}

#[derive(Debug, Deserialize)]
enum Kind {
    Good,
}

const UPCASTERS: Upcasters =
    Upcasters::new("type", "version", &[("Named", 1, label_as_title), ("Named", 2, title_as_name)]);

fn label_as_title(event: &mut Map<String, Value>) -> Result<()> {
    rename(event, "label", "title")
}

fn title_as_name(event: &mut Map<String, Value>) -> Result<()> {
    assert_eq!(event.get("version"), Some(&2.into()));
    rename(event, "title", "name")
}

fn rename(event: &mut Map<String, Value>, from: &str, to: &str) -> Result<()> {
    let value = event.remove(from).ok_or_else(|| Error::msg(format_args!("it has no `{from}`")))?;
    event.insert(to.into(), value);
    Ok(())
}

/// Decodes in the way that its topic says, and lists what came of it.
struct Decoder(List);

impl Projection for Decoder {
    const NAME: &'static str = "decoder";
    const TOPICS: &'static [&'static str] = &["field", "header", "upcast", "plain"];

    fn new(views: &mut Views) -> Self {
        Self(views.list("decoded", 1))
    }

    fn apply(&mut self, event: &Event<'_>) -> Result<()> {
        let change: Option<Change<'_>> = match event.topic() {
            "field" => event.json_by_field("type")?,
            "header" => event.json_by_header("event-type")?,
            "upcast" => event.json_upcast(&UPCASTERS)?,
            _ => Some(event.json()?),
        };
        let borrowed = matches!(&change, Some(Change::Named { name: Cow::Borrowed(_), .. }));
        let borrowed = if borrowed { " borrowed" } else { "" };
        self.0.push(format!("{change:?}{borrowed}"));
        Ok(())
    }
}

fn decoded(event: TestEvent) -> String {
    let mut harness = Harness::<Decoder>::new();
    match harness.apply(event) {
        Ok(()) => harness.list("decoded").remove(0),
        Err(Failure { message, .. }) => format!("error: {message}"),
    }
}

#[track_caller]
fn check(topic: &'static str, payload: &str, expected: &str) {
    let found = decoded(event("k", payload).topic(topic));
    assert!(found.starts_with(expected), "{found}");
}

#[test]
fn a_field_names_the_variant() {
    let named = r#"Some(Named { name: "Ada", kind: None }) borrowed"#;
    check("field", r#"{"type":"Named","name":"Ada"}"#, named);
    check("field", r#" { "type" : "Named" , "name" : "Ada" } "#, named);
    check("field", r#"{"name":"Ada","more":[{}],"type":"Named"}"#, named);
    check("field", r#"{"type":"N\u0061med","name":"Ada"}"#, named);
    check(
        "field",
        r#"{"type":"Named","name":"Ad\u00e4","kind":"Good"}"#,
        r#"Some(Named { name: "Adä", kind: Some(Good) })"#,
    );
    check("field", r#"{"type":"Closed","by":"Ada"}"#, "Some(Closed)");
}

#[test]
fn an_unknown_type_and_a_tombstone_are_none() {
    check("field", r#"{"type":"Other","name":5}"#, "None");
    check("header", "", "error: the event has no header `event-type`");
    assert_eq!(decoded(tombstone("k").topic("field")), "None");
    assert_eq!(decoded(tombstone("k").topic("header")), "None");
    assert_eq!(decoded(tombstone("k").topic("upcast")), "None");
}

#[test]
fn what_is_not_json_for_the_type_is_an_error() {
    let prefix = "error: the payload is not valid JSON for Change: ";
    for (payload, reason) in [
        ("", "EOF while parsing a value"),
        ("[1]", "invalid type: sequence, expected an object with the field `type`"),
        (r#"{"type":5}"#, "invalid type: integer `5`, expected a string"),
        (r#"{"type":"Named"}"#, "missing field `name`"),
        (r#"{"type":"Named","name":5}"#, "invalid type: integer `5`, expected a string"),
        (r#"{"type":"Named","name":"a","kind":"Bad"}"#, "unknown variant `Bad`"),
        (r#"{"type":"Named","name":"a"} x"#, "trailing characters"),
        (r#"{"type":"Closed","#, "EOF while parsing"),
    ] {
        check("field", payload, &format!("{prefix}{reason}"));
    }
    check("field", r#"{"type":"Other","#, "error: the payload is not valid JSON for");
    check("field", r#"{"name":"Ada"}"#, "error: the payload has no field `type`");
    assert_eq!(decoded(tombstone("k").topic("plain")), "error: the event has no payload");
}

#[test]
fn a_header_names_the_variant() {
    let by_header =
        |header: &str, payload: &str| decoded(event("k", payload).topic("header").header("event-type", header));
    assert_eq!(by_header("Named", r#"{"name":"Ada"}"#), r#"Some(Named { name: "Ada", kind: None }) borrowed"#);
    assert_eq!(by_header("Counted", "[1,2]"), "Some(Counted([1, 2]))");
    assert_eq!(by_header("Closed", "{}"), "Some(Closed)");
    assert_eq!(by_header("Other", "not JSON"), "None");
}

#[test]
fn old_versions_are_upcast_step_by_step() {
    let named = r#"Some(Named { name: "Ada", kind: None })"#;
    check("upcast", r#"{"type":"Named","label":"Ada"}"#, named);
    check("upcast", r#"{"type":"Named","version":1,"label":"Ada"}"#, named);
    check("upcast", r#"{"version":2,"type":"Named","title":"Ada"}"#, named);
    let latest = r#"{"type":"Named","version":3,"name":"Ada"}"#;
    check("upcast", latest, &format!("{named} borrowed"));
    check("upcast", r#"{"type":"Closed"}"#, "Some(Closed)");
    check("upcast", r#"{"type":"Other"}"#, "None");
    check(
        "upcast",
        r#"{"type":"Named","version":2}"#,
        "error: can't upcast Named from version 2: it has no `title`",
    );
    check(
        "upcast",
        r#"{"type":"Named","version":"2"}"#,
        "error: the payload is not valid JSON for Change: invalid type: string",
    );
}
