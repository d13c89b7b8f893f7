//! A host's membership in the consumer group of its installation. Only who runs what is decided by it: nothing is
//! fetched through it.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tokio::sync::{oneshot, watch};

use super::member::{self, Membership};
use crate::event::TopicPartition;
use crate::source::{Assignment, Group};

/// How long a poll may take, and so how soon an order is followed: at first, and when nothing new was ordered for a while.
const POLL: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(250));
const A_WHILE: Duration = Duration::from_secs(10);
/// How long the host waits for its leave: a coordinator that is away forgets it by itself.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(3);

/// A membership in a consumer group. librdkafka wants to be polled, so a thread does that.
pub struct KafkaGroup {
    desk: Arc<Desk>,
    membership: Arc<Membership>,
    /// Closed when the thread has ended.
    ended: oneshot::Receiver<()>,
}

/// Where orders wait for the thread.
#[derive(Default)]
struct Desk {
    orders: Mutex<Orders>,
    ordered: Condvar,
}

/// What the thread is to do next. Later orders of a kind replace earlier ones.
#[derive(Default)]
struct Orders {
    topics: Option<BTreeSet<Arc<str>>>,
    offsets: BTreeMap<TopicPartition, u64>,
    leave: bool,
}

impl KafkaGroup {
    /// Begins. Does not connect yet.
    pub(super) fn join(
        brokers: &str,
        properties: &[(String, String)],
        installation: &str,
        host: &str,
    ) -> Result<Self, KafkaError> {
        let consumer = member::member(brokers, properties, installation, host)?;
        let (desk, membership) = (Arc::<Desk>::default(), consumer.context().clone());
        let (ending, ended) = oneshot::channel();
        let (desk_of_it, ordered) = (desk.clone(), Instant::now());
        let mut member = Member { consumer, desk: desk_of_it, has_topics: false, ordered, told: (0, Vec::new()) };
        let run = move || {
            let ended = catch_unwind(AssertUnwindSafe(|| while member.step() == Step::Joined {}));
            if ended.is_err() {
                tracing::error!(
                    "this host has left the others by a defect of lantern; they take over, restart it"
                );
                member.consumer.context().forgo();
            }
            drop(member);
            drop(ending);
        };
        let thread = thread::Builder::new().name("kafka-group".into()).spawn(run);
        thread.map_err(|error| KafkaError::ClientCreation(error.to_string()))?;
        Ok(Self { desk, membership, ended })
    }

    fn order(&self, order: impl FnOnce(&mut Orders)) {
        order(&mut self.desk.orders.lock().unwrap_or_else(PoisonError::into_inner));
        self.desk.ordered.notify_one();
    }
}

impl Group for KafkaGroup {
    fn subscribe(&self, topics: BTreeSet<Arc<str>>) {
        self.order(|orders| orders.topics = Some(topics));
    }

    fn assignment(&self) -> watch::Receiver<Assignment> {
        self.membership.assignment.subscribe()
    }

    fn report(&self, offsets: BTreeMap<TopicPartition, u64>) {
        self.order(|orders| orders.offsets.extend(offsets));
    }

    async fn leave(mut self) {
        self.order(|orders| orders.leave = true);
        if tokio::time::timeout(LEAVE_TIMEOUT, &mut self.ended).await.is_err() {
            tracing::debug!("Kafka does not answer the leave of this host, and will notice by itself");
        }
    }
}

impl Drop for KafkaGroup {
    fn drop(&mut self) {
        self.order(|orders| orders.leave = true);
    }
}

/// What the thread owns. Its consumer leaves the group when it is dropped.
struct Member {
    consumer: BaseConsumer<Membership>,
    desk: Arc<Desk>,
    has_topics: bool,
    /// When it was last told of other topics.
    ordered: Instant,
    /// Which errors were told since the rebalance of that number: each is told once.
    told: (u64, Vec<KafkaError>),
}

#[derive(PartialEq)]
enum Step {
    Joined,
    Leave,
}

impl Member {
    /// Follows the orders, then serves the group for a while.
    fn step(&mut self) -> Step {
        let orders = self.next_orders();
        if let Some(topics) = orders.topics {
            self.ordered = Instant::now();
            self.subscribe(topics);
        }
        self.commit(orders.offsets);
        if orders.leave {
            return Step::Leave;
        }
        // Nothing is assigned, so there are no events, only errors.
        let (soon, later) = POLL;
        let wait = if self.ordered.elapsed() < A_WHILE { soon } else { later };
        if let Some(Err(error)) = self.consumer.poll(wait) {
            self.tell(error);
        }
        Step::Joined
    }

    /// What was ordered meanwhile. Before there are topics, nothing else is to be done, so it waits for that.
    fn next_orders(&self) -> Orders {
        let mut orders = self.desk.orders.lock().unwrap_or_else(PoisonError::into_inner);
        while !self.has_topics && orders.topics.is_none() && !orders.leave {
            orders = self.desk.ordered.wait(orders).unwrap_or_else(PoisonError::into_inner);
        }
        mem::take(&mut orders)
    }

    fn subscribe(&mut self, topics: BTreeSet<Arc<str>>) {
        self.has_topics = true;
        // What begins so would be a pattern; no topic's name does. For an empty one librdkafka refuses them all.
        let is_name = |topic: &&Arc<str>| !topic.is_empty() && !topic.starts_with('^');
        let names: Vec<String> = topics.iter().filter(is_name).map(|topic| topic.to_string()).collect();
        // librdkafka would rejoin, and so disturb the others, even for the same topics.
        if !self.consumer.context().name(topics) {
            return;
        }
        if names.is_empty() {
            return self.consumer.unsubscribe();
        }
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        if let Err(error) = self.consumer.subscribe(&names) {
            self.tell(error);
        }
    }

    fn commit(&self, offsets: BTreeMap<TopicPartition, u64>) {
        let assigned = self.consumer.context().assignment.borrow().partitions.clone();
        let mut list = TopicPartitionList::new();
        for (at, next) in offsets.into_iter().filter(|(at, _)| assigned.contains(at)) {
            let (Ok(number), Ok(next)) = (i32::try_from(at.partition), i64::try_from(next)) else { continue };
            let added = list.add_partition_offset(&at.topic, number, Offset::Offset(next));
            added.expect("an offset that is not negative is legal");
        }
        if list.count() == 0 {
            return;
        }
        if let Err(error) = self.consumer.commit(&list, CommitMode::Async) {
            tracing::debug!("the progress of this host was not reported to Kafka: {error}");
        }
    }

    fn tell(&mut self, error: KafkaError) {
        // Whoever wants to read a topic that is not there says so, and of which projection.
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::UnknownTopicOrPartition) {
            return tracing::debug!("a topic to share out is not there: {error}");
        }
        let number = self.consumer.context().assignment.borrow().number;
        if self.told.0 != number {
            self.told = (number, Vec::new());
        }
        if !self.told.1.contains(&error) {
            tracing::warn!("Kafka can't share partitions out now: {error}; trying again");
            self.told.1.push(error);
        }
    }
}
