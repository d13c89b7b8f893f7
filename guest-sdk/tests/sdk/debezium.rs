//! Debezium's envelopes, with the JSON converter's schema around them and without.

use lantern_sdk::debezium::Change;
use lantern_sdk::prelude::*;
use lantern_sdk::testing::{Failure, Harness, TestEvent, event, tombstone};
use serde_json::{Value, json};

#[derive(Debug, Deserialize)]
struct Key {
    id: i64,
}

#[derive(Debug, Deserialize)]
struct Row {
    id: i64,
    name: String,
}

#[derive(Debug, Deserialize)]
struct Source {
    table: String,
    lsn: Option<i64>,
}

struct Tail(List);

impl Projection for Tail {
    const NAME: &'static str = "tail";
    const TOPICS: &'static [&'static str] = &["db.public.customers"];

    fn new(views: &mut Views) -> Self {
        Self(views.list("changes", 1))
    }

    fn apply(&mut self, event: &Event<'_>) -> Result<()> {
        let envelope = event.debezium::<Row>()?;
        let source: Option<Source> = envelope.source()?;
        let whence = source.map(|source| format!("{}@{:?}", source.table, source.lsn)).unwrap_or_default();
        let what = match envelope.change {
            Change::Snapshot(row) => format!("read {} {}", row.id, row.name),
            Change::Created(row) => format!("create {} {}", row.id, row.name),
            Change::Updated { before, after } => {
                format!("update {:?} to {}", before.json::<Row>()?.map(|row| row.name), after.name)
            }
            Change::Deleted { before } => format!("delete {:?}", before.json::<Key>()?.map(|key| key.id)),
            Change::Truncated => "truncate".to_owned(),
            Change::Message(message) => {
                format!("message {}: {}", message.prefix, String::from_utf8_lossy(&message.content))
            }
            Change::Tombstone => format!("tombstone of {}", event.debezium_key::<Key>()?.id),
        };
        self.0.push(format!("{what} {:?} {whence}", envelope.ts_ms).trim_end());
        Ok(())
    }
}

fn seen(event: TestEvent) -> String {
    let mut harness = Harness::<Tail>::new();
    match harness.apply(event) {
        Ok(()) => harness.list("changes").remove(0),
        Err(Failure { message, .. }) => format!("error: {message}"),
    }
}

const KEY: &str = r#"{"id":7}"#;

/// As the converter writes it with `schemas.enable`.
fn wrapped(envelope: &Value) -> Value {
    json!({"schema": {"type": "struct", "fields": [{"field": "op", "type": "string"}]}, "payload": envelope})
}

#[track_caller]
fn check(envelope: Value, expected: &str) {
    for payload in [&envelope, &wrapped(&envelope)] {
        let found = seen(event(KEY, payload.to_string()));
        assert!(found.starts_with(expected), "{found}");
    }
}

fn row(name: &str) -> Value {
    json!({"id": 7, "name": name})
}

#[test]
fn every_op_is_told() {
    let source = json!({"connector": "postgresql", "table": "customers", "lsn": 33});
    check(
        json!({"op": "r", "before": null, "after": row("Ada"), "source": source, "ts_ms": 5, "transaction": null}),
        "read 7 Ada Some(5) customers@Some(33)",
    );
    check(json!({"op": "c", "after": row("Ada"), "ts_ms": 5, "ts_us": 5000}), "create 7 Ada Some(5)");
    check(json!({"op": "u", "before": row("Ada"), "after": row("Eve")}), r#"update Some("Ada") to Eve None"#);
    check(json!({"op": "u", "before": null, "after": row("Eve")}), "update None to Eve None");
    check(json!({"op": "d", "before": row("Eve"), "after": null}), "delete Some(7) None");
    check(json!({"op": "t", "before": null, "after": null, "ts_ms": 9}), "truncate Some(9)");
    check(
        json!({"op": "m", "message": {"prefix": "audit", "content": "aGVsbG8="}, "ts_ms": 9}),
        "message audit: hello Some(9)",
    );
}

#[test]
fn a_delete_need_not_tell_the_whole_row() {
    check(json!({"op": "d", "before": {"id": 7, "name": null}, "after": null}), "delete Some(7)");
    check(json!({"op": "d", "before": null, "after": null}), "delete None");
}

#[test]
fn a_tombstone_is_told_with_its_key() {
    assert_eq!(seen(tombstone(KEY)), "tombstone of 7 None");
    let key = json!({"schema": {"type": "struct"}, "payload": {"id": 7}}).to_string();
    assert_eq!(seen(tombstone(&key)), "tombstone of 7 None");
    // As old converters write one.
    assert_eq!(seen(event(KEY, r#"{"schema":null,"payload":null}"#)), "tombstone of 7 None");
    assert_eq!(seen(tombstone("").no_key()), "error: the event has no key");
    let found = seen(tombstone("7"));
    assert!(
        found.starts_with("error: the event's key is not valid JSON for Key: invalid type: integer `7`"),
        "{found}"
    );
    // A key that has such columns itself.
    let key = json!({"schema": "public", "payload": 1, "id": 7}).to_string();
    assert_eq!(seen(tombstone(&key)), "tombstone of 7 None");
}

#[test]
fn what_is_no_envelope_is_refused() {
    for op in ["x", "", "C", "create"] {
        let error = format!(
            "error: unknown op `{op}` in the Debezium envelope: known are `r`, `c`, `u`, `d`, `t` and `m`"
        );
        check(json!({"op": op, "after": row("Ada")}), &error);
    }
    check(json!({"op": 5}), "error: the payload is not a Debezium envelope: invalid type: integer `5`");
    check(
        json!({"op": null, "after": row("Ada")}),
        "error: the payload is not a Debezium envelope: it has no `op`; rows that",
    );
    check(
        row("Ada"),
        "error: the payload is not a Debezium envelope: it has no `op`; rows that the connector has flattened",
    );
    check(
        json!({"id": 1, "payload": "a column"}),
        "error: the payload is not a Debezium envelope: it has no `op`",
    );
    check(json!([1]), "error: the payload is not a Debezium envelope: ");
    check(json!({"op": "c", "ts_ms": "x"}), "error: the payload is not a Debezium envelope: ");
    for payload in ["", "{", r#"{"op":"c"} x"#] {
        let found = seen(event(KEY, payload));
        assert!(found.starts_with("error: the payload is not a Debezium envelope: "), "{found}");
    }
}

#[test]
fn a_row_that_is_missing_or_does_not_fit_is_named() {
    check(json!({"op": "r"}), "error: the Debezium envelope of a read (op `r`) has no `after`");
    check(json!({"op": "c", "after": null}), "error: the Debezium envelope of a create (op `c`) has no `after`");
    check(
        json!({"op": "u", "before": row("Ada")}),
        "error: the Debezium envelope of an update (op `u`) has no `after`",
    );
    check(json!({"op": "m"}), "error: the Debezium envelope of a message (op `m`) has no `message`");
    check(
        json!({"op": "m", "message": {"prefix": "a", "content": "?"}}),
        "error: the content of the Debezium envelope's `message` is not base64",
    );
    check(
        json!({"op": "c", "after": {"id": 7}}),
        "error: the Debezium envelope's `after` is not valid JSON for Row: missing field `name`",
    );
    check(
        json!({"op": "u", "after": row("Ada"), "before": {"id": 7}}),
        "error: the Debezium envelope's `before` is not valid JSON for Row: missing field `name`",
    );
    check(
        json!({"op": "c", "after": row("Ada"), "source": {}}),
        "error: the Debezium envelope's `source` is not valid JSON for",
    );
}
