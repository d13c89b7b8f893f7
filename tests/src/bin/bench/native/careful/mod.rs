//! The careful contender: as fast and as safe as a native consumer gets with the usual libraries.
//!
//! State is in memory, batches are of a thousand events, and while one is being written the next is applied. Offsets are in
//! Redis beside the views, in the same transaction, which is fenced by an epoch.

mod writer;

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::message::{BorrowedMessage, Message as _};

use super::checkpoint::{Checkpoint, Offsets};
use super::commands::Commands;
use super::consumer;
use super::job::Message;
use crate::args::Addresses;
use writer::Writer;

const BATCH_EVENTS_MAX: u64 = 1000;

/// How many batches may wait for the writer.
const BATCHES_AHEAD: usize = 2;

/// How long the first event of an incomplete batch waits for more.
const LINGER: Duration = Duration::from_millis(2);

const IDLE: Duration = Duration::from_millis(100);

/// Consumes for ever.
pub fn run(addresses: &Addresses) -> anyhow::Result<()> {
    let checkpoint = Checkpoint::of(addresses.workload.projection(), &addresses.topic);
    let (writer, mut job, offsets) = Writer::open(addresses, checkpoint)?;
    let (consumer, _) = consumer::open(&addresses.kafka, &addresses.topic, &offsets)?;
    let (batches, inbox) = sync_channel(BATCHES_AHEAD);
    let writing = thread::Builder::new().name("write".to_owned()).spawn(move || write_all(writer, inbox))?;
    let (mut pending, mut offsets, mut since) = (0, Offsets::new(), Instant::now());
    loop {
        let patience = if pending == 0 { IDLE } else { LINGER.saturating_sub(since.elapsed()) };
        if let Some(message) = consumer.poll(patience) {
            let message = message?;
            if pending == 0 {
                since = Instant::now();
            }
            job.apply(&borrowed(&message))?;
            offsets.insert(message.partition(), message.offset() + 1);
            pending += 1;
        }
        if pending >= BATCH_EVENTS_MAX || (pending > 0 && since.elapsed() >= LINGER) {
            pending = 0;
            let mut batch = Batch { commands: Commands::default(), offsets: std::mem::take(&mut offsets) };
            job.take(&mut batch.commands)?;
            if batches.send(batch).is_err() {
                break;
            }
        }
    }
    writing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// What one transaction writes.
struct Batch {
    commands: Commands,
    offsets: Offsets,
}

fn write_all(mut writer: Writer, inbox: Receiver<Batch>) -> anyhow::Result<()> {
    inbox.iter().try_for_each(|batch| writer.write(batch))
}

/// A message of the usual library as a job takes it.
pub(super) fn borrowed<'a>(message: &'a BorrowedMessage<'_>) -> Message<'a> {
    Message {
        partition: message.partition(),
        timestamp: message.timestamp().to_millis().unwrap_or_default(),
        key: message.key(),
        payload: message.payload(),
    }
}
