//! The naive contender: for each event it reads the document, writes it, and commits the offset to Kafka.
//!
//! A crash between the write and the commit counts an event twice; so it is often done.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::message::{BorrowedMessage, Message};
use redis::{Commands, Connection};

use crate::args::Addresses;
use crate::consumer;
use crate::job::{ACCOUNTS, Account, CHECKPOINTS, Event, TOTALS, Totals};

/// Consumes for ever. It tells the benchmark once when it has reached the ends.
pub fn run(addresses: &Addresses) -> anyhow::Result<()> {
    let mut redis = redis::Client::open(&*addresses.redis)?.get_connection().context("connecting to Redis")?;
    let (consumer, ends) = consumer::open(&addresses.kafka, &addresses.topic, &BTreeMap::new())?;
    let mut left: i64 = ends.values().sum();
    loop {
        let Some(message) = consumer.poll(Duration::from_secs(1)) else { continue };
        let message = message?;
        apply(&message, &mut redis)?;
        consumer.commit_message(&message, CommitMode::Sync)?;
        left -= 1;
        if left == 0 {
            let fields = ends.iter().map(|(partition, end)| (format!("{}/{partition}", addresses.topic), *end));
            let () = redis.hset_multiple(CHECKPOINTS, &fields.collect::<Vec<_>>())?;
        }
    }
}

fn apply(message: &BorrowedMessage<'_>, redis: &mut Connection) -> anyhow::Result<()> {
    let event: Event<'_> = serde_json::from_slice(message.payload().context("a tombstone")?)?;
    let effect = event.effect();
    let mut writes = redis::pipe();
    if let Some(effect) = effect {
        let document: Option<String> = redis.hget(ACCOUNTS, &*event.account)?;
        let stored = document.map(|document| serde_json::from_str(&document)).transpose()?;
        let mut account = stored.unwrap_or_else(|| Account::new(&event.account));
        account.apply(&event, effect);
        writes.hset(ACCOUNTS, account.id(), serde_json::to_string(&account)?).ignore();
    }
    let mut totals = Totals::default();
    totals.count(effect);
    for (name, count) in totals.fields().into_iter().filter(|(_, count)| *count != 0) {
        writes.hincr(TOTALS, name, count).ignore();
    }
    Ok(writes.query(redis)?)
}
