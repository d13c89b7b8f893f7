//! A client of the cluster by which partitions are read: those of one lane, or those of a topic that are at rest.
//!
//! Each client has a thread for each broker and two more, which wake once a second, so partitions in which nothing happens
//! have one in common. It would not do for others: a broker answers one request after the other, so a partition that is not
//! in one, since its queue was full when it was made, waits until one of the rest has something or the broker has waited.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use tokio::sync::Notify;

use super::budget::Allowance;
use super::client::{self, Context, Fetching};
use super::queue::Tidings;
use crate::source::{Error, TopicId};

/// A client that fetches, and what it has to say beside events.
pub(super) struct Connection {
    /// Heard by one at a time: who finds that there is nothing to hear must know what another has heard.
    tidings: Mutex<Tidings>,
    listeners: Listeners,
    consumer: Arc<BaseConsumer<Context>>,
    /// Given back when the client is gone.
    _allowance: Allowance,
}

/// Who is told when there is something to hear.
type Listeners = Arc<Mutex<Vec<Weak<Notify>>>>;

impl Connection {
    /// Makes a client that is to fetch of topics with these ids. Does not connect yet.
    pub(super) fn new(
        brokers: &str,
        properties: &[(String, String)],
        ids: BTreeMap<Arc<str>, TopicId>,
        fetching: Fetching,
        allowance: Allowance,
    ) -> Result<Self, KafkaError> {
        let mut consumer = client::consumer(brokers, properties, fetching, Context::of(ids))?;
        let listeners = Listeners::default();
        let told = listeners.clone();
        consumer.set_nonempty_callback(move || {
            lock(&told).iter().filter_map(Weak::upgrade).for_each(|listener| listener.notify_one());
        });
        let consumer = Arc::new(consumer);
        let tidings = Mutex::new(Tidings::new(&consumer)?);
        Ok(Self { tidings, listeners, consumer, _allowance: allowance })
    }

    /// The client.
    pub(super) fn consumer(&self) -> &Arc<BaseConsumer<Context>> {
        &self.consumer
    }

    /// Tells this listener, for as long as it lives, when there is something to hear.
    pub(super) fn tell(&self, listener: &Arc<Notify>) {
        let mut listeners = lock(&self.listeners);
        listeners.retain(|listener| listener.strong_count() > 0);
        listeners.push(Arc::downgrade(listener));
        drop(listeners);
        // They are told when there was nothing to hear before.
        self.hear();
    }

    /// Lets the client say, to its context, all that it has to say.
    pub(super) fn hear(&self) {
        lock(&self.tidings).hear();
    }

    /// Whether the client has lost all brokers.
    pub(super) fn is_down(&self) -> bool {
        self.consumer.context().is_down()
    }

    /// Says that a topic was made anew, if that was heard.
    pub(super) fn remade(&self) -> Result<(), Error> {
        self.consumer.context().remade()
    }

    fn is_of_use(&self) -> bool {
        self.hear();
        !self.is_down() && self.remade().is_ok()
    }
}

/// How many partitions a client that they have in common reads: whatever it has to say is heard by the readers of all.
const SEATS: usize = 100;

/// A partition's place at a client that others use as well. It is free again when this is dropped.
pub(super) struct Seat {
    connection: Arc<Connection>,
    partition: u32,
    taken: Taken,
}

/// The partitions that have a place, by their numbers.
type Taken = Arc<Mutex<BTreeSet<u32>>>;

impl Seat {
    pub(super) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        lock(&self.taken).remove(&self.partition);
    }
}

/// The clients that partitions at rest have in common, those of one topic. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Resting {
    topics: Arc<Mutex<HashMap<Named, Vec<Common>>>>,
}

/// A client for as long as someone reads by it, and who does.
type Common = (Weak<Connection>, Taken);

/// A topic by its name, and by its id if it has one.
type Named = (Arc<str>, Option<TopicId>);

impl Resting {
    /// A place for a partition, at a client that is made if none has one.
    pub(super) fn seat(
        &self,
        topic: &Named,
        partition: u32,
        make: impl FnOnce() -> Result<Connection, KafkaError>,
    ) -> Result<Seat, KafkaError> {
        // The last to hold one closes it, which is not to be done under the lock.
        let mut held = Vec::new();
        let mut topics = lock(&self.topics);
        topics.retain(|_, clients| {
            clients.retain(|(client, _)| client.strong_count() > 0);
            !clients.is_empty()
        });
        let clients = topics.entry(topic.clone()).or_default();
        for (connection, taken) in &*clients {
            let Some(connection) = connection.upgrade() else { continue };
            held.push(connection.clone());
            let mut numbers = lock(taken);
            if connection.is_of_use() && numbers.len() < SEATS && numbers.insert(partition) {
                return Ok(Seat { connection, partition, taken: taken.clone() });
            }
        }
        let (connection, taken) = (Arc::new(make()?), Taken::default());
        lock(&taken).insert(partition);
        clients.push((Arc::downgrade(&connection), taken.clone()));
        Ok(Seat { connection, partition, taken })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
