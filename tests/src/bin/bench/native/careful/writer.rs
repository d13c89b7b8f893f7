//! The writer: one transaction a batch, in one round trip, fenced.
//!
//! The pipeline that carries a transaction also watches the epoch for the next one, so that the fence costs no round trip.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, ensure};
use redis::{Commands, Connection, Pipeline, Value, pipe};

use super::state::{Batch, State};
use crate::job::{ACCOUNTS, CHECKPOINTS, TOTALS, Totals};

const EPOCH: &str = "careful:epoch";

/// A connection that holds the epoch.
pub struct Writer {
    redis: Connection,
    topic: String,
    epoch: u64,
}

impl Writer {
    /// Connects, and takes a new epoch: whoever wrote before can do so no more.
    pub fn open(url: &str, topic: &str) -> anyhow::Result<Writer> {
        let mut redis = redis::Client::open(url)?.get_connection().context("connecting to Redis")?;
        let epoch = redis.incr(EPOCH, 1)?;
        let mut watch = pipe();
        watch_epoch(&mut watch);
        let (seen,): (u64,) = watch.query(&mut redis)?;
        ensure!(seen == epoch, "epoch {seen} has taken over from {epoch}");
        Ok(Writer { redis, topic: topic.to_owned(), epoch })
    }

    /// The state and the next offsets, as the last batch left them.
    pub fn load(&mut self) -> anyhow::Result<(State, BTreeMap<i32, i64>)> {
        let documents: Vec<String> = self.redis.hvals(ACCOUNTS)?;
        let accounts =
            documents.iter().map(|document| serde_json::from_str(document)).collect::<Result<_, _>>()?;
        let totals: HashMap<String, i64> = self.redis.hgetall(TOTALS)?;
        let offsets: HashMap<String, i64> = self.redis.hgetall(CHECKPOINTS)?;
        let own = |(field, offset): (String, i64)| {
            let partition = field.strip_prefix(&self.topic)?.strip_prefix('/')?.parse().ok()?;
            Some((partition, offset))
        };
        let offsets = offsets.into_iter().filter_map(own).collect();
        Ok((State::restored(accounts, Totals::restored(&totals)), offsets))
    }

    /// Writes a batch with its offsets, both or neither.
    pub fn write(&mut self, batch: &Batch) -> anyhow::Result<()> {
        let mut pipeline = pipe();
        pipeline.cmd("MULTI").ignore();
        if !batch.is_empty() {
            pipeline.cmd("HSET").arg(ACCOUNTS);
            for (id, document) in batch.documents() {
                pipeline.arg(id).arg(document);
            }
            pipeline.ignore();
        }
        pipeline.hset_multiple(TOTALS, &batch.totals.fields()).ignore();
        let offsets = batch.offsets.iter().map(|(partition, next)| (format!("{}/{partition}", self.topic), *next));
        pipeline.hset_multiple(CHECKPOINTS, &offsets.collect::<Vec<_>>()).ignore();
        pipeline.cmd("EXEC");
        watch_epoch(&mut pipeline);
        let (written, seen): (Value, u64) = pipeline.query(&mut self.redis)?;
        ensure!(written != Value::Nil && seen == self.epoch, "epoch {seen} has taken over from {}", self.epoch);
        Ok(())
    }
}

fn watch_epoch(pipeline: &mut Pipeline) {
    pipeline.cmd("WATCH").arg(EPOCH).ignore().get(EPOCH);
}
