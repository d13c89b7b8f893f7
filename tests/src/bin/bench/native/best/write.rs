//! The writer: one transaction at a time, in one round trip, fenced like the careful contender's.

use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex};

use anyhow::ensure;
use redis::{Commands as _, Value};

use super::link::Link;
use super::{Batch, Told};
use crate::args::Addresses;
use crate::native::checkpoint::{Checkpoint, Offsets};
use crate::native::{Job, Origin};

/// A connection that holds the epoch.
pub struct Writer {
    link: Link,
    checkpoint: Checkpoint,
    epoch: Vec<u8>,
}

impl Writer {
    /// Connects, and takes a new epoch: whoever wrote before can do so no more. So the views and the offsets that come with
    /// it are the last.
    pub fn open(addresses: &Addresses, checkpoint: Checkpoint) -> anyhow::Result<(Writer, Box<dyn Job>, Offsets)> {
        let client = redis::Client::open(&*addresses.redis)?;
        let mut redis = client.get_connection()?;
        let epoch: u64 = redis.incr(&checkpoint.epoch, 1)?;
        let mut writer = Writer { link: Link::open(&client)?, checkpoint, epoch: epoch.to_string().into_bytes() };
        writer.watch();
        writer.link.send()?;
        writer.expect_epoch()?;
        let offsets = writer.checkpoint.load(&mut redis)?;
        let job = addresses.workload.job(&Origin::Loaded(Arc::new(Mutex::new(redis))))?;
        Ok((writer, job, offsets))
    }

    /// Writes batches until there will be none any more.
    pub fn run(&mut self, batches: &Receiver<Batch>, told: &Sender<Told>) -> anyhow::Result<()> {
        for mut batch in batches {
            self.write(&mut batch)?;
            batch.commands.clear();
            if told.send(Told::Written(batch.commands)).is_err() {
                break;
            }
        }
        Ok(())
    }

    /// Writes a batch with its offsets, both or neither.
    fn write(&mut self, batch: &mut Batch) -> anyhow::Result<()> {
        self.checkpoint.write(&batch.offsets, &mut batch.commands)?;
        self.link.push(["MULTI"]);
        self.link.push_all(&batch.commands);
        self.link.push(["EXEC"]);
        self.watch();
        self.link.send()?;
        // Of MULTI, and of each command that is queued.
        for _ in 0..=batch.commands.len() {
            self.link.answer()?;
        }
        ensure!(self.link.answer()? != Value::Nil, "another one has taken over");
        self.expect_epoch()
    }

    /// Watches the epoch for the next transaction, behind the present one and in the same round trip.
    fn watch(&mut self) {
        self.link.push(["WATCH", &self.checkpoint.epoch]);
        self.link.push(["GET", &self.checkpoint.epoch]);
    }

    fn expect_epoch(&mut self) -> anyhow::Result<()> {
        self.link.answer()?;
        let seen = self.link.answer()?;
        ensure!(seen == Value::BulkString(self.epoch.clone()), "another one has taken over: {seen:?}");
        Ok(())
    }
}
