//! Reads the partitions of one lane, or one partition for many.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio::sync::Notify;

use super::connection::{Connection, Seat};
use super::queue::{Queue, Taken};
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
    connection: Arc<Connection>,
    filled: Arc<Notify>,
    what: String,
    /// If others read by the same connection. Given up when the partition is fetched no more.
    _seat: Option<Seat>,
    _open: Open,
}

/// Says that a reader of so many partitions is open, and when it is closed.
struct Open {
    partitions: usize,
}

impl Open {
    fn new(partitions: usize) -> Self {
        tracing::debug!("a reader of {partitions} partitions opens");
        Self { partitions }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        tracing::debug!("a reader of {} partitions is closed", self.partitions);
    }
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
    /// Reads by a connection of its own.
    pub(super) fn new(
        connection: Connection,
        starts: Vec<(Start, Bounds)>,
        what: String,
    ) -> Result<Self, KafkaError> {
        Self::by(Arc::new(connection), None, starts, what)
    }

    /// Reads a partition by a connection that others read by, too.
    pub(super) fn seated(seat: Seat, start: Start, bounds: Bounds, what: String) -> Result<Self, KafkaError> {
        Self::by(seat.connection().clone(), Some(seat), vec![(start, bounds)], what)
    }

    fn by(
        connection: Arc<Connection>,
        seat: Option<Seat>,
        starts: Vec<(Start, Bounds)>,
        what: String,
    ) -> Result<Self, KafkaError> {
        let open = Open::new(starts.len());
        let filled = Arc::new(Notify::new());
        let mut cursors = Vec::with_capacity(starts.len());
        for (Start { at, topic, .. }, Bounds { first, end }) in starts {
            cursors.push(KafkaCursor {
                queue: Queue::new(connection.consumer(), &at, first, &filled)?,
                topic,
                partition: at.partition,
                next: first,
                at_end: first >= end,
                headers: Vec::new(),
                what: what.clone(),
            });
        }
        connection.tell(&filled);
        Ok(Self { cursors, connection, filled, what, _seat: seat, _open: open })
    }

    /// Waits until the broker has said of each partition what it has, if it is nothing.
    pub(super) async fn answered(&mut self) -> Result<(), Error> {
        while self.is_unanswered()? {
            self.filled.notified().await;
            self.check()?;
            self.is_up()?;
        }
        Ok(())
    }

    fn is_unanswered(&mut self) -> Result<bool, Error> {
        for cursor in &mut self.cursors {
            if cursor.head()? == Head::Fetching {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What came before is valid only if the topics still are those that they must be. The client says that one is
    /// another before it fetches anything of it, so all that was taken before this is asked is told apart.
    fn check(&self) -> Result<(), Error> {
        self.connection.hear();
        self.connection.remade()
    }

    fn is_up(&self) -> Result<(), Error> {
        match self.connection.is_down() {
            true => {
                let source = Box::new(KafkaError::Global(RDKafkaErrorCode::AllBrokersDown));
                Err(Error::Unavailable { what: self.what.clone(), source })
            }
            false => Ok(()),
        }
    }
}

impl Reader for KafkaReader {
    async fn ready(&mut self) {
        loop {
            let is_ready = merge::is_ready(&mut self.cursors) || self.connection.is_down();
            if is_ready || self.connection.remade().is_err() {
                return;
            }
            let _ = tokio::time::timeout(LISTEN_EVERY, self.filled.notified()).await;
            self.connection.hear();
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
        self.is_up()
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
