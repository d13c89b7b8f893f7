//! Two producers that append to one topic all the time: one with idempotence, event by event; one in transactions, of
//! which some are aborted. What the broker acknowledges is recorded, and nothing else.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use rdkafka::{ClientConfig, ClientContext};

use super::diary::Diary;
use super::record::{Appended, Record};
use super::stop::Stop;
use crate::bank::Bank;
use crate::event::Event;
use crate::random::Random;

const EVENTS_PER_SECOND: f64 = 200.0;
const TICK: Duration = Duration::from_millis(10);
/// Not acknowledged, at most; then the producer waits for the broker.
const IN_FLIGHT_MAX: i32 = 20_000;
/// How long a call of a transaction may take before it is made again.
const CALL: Duration = Duration::from_secs(5);
/// How often it is made, at most, before the transaction is given up.
const CALLS_MAX: usize = 20;
/// The last events must be acknowledged within this.
const FLUSH: Duration = Duration::from_secs(120);

/// Both producers, each in its thread.
pub struct Producers {
    threads: [JoinHandle<()>; 2],
}

impl Producers {
    /// Begins to append what happens at a bank, until it is told to stop.
    pub fn start(
        servers: &str,
        topic: &str,
        bank: &Bank,
        record: &Record,
        diary: &Diary,
        over: &Stop,
    ) -> Producers {
        let appender = |seed| Appender {
            servers: servers.to_owned(),
            topic: topic.to_owned(),
            bank: Bank { seed, events: u64::MAX, ..bank.clone() },
            record: record.clone(),
            diary: diary.clone(),
            over: over.clone(),
        };
        let (plain, transactional) = (appender(bank.seed), appender(bank.seed ^ 1));
        Producers {
            threads: [thread::spawn(move || plain.flow()), thread::spawn(move || transactional.transact())],
        }
    }

    /// Waits until both have ended, which they do when they were told to stop.
    pub fn join(self) {
        self.threads.into_iter().for_each(|thread| thread.join().expect("no producer panics"));
    }
}

struct Appender {
    servers: String,
    topic: String,
    bank: Bank,
    record: Record,
    diary: Diary,
    over: Stop,
}

/// What the broker has acknowledged since it was last asked, and what it has not.
#[derive(Default)]
struct Deliveries(Mutex<(Vec<Appended>, Vec<String>)>);

impl Deliveries {
    fn take(&self) -> (Vec<Appended>, Vec<String>) {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ClientContext for Deliveries {
    fn error(&self, _error: KafkaError, _reason: &str) {
        // A broker that is away is what this is about.
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Arc<Event>;

    fn delivery(&self, result: &DeliveryResult<'_>, event: Arc<Event>) {
        let mut deliveries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(message) => deliveries.0.push(Appended { offset: message.offset() as u64, event }),
            Err((error, _)) => deliveries.1.push(error.to_string()),
        }
    }
}

impl Appender {
    fn producer(&self, settings: &[(&str, &str)]) -> ThreadedProducer<Deliveries> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.servers).set("enable.idempotence", "true").set("linger.ms", "2");
        config.set("reconnect.backoff.ms", "20").set("reconnect.backoff.max.ms", "500");
        settings.iter().for_each(|(name, value)| _ = config.set(*name, *value));
        config.create_with_context(Deliveries::default()).expect("these settings are librdkafka's")
    }

    fn send(&self, producer: &ThreadedProducer<Deliveries>, event: Event) -> Result<(), KafkaError> {
        // A broker that starts again forgets producers of whom it has only old events, and so what they have sent before.
        let now = SystemTime::UNIX_EPOCH.elapsed().expect("the clock is past 1970");
        let event = Arc::new(event.at(now.as_millis() as i64));
        let mut record = BaseRecord::with_opaque_to(&self.topic, event.clone());
        record = record.partition(event.partition as i32).timestamp(event.timestamp);
        record.key = event.key.as_deref();
        record.payload = event.payload.as_deref();
        producer.send(record).map_err(|(error, _)| error)
    }

    /// One event after the other, at a steady rate.
    fn flow(self) {
        let producer = self.producer(&[("message.timeout.ms", "0")]);
        let (mut events, started, mut sent, mut answered) = (self.bank.events(), Instant::now(), 0, 0);
        let mut note = || {
            let (acknowledged, lost) = producer.context().take();
            answered += (acknowledged.len() + lost.len()) as u64;
            self.record.add(acknowledged);
            lost.into_iter().for_each(|error| self.diary.find(format!("the producer lost an event: {error}")));
            answered
        };
        while !self.over.pause(TICK) {
            let due = (started.elapsed().as_secs_f64() * EVENTS_PER_SECOND) as u64;
            while sent < due && producer.in_flight_count() < IN_FLIGHT_MAX {
                let event = events.next().expect("the bank never closes");
                self.send(&producer, event).expect("the queue has room");
                sent += 1;
            }
            note();
        }
        // A flush may end before the last deliveries were told.
        let deadline = Instant::now() + FLUSH;
        while note() < sent {
            if Instant::now() > deadline {
                return self.diary.find(format!("the broker does not take the last {} events", sent - note()));
            }
            let _ = producer.flush(TICK);
        }
    }

    /// One transaction after the other.
    fn transact(self) {
        let mut random = Random::new(self.bank.seed);
        let mut events = self.bank.events();
        let mut producer = None;
        while !self.over.pause(Duration::from_millis(100 + random.below(700))) {
            let some: Vec<Event> = events.by_ref().take(1 + random.below(30) as usize).collect();
            let hold = Duration::from_millis(random.below(200));
            let commits = random.below(4) > 0;
            let Some(open) = producer.take().or_else(|| self.transactional()) else { continue };
            match self.transaction(&open, some, hold, commits) {
                Ended::Committed(events) => self.record.commit(events),
                Ended::Aborted(events) => self.record.abort(events),
                Ended::Unknown(events) => {
                    self.record.doubt(events);
                    continue;
                }
            }
            producer = Some(open);
        }
        // Ends what the last one may have left open, or no reader gets beyond it.
        if producer.is_none() && self.transactional().is_none() {
            self.diary.find("the broker does not end the last transaction".to_owned());
        }
    }

    /// A producer that has ended whatever the one before it has left open. None if the broker is away for long.
    fn transactional(&self) -> Option<ThreadedProducer<Deliveries>> {
        let id = format!("{}-transactions", self.topic);
        let producer = self.producer(&[("transactional.id", &id), ("transaction.timeout.ms", "15000")]);
        call(|| producer.init_transactions(CALL)).is_ok().then_some(producer)
    }

    fn transaction(
        &self,
        producer: &ThreadedProducer<Deliveries>,
        events: Vec<Event>,
        hold: Duration,
        commits: bool,
    ) -> Ended {
        let count = events.len();
        if producer.begin_transaction().is_err() {
            return Ended::Unknown(Vec::new());
        }
        let sent = events.into_iter().try_for_each(|event| self.send(producer, event));
        self.over.pause(hold);
        let flushed = sent.is_ok() && call(|| producer.flush(CALL)).is_ok();
        let (acknowledged, lost) = producer.context().take();
        let is_whole = flushed && lost.is_empty() && acknowledged.len() == count;
        if is_whole && commits {
            return match call(|| producer.commit_transaction(CALL)) {
                Ok(()) => Ended::Committed(acknowledged),
                Err(_) => Ended::Unknown(acknowledged),
            };
        }
        match call(|| producer.abort_transaction(CALL)) {
            Ok(()) => Ended::Aborted(acknowledged),
            Err(_) => Ended::Unknown(acknowledged),
        }
    }
}

/// How a transaction has ended.
enum Ended {
    Committed(Vec<Appended>),
    Aborted(Vec<Appended>),
    /// The producer is of no use any more.
    Unknown(Vec<Appended>),
}

/// Makes a call again that was not answered in time.
fn call(mut make: impl FnMut() -> Result<(), KafkaError>) -> Result<(), KafkaError> {
    let mut calls = 1;
    loop {
        match make() {
            Err(KafkaError::Transaction(error)) if error.is_retriable() && calls < CALLS_MAX => calls += 1,
            Err(KafkaError::Flush(_)) if calls < CALLS_MAX => calls += 1,
            ended => return ended,
        }
    }
}
