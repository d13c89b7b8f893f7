//! The careful contender: as fast and as safe as a native consumer gets with the usual libraries.
//!
//! State is in memory, batches are of a thousand events, and while one is being written the next is applied. Offsets are in
//! Redis beside the views, in the same transaction, which is fenced by an epoch.

mod state;
mod writer;

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use rdkafka::message::Message;

use crate::args::Addresses;
use crate::consumer;
use state::Batch;
use writer::Writer;

const BATCH_EVENTS_MAX: u64 = 1000;

/// How many batches may wait for the writer.
const BATCHES_AHEAD: usize = 2;

/// How long an incomplete batch waits for more.
const LINGER: Duration = Duration::from_millis(2);

const IDLE: Duration = Duration::from_millis(100);

/// Consumes for ever.
pub fn run(addresses: &Addresses) -> anyhow::Result<()> {
    let mut writer = Writer::open(&addresses.redis, &addresses.topic)?;
    let (mut state, offsets) = writer.load()?;
    let (consumer, _) = consumer::open(&addresses.kafka, &addresses.topic, &offsets)?;
    let (batches, inbox) = sync_channel(BATCHES_AHEAD);
    let writing = thread::spawn(move || write_all(writer, inbox));
    loop {
        let patience = if state.pending() == 0 { IDLE } else { LINGER };
        let cut = match consumer.poll(patience) {
            Some(message) => {
                let message = message?;
                state.apply(message.partition(), message.offset(), message.payload().context("a tombstone")?)?;
                state.pending() >= BATCH_EVENTS_MAX
            }
            None => state.pending() > 0,
        };
        if cut && batches.send(state.take_batch()?).is_err() {
            break;
        }
    }
    writing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn write_all(mut writer: Writer, inbox: Receiver<Batch>) -> anyhow::Result<()> {
    inbox.iter().try_for_each(|batch| writer.write(&batch))
}
