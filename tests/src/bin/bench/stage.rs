//! What all contenders share: one real broker with the events in it, one real Redis, and what the views must become.

use std::collections::BTreeMap;

use anyhow::Context;
use lantern_tests::bank::{Bank, BankViews};
use lantern_tests::{Event, Kafka, RedisServer, artefacts};

use crate::contender::Contender;
use crate::report::note;

const PARTITIONS: u32 = 8;
const ACCOUNTS: u64 = 20_000;
const PAYLOAD_BYTES: usize = 190;

/// The servers and the events.
pub struct Stage {
    /// The broker.
    pub kafka: Kafka,
    /// The Redis, to be emptied before each turn.
    pub redis: RedisServer,
    /// All events.
    pub full: Load,
    /// The first of them.
    pub short: Load,
}

/// A topic and what comes out of it.
pub struct Load {
    /// The topic.
    pub topic: String,
    /// How many events it has.
    pub events: u64,
    /// The offset behind the last one, as checkpoints name it: `<topic>/<partition>`.
    pub ends: BTreeMap<String, u64>,
    /// What the views must hold.
    pub views: BankViews,
}

impl Stage {
    /// Starts the servers, generates and loads the events, and builds what is measured.
    pub fn set(events: u64, events_short: u64, contenders: &[Contender]) -> anyhow::Result<Stage> {
        if contenders.contains(&Contender::Lantern) {
            artefacts::lantern();
            artefacts::plugin("balances");
        }
        let kafka =
            Kafka::private().context("there is no real Kafka on this machine (hint: `./x bench` fetches it)")?;
        let redis = RedisServer::start();
        note(&format!("loading {events} events"));
        let bank = Bank {
            events,
            accounts: ACCOUNTS,
            partitions: PARTITIONS,
            payload_bytes_min: PAYLOAD_BYTES,
            ..Bank::default()
        };
        let all: Vec<Event> = bank.events().collect();
        let full = Load::put("account-events", &all, &kafka);
        let short = Load::put("first-account-events", &all[..events_short as usize], &kafka);
        Ok(Stage { kafka, redis, full, short })
    }
}

impl Load {
    fn put(topic: &str, events: &[Event], kafka: &Kafka) -> Load {
        kafka.create_topic(topic, PARTITIONS);
        kafka.produce(topic, events);
        let ends = kafka.ends(topic, PARTITIONS).into_iter();
        let ends = ends.filter(|(_, end)| *end > 0).map(|(partition, end)| (format!("{topic}/{partition}"), end));
        Load {
            topic: topic.to_owned(),
            events: events.len() as u64,
            ends: ends.collect(),
            views: BankViews::fold(events),
        }
    }
}
