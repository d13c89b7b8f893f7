//! The naive contender: for each event it reads what it needs, writes it, and commits the offset to Kafka.
//!
//! A crash between the write and the commit counts an event twice; so it is often done.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context;
use rdkafka::consumer::{CommitMode, Consumer};

use super::careful::borrowed;
use super::checkpoint::Checkpoint;
use super::commands::Commands;
use super::{Origin, consumer};
use crate::args::Addresses;

/// Consumes for ever. It tells the benchmark once when it has reached the ends.
pub fn run(addresses: &Addresses) -> anyhow::Result<()> {
    let client = redis::Client::open(&*addresses.redis)?;
    let mut redis = client.get_connection().context("connecting to Redis")?;
    let asked = Origin::Asked(Arc::new(Mutex::new(client.get_connection()?)));
    let mut job = addresses.workload.job(&asked)?;
    let (consumer, ends) = consumer::open(&addresses.kafka, &addresses.topic, &BTreeMap::new())?;
    let mut left: i64 = ends.values().sum();
    let mut commands = Commands::default();
    loop {
        let Some(message) = consumer.poll(Duration::from_secs(1)) else { continue };
        let message = message?;
        job.apply(&borrowed(&message))?;
        job.take(&mut commands)?;
        write(&mut commands, &mut redis)?;
        consumer.commit_message(&message, CommitMode::Sync)?;
        left -= 1;
        if left == 0 {
            let checkpoint = Checkpoint::of(addresses.workload.projection(), &addresses.topic);
            checkpoint.write(&ends, &mut commands)?;
            write(&mut commands, &mut redis)?;
        }
    }
}

fn write(commands: &mut Commands, redis: &mut redis::Connection) -> anyhow::Result<()> {
    let mut writes = redis::pipe();
    for mut words in commands.iter() {
        let name = words.next().unwrap_or_default();
        writes.cmd(str::from_utf8(name)?);
        words.for_each(|word| _ = writes.arg(word));
        writes.ignore();
    }
    commands.clear();
    // Redis is not asked for nothing.
    if writes.is_empty() { Ok(()) } else { Ok(writes.query(redis)?) }
}
