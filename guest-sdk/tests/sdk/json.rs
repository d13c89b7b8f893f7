//! Decoding: by a field, by a header, with what is declared to be ignored, and without a payload.

use std::borrow::Cow;

use lantern_sdk::prelude::*;
use lantern_sdk::testing::{TestEvent, event, tombstone};

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

const SOME: EventTypes = EventTypes::in_field("type").ignore(&["Praised", "Counted"]);
const OTHERS: EventTypes = EventTypes::in_field("type").ignore_others();
const TOMBSTONES: EventTypes = EventTypes::in_field("type").ignore_tombstones();
const HEADER_OTHERS: EventTypes = EventTypes::in_header("event-type").ignore_others();

/// Decodes in the way that its topic says, and lists what came of it.
struct Decoder(List);

impl Projection for Decoder {
    const NAME: &'static str = "decoder";
    const TOPICS: &'static [&'static str] =
        &["field", "header", "some", "others", "tombstones", "header-others", "plain", "or-tombstone"];

    fn new(views: &mut Views) -> Self {
        Self(views.list("decoded", 1))
    }

    fn apply(&mut self, event: &Event<'_>) -> Result<()> {
        let change: Option<Change<'_>> = match event.topic() {
            "field" => Some(event.json_by_field("type")?),
            "header" => Some(event.json_by_header("event-type")?),
            "some" => event.json_by(&SOME)?,
            "others" => event.json_by(&OTHERS)?,
            "tombstones" => event.json_by(&TOMBSTONES)?,
            "header-others" => event.json_by(&HEADER_OTHERS)?,
            "or-tombstone" => event.json_unless_tombstone()?,
            _ => Some(event.json()?),
        };
        let borrowed = matches!(&change, Some(Change::Named { name: Cow::Borrowed(_), .. }));
        let borrowed = if borrowed { " borrowed" } else { "" };
        self.0.push(format!("{change:?}{borrowed}"));
        Ok(())
    }
}

fn decoded(event: TestEvent) -> String {
    crate::listed::<Decoder>("decoded", event)
}

#[track_caller]
fn check(topic: &'static str, payload: &str, expected: &str) {
    let found = decoded(event("k", payload).topic(topic));
    assert!(found.starts_with(expected), "{found}");
}

const NAMED: &str = r#"Some(Named { name: "Ada", kind: None }) borrowed"#;

#[test]
fn a_field_names_the_variant_wherever_it_stands() {
    for payload in [
        r#"{"type":"Named","name":"Ada"}"#,
        r#" { "type" : "Named" , "name" : "Ada" } "#,
        r#"{"name":"Ada","type":"Named"}"#,
        r#"{"n":-1.5e3,"yes":true,"no":null,"name":"Ada" , "type" : "Named"}"#,
        r#"{"name":"Ada","more":[{}],"type":"Named"}"#,
        r#"{"x":"a\"","name":"Ada","type":"Named"}"#,
        r#"{"type":"N\u0061med","name":"Ada"}"#,
        r#"{"ty\u0070e":"Named","name":"Ada"}"#,
    ] {
        check("field", payload, NAMED);
        check("others", payload, NAMED);
    }
    check(
        "field",
        r#"{"type":"Named","name":"Ad\u00e4","kind":"Good"}"#,
        r#"Some(Named { name: "Adä", kind: Some(Good) })"#,
    );
    check("field", r#"{"type":"Closed","by":"Ada"}"#, "Some(Closed)");
}

#[test]
fn a_type_that_was_not_declared_is_an_error_that_says_so() {
    let error = "error: unknown event type `Other`: Change has `Named`, `Counted`, `Closed`; give it a variant, or \
                 declare that it is ignored (`EventTypes::ignore`)";
    check("field", r#"{"type":"Other","name":5}"#, error);
    check("some", r#"{"type":"Other","name":5}"#, error);
    check("tombstones", r#"{"type":"Other"}"#, error);
    assert_eq!(decoded(event("k", "not JSON").topic("header").header("event-type", "Other")), error);
    // What is foreign is cut off.
    let long = format!(r#"{{"type":"{}"}}"#, "é".repeat(1000));
    check("field", &long, &format!("error: unknown event type `{}…`: ", "é".repeat(100)));
}

#[test]
fn what_is_declared_is_ignored_and_nothing_else() {
    check("some", r#"{"type":"Praised","stars":5}"#, "None");
    check("some", r#"{"type":"Closed"}"#, "Some(Closed)");
    // Also if the enum has it.
    check("some", r#"{"type":"Counted"}"#, "None");
    check("others", r#"{"type":"Other","name":5}"#, "None");
    // What is ignored must be an event nevertheless.
    check("others", r#"{"type":"Other","#, "error: the payload is not valid JSON for Change: EOF");
    check("some", r#"{"type":"Praised"} x"#, "error: the payload is not valid JSON for Change: trailing");
    check("others", "{}", "error: the payload has no field `type`");
    // The payload is another format's affair where the type stands outside of it.
    let other = event("k", "not JSON").topic("header-others").header("event-type", "Other");
    assert_eq!(decoded(other), "None");
}

#[test]
fn a_tombstone_is_ignored_only_if_that_is_declared() {
    for topic in ["field", "header", "some", "others", "header-others"] {
        let found = decoded(tombstone("k").topic(topic));
        assert!(found.starts_with("error: the event is a tombstone, which has no type: "), "{found}");
    }
    assert_eq!(decoded(tombstone("k").topic("tombstones")), "None");
    assert_eq!(decoded(tombstone("k").topic("or-tombstone")), "None");
    let found = decoded(tombstone("k").topic("plain"));
    assert!(found.starts_with("error: the event has no payload: it is a tombstone"), "{found}");
    check("or-tombstone", r#"{"Counted":[1]}"#, "Some(Counted([1]))");
    // An empty payload is none of them.
    check("tombstones", "", "error: the payload is not valid JSON for Change: EOF");
    check("or-tombstone", "", "error: the payload is not valid JSON for Change: EOF");
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
        (r#"{"a" "type":"Closed"}"#, "expected `:`"),
    ] {
        check("field", payload, &format!("{prefix}{reason}"));
    }
    check("field", r#"{"name":"Ada"}"#, "error: the payload has no field `type`");
    check("header", "", "error: the event has no header `event-type`");
}

#[test]
fn a_header_names_the_variant() {
    let by_header =
        |header: &str, payload: &str| decoded(event("k", payload).topic("header").header("event-type", header));
    assert_eq!(by_header("Named", r#"{"name":"Ada"}"#), NAMED);
    assert_eq!(by_header("Counted", "[1,2]"), "Some(Counted([1, 2]))");
    assert_eq!(by_header("Closed", "{}"), "Some(Closed)");
}
