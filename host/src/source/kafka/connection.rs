//! A client of the cluster by which partitions are read: those of one lane, or all of a topic that are at rest.
//!
//! Each client has a thread for each broker and two more, which wake once a second, so partitions in which nothing happens
//! have one in common. It would not do for others: while a partition's queue is full, the broker is asked only for the
//! rest of them, and answers when one of these has something.

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
    /// The partitions that are taken, by their numbers, where readers have the client in common.
    taken: Mutex<BTreeSet<u32>>,
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
        Ok(Self { tidings, listeners, taken: Mutex::default(), consumer, _allowance: allowance })
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

/// A partition's place at a client that others use as well. It is free again when this is dropped.
pub(super) struct Seat {
    connection: Arc<Connection>,
    partition: u32,
}

impl Seat {
    pub(super) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        lock(&self.connection.taken).remove(&self.partition);
    }
}

/// The clients that partitions at rest have in common, one for each topic. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Resting {
    connections: Arc<Mutex<HashMap<Named, Weak<Connection>>>>,
}

/// A topic by its name, and by its id if it has one.
pub(super) type Named = (Arc<str>, Option<TopicId>);

impl Resting {
    /// A place for a partition, at a client that is made if there is none. None while another reader has that place.
    pub(super) fn seat(
        &self,
        topic: &Named,
        partition: u32,
        make: impl FnOnce() -> Result<Connection, KafkaError>,
    ) -> Result<Option<Seat>, KafkaError> {
        let mut connections = lock(&self.connections);
        let there = connections.get(topic).and_then(Weak::upgrade).filter(|there| there.is_of_use());
        let connection = match there {
            Some(connection) => connection,
            None => {
                let connection = Arc::new(make()?);
                connections.retain(|_, connection| connection.strong_count() > 0);
                connections.insert(topic.clone(), Arc::downgrade(&connection));
                connection
            }
        };
        let is_free = lock(&connection.taken).insert(partition);
        Ok(is_free.then(|| Seat { connection, partition }))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
