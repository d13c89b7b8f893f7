//! The log as it really is: it forgets, it is made anew, it grows, it has transactions, it is compacted, and events are of
//! any size and bytes.

mod any_bytes;
mod compacted;
mod grown;
mod remade;
mod rest;
mod transactions;
mod truncated;

use std::collections::BTreeMap;

use lantern_tests::artefacts::plugin;
use lantern_tests::bank::{Bank, BankViews};
use lantern_tests::source::unique;
use lantern_tests::{Event, Host, Kafka, Operator, RedisServer, view};
use serde_json::{Value, json};

use crate::story::real_kafka;

/// One topic of a real Kafka, and what is deployed on it.
struct Stage {
    kafka: &'static Kafka,
    topic: String,
    redis: RedisServer,
}

impl Stage {
    /// A topic of so many partitions with such settings; none without a real Kafka.
    fn with(partitions: u32, settings: &[(&str, &str)]) -> Option<Stage> {
        let kafka = real_kafka()?;
        let topic = unique("events");
        kafka.create_topic_with(&topic, partitions, settings);
        Some(Stage { kafka, topic, redis: RedisServer::start() })
    }

    /// The same with a projection that is deployed under its plugin's name.
    fn of(name: &str, partitions: u32) -> Option<Stage> {
        let stage = Stage::with(partitions, &[])?;
        stage.deploy(name);
        Some(stage)
    }

    fn deploy(&self, name: &str) {
        self.operator().deploy(name, &plugin(name), &self.topic, &[]);
    }

    fn operator(&self) -> Operator {
        Operator::of(&self.redis)
    }

    fn host(&self) -> Host {
        Host::run(&self.kafka.url(), &self.redis).start()
    }

    fn produce(&self, events: &[Event]) {
        self.kafka.produce(&self.topic, events);
    }

    /// The checkpoint of a projection in a partition.
    fn checkpoint(&self, projection: &str, partition: u32) -> Option<u64> {
        self.redis.checkpoints(projection).get(&format!("{}/{partition}", self.topic)).copied()
    }

    /// Passes if a projection stands at this offset of a partition.
    fn stands_at(&self, projection: &str, partition: u32, offset: u64) -> Result<(), String> {
        match self.checkpoint(projection, partition) {
            Some(at) if at == offset => Ok(()),
            at => Err(format!("{projection} stands at {at:?}, not at {offset}")),
        }
    }

    /// Waits until a projection has stopped, and gives what `lantern status` says of it.
    #[track_caller]
    fn stopped(&self, host: &mut Host, projection: &str) -> String {
        host.until("it has stopped", || {
            let status = self.operator().status(projection);
            match (status["state"].as_str(), status["error"].as_str()) {
                (Some("stopped"), Some(why)) => Ok(self.steady(why)),
                _ => Err(status.to_string()),
            }
        })
    }

    /// Passes if a projection is in this state.
    fn is(&self, projection: &str, state: &str) -> Result<(), String> {
        let status = self.operator().status(projection);
        if status["state"] == state { Ok(()) } else { Err(status.to_string()) }
    }

    /// A text with `[TOPIC]` and `[BROKER]` for what differs from run to run.
    fn steady(&self, text: &str) -> String {
        text.replace(&self.topic, "[TOPIC]").replace(self.kafka.servers(), "[BROKER]")
    }

    /// Passes if `balances` has just what comes of these events.
    fn has(&self, events: &[Event]) -> Result<(), String> {
        BankViews::fold(events).balances_hold(&self.redis)
    }

    /// Passes if the witness has written down just this, by `<partition>@<offset>`.
    fn witnessed(&self, expected: &BTreeMap<String, Value>) -> Result<(), String> {
        let rows = self.redis.hash("witness:events").into_iter();
        let seen =
            rows.map(|(at, row)| (at, serde_json::from_str(&row).expect("the witness writes JSON"))).collect();
        view::same("witness:events", expected, &seen)
    }
}

/// What the witness writes down of an event without headers.
fn row(event: &Event) -> Value {
    let text = |bytes: &Option<Vec<u8>>| bytes.as_ref().map(|bytes| String::from_utf8(bytes.clone()).unwrap());
    json!({ "key": text(&event.key), "headers": [], "timestamp": event.timestamp, "payload": text(&event.payload) })
}

/// What happens at a bank with one branch.
fn bank(seed: u64, events: u64) -> Vec<Event> {
    Bank { seed, events, accounts: 20, partitions: 1, ..Bank::default() }.events().collect()
}
