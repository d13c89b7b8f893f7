//! Takes messages by librdkafka's C API, a thousand with one call, and copies them into arenas.

use std::ffi::c_void;
use std::ptr::NonNull;
use std::slice;
use std::sync::mpsc::{Receiver, Sender};

use anyhow::{Context, ensure};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka_sys as sys;

use super::Told;
use super::arena::Arena;
use crate::native::Message;

/// Messages taken with one call.
const TAKE_MAX: usize = 1000;

/// How long one call may wait for the first message; it is only made anew then.
const PATIENCE_MS: i32 = 100;

/// A consumer's queue, and what is taken from it.
pub struct Fetcher {
    queue: NonNull<sys::rd_kafka_queue_t>,
    /// Messages that were taken and are ours to destroy; empty between two steps.
    taken: Vec<*mut sys::rd_kafka_message_t>,
    /// Outlives the queue.
    _consumer: BaseConsumer,
}

// SAFETY: librdkafka's queues and messages may be used from any thread, by one at a time.
unsafe impl Send for Fetcher {}

impl Fetcher {
    /// Takes what the consumer is assigned.
    pub fn new(consumer: BaseConsumer) -> anyhow::Result<Fetcher> {
        // SAFETY: the client lives, for `_consumer` holds it. The queue that is given is ours to let go of.
        let queue = unsafe { sys::rd_kafka_queue_get_consumer(consumer.client().native_ptr()) };
        let queue = NonNull::new(queue).context("a consumer has a queue")?;
        Ok(Fetcher { queue, taken: Vec::with_capacity(TAKE_MAX), _consumer: consumer })
    }

    /// Fills arenas as they come back, until nobody wants them any more.
    pub fn run(mut self, empties: &Receiver<Arena>, full: &Sender<Told>) -> anyhow::Result<()> {
        for mut arena in empties {
            arena.clear();
            while arena.len() == 0 {
                self.fill(&mut arena)?;
            }
            if full.send(Told::Fetched(arena)).is_err() {
                break;
            }
        }
        Ok(())
    }

    /// Copies what is there. If there is nothing, waits for one message: the call would wait for all that it may give.
    fn fill(&mut self, arena: &mut Arena) -> anyhow::Result<()> {
        if self.take(0, TAKE_MAX) == 0 {
            self.take(PATIENCE_MS, 1);
        }
        let mut failed = None;
        for message in self.taken.drain(..) {
            // SAFETY: a message that was taken is ours and valid until it is destroyed, which happens once, here.
            unsafe {
                match (*message).err {
                    sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => copy(&*message, arena),
                    error => failed = Some(RDKafkaErrorCode::from(error)),
                }
                sys::rd_kafka_message_destroy(message);
            }
        }
        ensure!(failed.is_none(), "fetching: {failed:?}");
        Ok(())
    }

    fn take(&mut self, patience_ms: i32, max: usize) -> usize {
        // SAFETY: nothing is in `taken`, which has room for as many messages as are asked for; so many have been written
        // as are said.
        unsafe {
            let count =
                sys::rd_kafka_consume_batch_queue(self.queue.as_ptr(), patience_ms, self.taken.as_mut_ptr(), max);
            self.taken.set_len(usize::try_from(count).unwrap_or(0));
        }
        self.taken.len()
    }
}

impl Drop for Fetcher {
    fn drop(&mut self) {
        // SAFETY: the queue was given to us, and nobody else lets go of it.
        unsafe { sys::rd_kafka_queue_destroy(self.queue.as_ptr()) }
    }
}

fn copy(message: &sys::rd_kafka_message_t, arena: &mut Arena) {
    let mut kind = sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    // SAFETY: the message is valid, `kind` is a place for the answer, and key and payload are so long as is said.
    let (timestamp, key, payload) = unsafe {
        let timestamp = sys::rd_kafka_message_timestamp(message, &raw mut kind);
        (timestamp, bytes(message.key, message.key_len), bytes(message.payload, message.len))
    };
    arena.push(&Message { partition: message.partition, timestamp, key, payload }, message.offset);
}

/// # Safety
/// If the pointer is not null, so many bytes must be readable there for as long as `'a`.
unsafe fn bytes<'a>(pointer: *const c_void, length: usize) -> Option<&'a [u8]> {
    // SAFETY: what the caller promises.
    (!pointer.is_null()).then(|| unsafe { slice::from_raw_parts(pointer.cast(), length) })
}
