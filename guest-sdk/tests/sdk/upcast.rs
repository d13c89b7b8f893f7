//! Versions: old ones become the latest step by step, wherever the version stands; unknown ones are refused.

use std::borrow::Cow;

use lantern_sdk::prelude::*;
use lantern_sdk::testing::{TestEvent, event};
use serde_json::{Map, Value};

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "only shown")]
enum Change<'a> {
    Named {
        #[serde(borrow)]
        name: Cow<'a, str>,
    },
    Counted {
        count: u64,
    },
    Closed,
}

const STEPS: &[(&str, u32, Upcast)] = &[("Named", 1, label_as_title), ("Named", 2, title_as_name)];
const AS_IS: &[(&str, u32, u32)] = &[("Named", 3, 4), ("Counted", 2, 3)];

const FIELD: EventTypes =
    EventTypes::in_field("type").versions_in_field("version").upcast(STEPS).as_is(AS_IS).ignore(&["Praised"]);
const HEADER: EventTypes =
    EventTypes::in_field("type").versions_in_header("event-version").upcast(STEPS).as_is(AS_IS);
const SUFFIX: EventTypes = EventTypes::in_field("type").versions_in_type(".v").upcast(STEPS).ignore(&["Praised"]);
const OTHERS: EventTypes = FIELD.ignore_others();

fn label_as_title(event: &mut Map<String, Value>) -> Result<()> {
    rename(event, "label", "title")
}

fn title_as_name(event: &mut Map<String, Value>) -> Result<()> {
    assert!(event.get("version").is_none_or(|version| *version == 2));
    rename(event, "title", "name")
}

fn rename(event: &mut Map<String, Value>, from: &str, to: &str) -> Result<()> {
    let value = event.remove(from).ok_or_else(|| Error::msg(format_args!("it has no `{from}`")))?;
    event.insert(to.into(), value);
    Ok(())
}

struct Decoder(List);

impl Projection for Decoder {
    const NAME: &'static str = "decoder";
    const TOPICS: &'static [&'static str] = &["field", "header", "suffix", "others"];

    fn new(views: &mut Views) -> Self {
        Self(views.list("decoded", 1))
    }

    fn apply(&mut self, event: &Event<'_>) -> Result<()> {
        let types = [FIELD, HEADER, SUFFIX, OTHERS][event.topic_index()];
        let change: Option<Change<'_>> = event.json_by(&types)?;
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

const UPCAST: &str = r#"Some(Named { name: "Ada" })"#;
const STRAIGHT: &str = r#"Some(Named { name: "Ada" }) borrowed"#;

#[test]
fn old_versions_are_upcast_step_by_step() {
    check("field", r#"{"type":"Named","label":"Ada"}"#, UPCAST);
    check("field", r#"{"type":"Named","version":1,"label":"Ada"}"#, UPCAST);
    check("field", r#"{"version":2,"type":"Named","title":"Ada"}"#, UPCAST);
    check("field", r#"{"tags":[],"type":"Named","title":"Ada","version":2}"#, UPCAST);
    check("field", r#"{"type":"Closed"}"#, "Some(Closed)");
    check(
        "field",
        r#"{"type":"Named","version":2}"#,
        "error: can't upcast Named from version 2: it has no `title`",
    );
}

#[test]
fn the_latest_version_is_decoded_straight_from_the_payload() {
    for payload in [
        r#"{"type":"Named","version":3,"name":"Ada"}"#,
        r#"{"type":"Named","version":4,"name":"Ada","more":1}"#,
        r#"{"name":"Ada","type":"Named","version":3}"#,
        r#"{"x":{},"name":"Ada","type":"Named","version":3}"#,
        r#"{"type":"Named","v\u0065rsion":3,"name":"Ada"}"#,
    ] {
        check("field", payload, STRAIGHT);
    }
    check("field", r#"{"type":"Counted","version":3,"count":1}"#, "Some(Counted { count: 1 })");
}

#[test]
fn a_version_that_nothing_leads_from_is_an_error_that_says_what_is_known() {
    let newer = "error: unknown version 5 of `Named`: known is 1 to 4; add steps from version 4 on \
                 (`EventTypes::upcast`), or say that it reads as it is (`EventTypes::as_is`)";
    check("field", r#"{"type":"Named","version":5,"name":"Ada"}"#, newer);
    check("others", r#"{"type":"Named","version":5,"name":"Ada"}"#, newer);
    check("field", r#"{"type":"Closed","version":2}"#, "error: unknown version 2 of `Closed`: known is only 1; ");
    let older = "error: unknown version 1 of `Counted`: known is 2 to 3; add a step from version 1 ";
    check("field", r#"{"type":"Counted","count":1}"#, older);
    check("field", r#"{"type":"Named","version":0}"#, "error: unknown version 0 of `Named`");
}

#[test]
fn what_is_no_version_is_an_error() {
    for version in [r#""2""#, "2.0", "-1", "null", "4294967296", "[2]"] {
        let payload = format!(r#"{{"type":"Named","version":{version},"name":"Ada"}}"#);
        check("field", &payload, "error: `version` is not a version number: ");
        check("others", &payload, "error: `version` is not a version number: ");
    }
    let with_header =
        |version| decoded(event("k", r#"{"type":"Named"}"#).topic("header").header("event-version", version));
    for version in ["", "x", "+2", "02", "2 ", "4294967296"] {
        assert_eq!(with_header(version), format!("error: `event-version` is not a version number: `{version}`"));
    }
}

#[test]
fn nobody_asks_for_the_version_of_an_unknown_or_ignored_type() {
    check("field", r#"{"type":"Praised","version":"odd"}"#, "None");
    check("field", r#"{"type":"Other","version":9}"#, "error: unknown event type `Other`");
    check("field", r#"{"type":"Other","version":"odd"}"#, "error: unknown event type `Other`");
    check("others", r#"{"type":"Other","version":9}"#, "None");
    check("others", r#"{"type":"Other","version":"odd"}"#, "None");
}

#[test]
fn the_version_may_stand_in_a_header() {
    let with_header =
        |version, payload: &str| decoded(event("k", payload).topic("header").header("event-version", version));
    check("header", r#"{"type":"Named","label":"Ada"}"#, UPCAST);
    assert_eq!(with_header("2", r#"{"type":"Named","title":"Ada"}"#), UPCAST);
    assert_eq!(with_header("3", r#"{"type":"Named","name":"Ada"}"#), STRAIGHT);
    assert!(with_header("7", r#"{"type":"Named"}"#).starts_with("error: unknown version 7 of `Named`"));
}

#[test]
fn the_version_may_stand_in_the_types_name() {
    check("suffix", r#"{"type":"Named","label":"Ada"}"#, UPCAST);
    check("suffix", r#"{"type":"Named.v1","label":"Ada"}"#, UPCAST);
    check("suffix", r#"{"type":"Named.v2","title":"Ada"}"#, UPCAST);
    check("suffix", r#"{"type":"Named.v3","name":"Ada"}"#, STRAIGHT);
    check(
        "suffix",
        r#"{"type":"Named.v4","name":"Ada"}"#,
        "error: unknown version 4 of `Named`: known is 1 to 3;",
    );
    check("suffix", r#"{"type":"Praised.v7"}"#, "None");
    for other in ["Named.v", "Named.v03", "Named.vip", "Named2", "Named.v99999999999"] {
        let error = format!("error: unknown event type `{other}`: Change has `Named`, ");
        check("suffix", &format!(r#"{{"type":"{other}"}}"#), &error);
    }
}

/// In a `const` none of these compiles.
#[test]
fn what_contradicts_itself_is_no_declaration() {
    const BASE: EventTypes = EventTypes::in_field("type").versions_in_field("version");
    type Case = (&'static str, fn() -> EventTypes);
    let cases: [Case; 7] = [
        ("say where versions stand", || EventTypes::in_field("type").upcast(STEPS)),
        ("say where versions stand", || EventTypes::in_field("type").as_is(AS_IS)),
        ("the steps of a type have a gap", || BASE.upcast(&[("A", 1, label_as_title), ("A", 3, label_as_title)])),
        ("two steps start from the same", || BASE.upcast(&[("A", 1, label_as_title), ("A", 1, title_as_name)])),
        ("versions begin with 1", || BASE.upcast(&[("A", 0, label_as_title)])),
        ("stands behind the last step", || BASE.upcast(STEPS).as_is(&[("Named", 2, 4)])),
        ("a type that is ignored needs no steps", || BASE.ignore(&["Named"]).upcast(STEPS)),
    ];
    for (reason, declare) in cases {
        let panic = std::panic::catch_unwind(declare).expect_err(reason);
        let said = panic.downcast_ref::<&str>().copied().unwrap_or_default();
        assert!(said.contains(reason), "{said}");
    }
}
