//! The writer: one transaction a batch, in one round trip, fenced.
//!
//! The pipeline that carries a transaction also watches the epoch for the next one, so that the fence costs no round trip.

use std::sync::{Arc, Mutex};

use anyhow::{Context, ensure};
use redis::{Commands as _, Connection, Pipeline, Value, pipe};

use super::Batch;
use crate::args::Addresses;
use crate::native::checkpoint::{Checkpoint, Offsets};
use crate::native::{Job, Origin};

/// A connection that holds the epoch.
pub struct Writer {
    redis: Connection,
    checkpoint: Checkpoint,
    epoch: u64,
}

impl Writer {
    /// Connects, and takes a new epoch: whoever wrote before can do so no more. So the views and the offsets that come with
    /// it are the last.
    pub fn open(addresses: &Addresses, checkpoint: Checkpoint) -> anyhow::Result<(Writer, Box<dyn Job>, Offsets)> {
        let client = redis::Client::open(&*addresses.redis)?;
        let mut redis = client.get_connection().context("connecting to Redis")?;
        let epoch = redis.incr(&checkpoint.epoch, 1)?;
        let mut watch = pipe();
        watch_epoch(&mut watch, &checkpoint);
        let (seen,): (u64,) = watch.query(&mut redis)?;
        ensure!(seen == epoch, "epoch {seen} has taken over from {epoch}");
        let offsets = checkpoint.load(&mut redis)?;
        let origin = Origin::Loaded(Arc::new(Mutex::new(client.get_connection()?)));
        let job = addresses.workload.job(&origin)?;
        Ok((Writer { redis, checkpoint, epoch }, job, offsets))
    }

    /// Writes a batch with its offsets, both or neither.
    pub fn write(&mut self, mut batch: Batch) -> anyhow::Result<()> {
        self.checkpoint.write(&batch.offsets, &mut batch.commands)?;
        let mut pipeline = pipe();
        pipeline.cmd("MULTI").ignore();
        for mut words in batch.commands.iter() {
            let name = words.next().unwrap_or_default();
            pipeline.cmd(str::from_utf8(name)?);
            words.for_each(|word| _ = pipeline.arg(word));
            pipeline.ignore();
        }
        pipeline.cmd("EXEC");
        watch_epoch(&mut pipeline, &self.checkpoint);
        let (written, seen): (Value, u64) = pipeline.query(&mut self.redis)?;
        ensure!(written != Value::Nil && seen == self.epoch, "epoch {seen} has taken over from {}", self.epoch);
        Ok(())
    }
}

fn watch_epoch(pipeline: &mut Pipeline, checkpoint: &Checkpoint) {
    pipeline.cmd("WATCH").arg(&checkpoint.epoch).ignore().get(&checkpoint.epoch);
}
