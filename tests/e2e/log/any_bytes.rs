//! Events of any size, bytes and time reach the plugin as they were written; one that it can't take is named.

use std::collections::BTreeMap;

use insta::assert_snapshot;
use lantern_tests::Event;
use lantern_tests::event::EPOCH_MS;
use serde_json::{Value, json};

use super::Stage;

const MIB: usize = 1 << 20;

/// The largest event that the topics here take, in bytes of its batch.
const LARGEST: (&str, &str) = ("max.message.bytes", "33554432");

/// Bytes of all values, in no order that repeats soon.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = bytes as u64 | 1;
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..bytes).map(next).collect()
}

/// How the witness shows many bytes.
fn digest(bytes: &[u8]) -> String {
    let fnv = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    format!("{} bytes, {:016x}", bytes.len(), bytes.iter().fold(0xcbf2_9ce4_8422_2325, fnv))
}

fn row(key: Value, headers: Value, timestamp: Option<i64>, payload: Value) -> Value {
    json!({ "key": key, "headers": headers, "timestamp": timestamp, "payload": payload })
}

fn by_offset(rows: impl IntoIterator<Item = Value>) -> BTreeMap<String, Value> {
    rows.into_iter().enumerate().map(|(offset, row)| (format!("0@{offset}"), row)).collect()
}

#[test]
fn bytes_that_are_no_text_and_what_is_not_there() {
    let Some(stage) = Stage::of("witness", 1) else { return };
    let no_text: &[u8] = &[0xff, 0x00, 0xc3, 0x28, 0x80];
    // A client reads a header's name up to a byte of zero.
    let no_name: &[u8] = &[0xff, 0xc3, 0x28, 0x80];
    let events = [
        Event::plain(0, no_text).key_of(no_text).header_of(no_name, Some(no_text)),
        Event::plain(0, "").key_of(b"").header_of("", Some(b"")),
        Event { payload: None, ..Event::plain(0, "") },
        Event { payload: None, ..Event::plain(0, "") }.key_of(b"k").header_of("none", None),
        Event::plain(0, "p")
            .header("twice", "1")
            .header_of("twice", None)
            .header("other", "2")
            .header("twice", "1"),
    ];
    stage.produce(&events);
    let (hex, name, at) = ("0xff00c32880", "0xffc32880", Some(EPOCH_MS));
    let expected = by_offset([
        row(json!(hex), json!([[name, hex]]), at, json!(hex)),
        row(json!(""), json!([["", ""]]), at, json!("")),
        row(json!(null), json!([]), at, json!(null)),
        row(json!("k"), json!([["none", null]]), at, json!(null)),
        row(json!(null), json!([["twice", "1"], ["twice", null], ["other", "2"], ["twice", "1"]]), at, json!("p")),
    ]);
    stage.host().until("each is seen as it was written", || stage.witnessed(&expected));
}

#[test]
fn times_that_run_backwards_or_are_not_there() {
    let Some(stage) = Stage::of("witness", 1) else { return };
    let times = [EPOCH_MS, EPOCH_MS - 1_000_000, -1, EPOCH_MS + 5, 1, EPOCH_MS - 5];
    stage.produce(&times.map(|time| Event::plain(0, "e").at(time)));
    let seen = |time: i64| row(json!(null), json!([]), Some(time).filter(|time| *time >= 0), json!("e"));
    let mut host = stage.host();
    host.until("in the order of the log", || stage.witnessed(&by_offset(times.map(seen))));
    let newest = BTreeMap::from([(format!("{}/0", stage.topic), EPOCH_MS + 5)]);
    assert_eq!(stage.redis.newest("witness"), newest, "the newest is not the last");
}

#[test]
fn events_of_one_byte_and_of_the_brokers_maximum() {
    let Some(stage) = Stage::with(1, &[LARGEST]) else { return };
    stage.deploy("witness");
    // The batch of one event, with its key and headers, may have 32 MiB.
    let sizes = [1, MIB, 3, 8 * MIB, 1, 32 * MIB - 200, 2];
    let events: Vec<Event> = sizes.iter().map(|size| Event::plain(0, noise(*size))).collect();
    let large_parts = Event::plain(0, noise(1001)).key_of(&noise(2 * MIB)).header_of("h", Some(&noise(3 * MIB)));
    stage.produce(&events);
    stage.produce(std::slice::from_ref(&large_parts));

    let shown = |bytes: &[u8]| match std::str::from_utf8(bytes) {
        _ if bytes.len() > 1000 => digest(bytes),
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().fold("0x".to_owned(), |text, byte| format!("{text}{byte:02x}")),
    };
    let seen = |event: &Event| {
        let headers: Vec<_> =
            event.headers.iter().map(|(name, value)| json!([shown(name), value.as_deref().map(shown)])).collect();
        let (key, payload) = (event.key.as_deref().map(shown), event.payload.as_deref().map(shown));
        row(json!(key), json!(headers), Some(EPOCH_MS), json!(payload))
    };
    let expected = by_offset(events.iter().chain([&large_parts]).map(seen));
    let mut host = stage.host();
    host.until("each is seen byte for byte", || stage.witnessed(&expected));

    // A second reader of them meets them all as well, and now among live ones.
    stage.operator().does(&["rebuild", "witness", "--wait"]);
    assert_eq!(stage.witnessed(&expected), Ok(()));
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn an_event_that_is_too_much_for_the_plugin_is_named() {
    let Some(stage) = Stage::with(1, &[LARGEST]) else { return };
    stage.deploy("witness");
    let small = Event::plain(0, "small");
    let large = Event::plain(0, vec![b'a'; 20 * MIB]).header_of("whole", None);
    stage.produce(&[small.clone(), large, small.clone()]);
    let mut host = stage.host();

    assert_snapshot!(stage.stopped(&mut host, "witness"), @"event [TOPIC]/0@1 cannot be applied: the plugin worked longer than its limit `event-time` of 250ms (hint: mend the plugin so that it takes the event, or raise the limit by `lantern deploy --limit`: it goes on at that offset)");
    assert_eq!(stage.witnessed(&by_offset([super::row(&small)])), Ok(()), "all before it is applied");
    assert_eq!(stage.stands_at("witness", 0, 1), Ok(()));
}
