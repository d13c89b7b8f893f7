//! Sends events at a fixed rate, whatever becomes of them, and notes when each was due, sent and acknowledged.

use std::collections::HashSet;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use lantern_tests::Event;
use rdkafka::message::Message;
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use rdkafka::{ClientConfig, ClientContext};

use crate::pace;

/// The last acknowledgement comes before this, unless something is broken.
const NET: Duration = Duration::from_secs(60);

/// A producer with librdkafka's own settings: it waits up to 5 ms for more events to send along. It delivers in order and
/// loses nothing.
pub struct Sender {
    producer: ThreadedProducer<Acknowledgements>,
    topic: String,
}

/// One event on its way.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// When it was to be sent.
    pub due: Instant,
    /// When it was handed to the producer.
    pub sent: Instant,
    /// When the producer heard that the broker has it.
    pub acknowledged: Instant,
    /// Where it lies, …
    pub partition: u32,
    /// … and at which offset.
    pub offset: u64,
}

impl Sender {
    /// Connects.
    pub fn to(servers: &str, topic: &str) -> anyhow::Result<Sender> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", servers).set("enable.idempotence", "true");
        let producer: ThreadedProducer<Acknowledgements> =
            config.create_with_context(Acknowledgements::default()).context("the producer's settings")?;
        // The first event is not to wait for that.
        producer.client().fetch_metadata(Some(topic), NET).context("metadata")?;
        Ok(Sender { producer, topic: topic.to_owned() })
    }

    /// Sends the events, so many in a second, and waits for their acknowledgements.
    pub fn send(self, events: &[Event], rate: u64) -> anyhow::Result<Vec<Sent>> {
        let began = Instant::now();
        let mut sent = Vec::with_capacity(events.len());
        for (number, event) in events.iter().enumerate() {
            let due = began + Duration::from_nanos(number as u64 * 1_000_000_000 / rate);
            pace::until(due);
            sent.push((due, Instant::now()));
            let mut record = BaseRecord::with_opaque_to(&self.topic, number);
            record = record.partition(event.partition as i32).timestamp(event.timestamp);
            record.key = event.key.as_deref();
            record.payload = event.payload.as_deref();
            self.producer.send(record).map_err(|(error, _): (_, BaseRecord<'_, [u8], [u8], usize>)| error)?;
        }
        self.producer.flush(NET).context("waiting for acknowledgements")?;
        let heard = std::mem::take(&mut *self.producer.context().0.lock().expect("no delivery panics"));
        let mut all: Vec<Option<Sent>> = vec![None; events.len()];
        for (number, heard) in heard {
            let (partition, offset, acknowledged) = heard.map_err(anyhow::Error::msg)?;
            let (due, sent) = sent[number];
            all[number] = Some(Sent { due, sent, acknowledged, partition, offset });
        }
        let all: Vec<Sent> =
            all.into_iter().collect::<Option<_>>().context("some event was never acknowledged")?;
        let places: HashSet<(u32, u64)> = all.iter().map(|sent| (sent.partition, sent.offset)).collect();
        ensure!(places.len() == all.len(), "two events were acknowledged at one offset");
        Ok(all)
    }
}

/// What the producer has heard of an event: partition, offset and time, or why it was not delivered.
type Heard = Result<(u32, u64, Instant), String>;

/// What it has heard of all events, with their numbers.
#[derive(Default)]
struct Acknowledgements(Mutex<Vec<(usize, Heard)>>);

impl ClientContext for Acknowledgements {}

impl ProducerContext for Acknowledgements {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        let now = Instant::now();
        let heard = match result {
            Ok(message) => Ok((message.partition() as u32, message.offset() as u64, now)),
            Err((error, _)) => Err(format!("an event was not delivered: {error}")),
        };
        self.0.lock().expect("no delivery panics").push((number, heard));
    }
}
