//! What all contenders share: one real broker with the events in it, one real Redis, and what the views must become.

use std::collections::BTreeMap;

use anyhow::Context;
use lantern_tests::{Event, Kafka, RedisServer};

use crate::report::note;
use crate::workload::{Views, Workload};

const PARTITIONS: u32 = 8;
/// Events of a part of a topic.
const EVENTS_PART: u64 = 200_000;

/// The servers.
pub struct Stage {
    /// The broker.
    pub kafka: Kafka,
    /// The Redis, to be emptied before each turn.
    pub redis: RedisServer,
    /// Of each topic that is loaded: the offsets behind the last of its events, as checkpoints name them.
    topics: BTreeMap<String, BTreeMap<String, u64>>,
}

/// A workload, and its events.
pub struct Case {
    /// The workload.
    pub workload: Workload,
    /// All events.
    pub full: Load,
    /// The first of them, for who takes a tenth of a millisecond for each.
    pub part: Load,
    /// Fewer of them, for who takes almost a millisecond.
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
    pub views: Views,
}

impl Stage {
    /// Starts the servers.
    pub fn set() -> anyhow::Result<Stage> {
        let kafka =
            Kafka::private().context("there is no real Kafka on this machine (hint: `./x bench` fetches it)")?;
        Ok(Stage { kafka, redis: RedisServer::start(), topics: BTreeMap::new() })
    }

    /// Generates and loads the events of a workload, unless another one has loaded them.
    pub fn load(&mut self, workload: Workload, events: u64, events_short: u64) -> anyhow::Result<Case> {
        note(&format!("{workload}: loading {events} events"));
        let all = workload.events(events, PARTITIONS);
        let topic = workload.topic();
        let first = |events: u64| &all[..all.len().min(events as usize)];
        let full = self.put(workload, topic.to_owned(), &all)?;
        let part = self.put(workload, format!("part-of-{topic}"), first(EVENTS_PART))?;
        let short = self.put(workload, format!("first-{topic}"), first(events_short))?;
        Ok(Case { workload, full, part, short })
    }

    fn put(&mut self, workload: Workload, topic: String, events: &[Event]) -> anyhow::Result<Load> {
        if !self.topics.contains_key(&topic) {
            self.kafka.create_topic(&topic, PARTITIONS);
            self.kafka.produce(&topic, events);
            let ends = self.kafka.ends(&topic, PARTITIONS).into_iter().filter(|(_, end)| *end > 0);
            let ends = ends.map(|(partition, end)| (format!("{topic}/{partition}"), end)).collect();
            self.topics.insert(topic.clone(), ends);
        }
        let ends = self.topics[&topic].clone();
        Ok(Load { topic, events: events.len() as u64, ends, views: workload.views(events)? })
    }
}
