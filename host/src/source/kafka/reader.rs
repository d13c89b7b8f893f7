//! Reads the partitions of one lane, by a consumer of its own.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio::sync::Notify;

use super::budget::Allowance;
use super::client::Context;
use super::queue::{Queue, Taken, Tidings};
use crate::event::{Batch, BatchLimits, Event};
use crate::source::merge::{self, Cursor, Head};
use crate::source::{Bounds, Error, Reader, Start};

/// How often a reader hears what its client has to say although it was not told that there is something.
const LISTEN_EVERY: Duration = Duration::from_secs(60);

/// Offsets before the end of the log that need not be events: the end of a transaction takes one. Where transactions
/// follow one another, the broker never says that there is no more.
const MARKS_MAX: u64 = 16;

/// Reads partitions of Kafka topics.
pub struct KafkaReader {
    cursors: Vec<KafkaCursor>,
    tidings: Tidings,
    consumer: Arc<BaseConsumer<Context>>,
    filled: Arc<Notify>,
    what: String,
    /// Given back when the consumer is gone.
    _allowance: Allowance,
}

struct KafkaCursor {
    queue: Queue,
    topic: u32,
    partition: u32,
    /// The next offset to read.
    next: u64,
    /// Whether the broker said that there is no more at present.
    at_end: bool,
    /// Encoded headers, kept for their memory.
    headers: Vec<u8>,
    what: String,
}

impl KafkaReader {
    pub(super) fn new(
        mut consumer: BaseConsumer<Context>,
        starts: Vec<(Start, Bounds)>,
        what: String,
        allowance: Allowance,
    ) -> Result<Self, KafkaError> {
        let filled = Arc::new(Notify::new());
        let told = filled.clone();
        consumer.set_nonempty_callback(move || told.notify_one());
        let consumer = Arc::new(consumer);
        let mut cursors = Vec::with_capacity(starts.len());
        for (Start { at, topic, .. }, Bounds { first, end }) in starts {
            cursors.push(KafkaCursor {
                queue: Queue::new(&consumer, &at, first, &filled)?,
                topic,
                partition: at.partition,
                next: first,
                at_end: first >= end,
                headers: Vec::new(),
                what: what.clone(),
            });
        }
        let tidings = Tidings::new(&consumer)?;
        // The callback comes when there was nothing to hear before.
        tidings.hear();
        Ok(Self { cursors, tidings, consumer, filled, what, _allowance: allowance })
    }

    /// What came before is valid only if the topics still are those that they must be. The client says that one is
    /// another before it fetches anything of it, so all that was taken before this is asked is told apart.
    fn check(&self) -> Result<(), Error> {
        self.tidings.hear();
        self.consumer.context().remade()
    }
}

impl Reader for KafkaReader {
    async fn ready(&mut self) {
        loop {
            let is_ready = merge::is_ready(&mut self.cursors) || self.consumer.context().is_down();
            if is_ready || self.consumer.context().remade().is_err() {
                return;
            }
            let _ = tokio::time::timeout(LISTEN_EVERY, self.filled.notified()).await;
            self.tidings.hear();
        }
    }

    fn fill(&mut self, batch: &mut Batch, limits: &BatchLimits) -> Result<(), Error> {
        let before = batch.len();
        let filled = merge::fill(&mut self.cursors, batch, limits);
        if let Err(remade) = self.check() {
            *batch = batch.slice(0..before);
            return Err(remade);
        }
        filled?;
        if self.consumer.context().is_down() {
            let source = Box::new(KafkaError::Global(RDKafkaErrorCode::AllBrokersDown));
            return Err(Error::Unavailable { what: self.what.clone(), source });
        }
        Ok(())
    }

    fn at_end(&mut self) -> bool {
        self.cursors.iter_mut().all(KafkaCursor::is_at_end)
    }
}

impl KafkaCursor {
    fn is_at_end(&mut self) -> bool {
        match self.head() {
            Ok(Head::End) => true,
            // With events always on their way the broker does not say so, but with each answer says where the log ends.
            Ok(Head::Fetching) => self.queue.log_end().is_some_and(|end| self.next + MARKS_MAX >= end),
            Ok(Head::Event { .. }) | Err(_) => false,
        }
    }
}

impl Cursor for KafkaCursor {
    fn head(&mut self) -> Result<Head, Error> {
        loop {
            match self.queue.head() {
                Taken::Message(message) => {
                    self.at_end = false;
                    return Ok(Head::Event { timestamp: message.timestamp(), bytes: message.bytes() });
                }
                Taken::Error(RDKafkaErrorCode::PartitionEOF) => {
                    self.at_end = true;
                    self.queue.pop();
                }
                // Whatever it is, opening anew tells exactly, or mends it.
                Taken::Error(code) => {
                    let source = Box::new(KafkaError::MessageConsumption(code));
                    return Err(Error::Unavailable { what: self.what.clone(), source });
                }
                Taken::Nothing if self.at_end => return Ok(Head::End),
                Taken::Nothing => return Ok(Head::Fetching),
            }
        }
    }

    fn take(&mut self, take: impl FnOnce(&Event<'_>)) {
        if let Taken::Message(message) = self.queue.head() {
            message.headers(&mut self.headers);
            self.next = message.offset() + 1;
            take(&Event {
                topic: self.topic,
                partition: self.partition,
                offset: message.offset(),
                timestamp: message.timestamp(),
                key: message.key(),
                headers: &self.headers,
                payload: message.payload(),
            });
        }
        self.queue.pop();
    }
}
