//! Compacted topics: the last event of each key is kept, so a rebuild from a first offset above zero lacks nothing.

use std::collections::BTreeMap;

use insta::assert_snapshot;
use lantern_tests::Event;
use lantern_tests::event::EPOCH_MS;
use lantern_tests::eventually::{NET, eventually};
use serde_json::Value;

use super::{Stage, row};

/// Settings with which a broker compacts as soon as it can.
const EAGER: &[(&str, &str)] = &[
    ("cleanup.policy", "compact"),
    ("min.cleanable.dirty.ratio", "0.001"),
    ("segment.ms", "100"),
    ("retention.ms", "-1"),
];

/// Values of five keys, one after the other.
fn values(numbers: std::ops::Range<u64>) -> Vec<Event> {
    numbers
        .map(|number| Event::plain(0, format!("v{number}")).key_of(format!("k{}", number % 5).as_bytes()))
        .collect()
}

impl Stage {
    /// Appends events of another key until the broker has compacted all before them; gives all that were appended.
    fn until_compacted(&self, appended: u64) -> Vec<Event> {
        let mut filler = Vec::new();
        eventually("the topic is compacted", NET, || {
            // A segment is closed when an event comes that is so much younger than its first.
            let one = Event::plain(0, "filler").key_of(b"filler").at(EPOCH_MS + 1000 * (filler.len() as i64 + 1));
            self.produce(std::slice::from_ref(&one));
            filler.push(one);
            let left = self.kafka.offsets(&self.topic, 0);
            let old = left.iter().filter(|offset| **offset < appended).count();
            if old == 5 { Ok(()) } else { Err(format!("{old} of {appended} events are left")) }
        });
        filler
    }

    /// What the witness has of the events that the topic has now.
    fn rows_left(&self, events: &[Event]) -> BTreeMap<String, Value> {
        let offsets = self.kafka.offsets(&self.topic, 0).into_iter();
        offsets.map(|offset| (format!("0@{offset}"), row(&events[offset as usize]))).collect()
    }
}

#[test]
fn a_topic_that_is_compacted_while_it_is_read() {
    let Some(stage) = Stage::with(1, EAGER) else { return };
    stage.deploy("witness");
    let mut events = values(0..500);
    stage.produce(&events);
    let mut host = stage.host();
    host.until("all is seen", || stage.stands_at("witness", 0, 500));

    events.extend(stage.until_compacted(500));
    let end = events.len() as u64;
    host.until("all that came is seen", || stage.stands_at("witness", 0, end));
    let all: BTreeMap<_, _> =
        events.iter().enumerate().map(|(offset, event)| (format!("0@{offset}"), row(event))).collect();
    assert_eq!(stage.witnessed(&all), Ok(()), "what was read before is not forgotten");

    // A rebuild sees the last event of each key, and is where the other was although there are gaps.
    stage.operator().does(&["rebuild", "witness", "--wait"]);
    let left = stage.redis.hash("witness:events");
    let old = |at: &&String| at[2..].parse::<u64>().unwrap() < 500;
    assert_eq!(left.keys().filter(old).collect::<Vec<_>>(), ["0@495", "0@496", "0@497", "0@498", "0@499"]);
    assert_eq!(stage.witnessed(&stage.rows_left(&events)), Ok(()));
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn only_a_topic_that_keeps_every_key_may_begin_above_zero() {
    let Some(stage) = Stage::with(1, &[]) else { return };
    stage.deploy("witness");
    let events = values(0..20);
    stage.produce(&events);
    let mut host = stage.host();
    host.until("all is seen", || stage.stands_at("witness", 0, 20));
    stage.kafka.delete_events(&stage.topic, 0, 15);

    stage.kafka.configure_topic(&stage.topic, &[("cleanup.policy", "compact,delete"), ("retention.ms", "-1")]);
    let refused = stage.operator().tries(&["rebuild", "witness"]).refused();
    assert_snapshot!(stage.steady(&refused), @r"
    exit code 4
    error: a part of the history is gone: [TOPIC]/0 begins at offset 15; views rebuilt from what is left would lack it
    hint: if that is meant, say --from-earliest
    ");

    stage.kafka.configure_topic(&stage.topic, &[("cleanup.policy", "compact")]);
    stage.operator().does(&["rebuild", "witness", "--wait"]);
    let left = (15..20).map(|at| (format!("0@{at}"), row(&events[at]))).collect();
    assert_eq!(stage.witnessed(&left), Ok(()));
    assert_eq!(host.terminate(), Some(0));
}
