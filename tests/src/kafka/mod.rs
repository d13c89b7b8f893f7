//! The Kafka of the tests: a real broker that this process starts or, on a machine without Java, librdkafka's in-process
//! mock cluster. `LANTERN_TEST_KAFKA_REQUIRED=1` makes it a failure to have none but the mock.

mod broker;
mod client;

use std::collections::BTreeMap;
use std::sync::{LazyLock, OnceLock};
use std::time::Duration;
use std::{env, io};

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, Producer};

use crate::event::Event;
use broker::Broker;
pub use client::Transaction;

/// A Kafka that tests can write to.
pub struct Kafka {
    servers: String,
    cluster: Cluster,
    client: OnceLock<client::Client>,
}

enum Cluster {
    /// Apache Kafka, a child of this process.
    Broker(Broker),
    /// One that another value stands for.
    Another,
    /// librdkafka's mock cluster, which lives in this client: no transactions, 5 MB a partition.
    Mock(BaseProducer),
}

/// How a transaction ends.
#[derive(Clone, Copy, PartialEq)]
pub enum Outcome {
    /// Its events are to be seen.
    Commit,
    /// They are not, but their offsets are taken.
    Abort,
}

impl Kafka {
    /// The one that all tests of this process share.
    pub fn shared() -> &'static Kafka {
        static SHARED: LazyLock<Kafka> = LazyLock::new(|| Kafka::private().unwrap_or_else(mock));
        &SHARED
    }

    /// A real broker of one's own, which may be stopped and restarted. None on a machine that can't run it.
    pub fn private() -> Option<Kafka> {
        Kafka::started(None)
    }

    /// The same with a second way to it, by a proxy on this port: whoever comes that way comes only that way.
    pub fn behind(proxy: u16) -> Option<Kafka> {
        Kafka::started(Some(proxy))
    }

    fn started(proxy: Option<u16>) -> Option<Kafka> {
        match Broker::start(proxy) {
            Ok(broker) => Some(Kafka::new(broker.servers(), Cluster::Broker(broker))),
            Err(missing) if env::var_os("LANTERN_TEST_KAFKA_REQUIRED").is_some() => {
                panic!("the tests must run on a real Kafka here, but {missing}; `./x test` fetches it")
            }
            Err(_) => None,
        }
    }

    fn new(servers: String, cluster: Cluster) -> Kafka {
        Kafka { servers, cluster, client: OnceLock::new() }
    }

    /// The same by a client of its own, which waits for nobody else's events.
    pub(crate) fn by_another_client(&self) -> Kafka {
        Kafka::new(self.servers.clone(), Cluster::Another)
    }

    /// Whether this is Apache Kafka and not the mock.
    pub fn is_real(&self) -> bool {
        !matches!(self.cluster, Cluster::Mock(_))
    }

    /// `host:port` of the broker.
    pub fn servers(&self) -> &str {
        &self.servers
    }

    /// What `--source` takes.
    pub fn url(&self) -> String {
        format!("kafka://{}", self.servers)
    }

    /// Where the proxy finds a broker that is behind one.
    pub fn outside(&mut self) -> Option<u16> {
        self.broker().outside()
    }

    /// The CPU time that a private broker has used since it was started last.
    pub fn cpu_time(&self) -> Duration {
        match &self.cluster {
            Cluster::Broker(broker) => broker.cpu_time(),
            _ => panic!("only a private broker is a process of its own"),
        }
    }

    /// Brings what a private broker keeps of a topic into the machine's memory: see [`crate::page_in`].
    pub fn page_in(&self, topic: &str) -> io::Result<()> {
        match &self.cluster {
            Cluster::Broker(broker) => broker.page_in(topic),
            _ => panic!("only a private broker keeps its topics here"),
        }
    }

    /// SIGKILL to a private broker, and the wait for its end.
    pub fn kill(&mut self) {
        self.broker().kill();
    }

    /// Starts a private broker again, on the same port and data.
    pub fn start_again(&mut self) {
        self.broker().start_again();
    }

    fn broker(&mut self) -> &mut Broker {
        match &mut self.cluster {
            Cluster::Broker(broker) => broker,
            _ => panic!("only a private broker can be stopped"),
        }
    }

    /// Makes a topic.
    pub fn create_topic(&self, topic: &str, partitions: u32) {
        self.create_topic_with(topic, partitions, &[]);
    }

    /// Makes a topic with settings of its own, such as `cleanup.policy`; the mock knows none.
    pub fn create_topic_with(&self, topic: &str, partitions: u32, settings: &[(&str, &str)]) {
        match &self.cluster {
            Cluster::Mock(cluster) => {
                let cluster = cluster.client().mock_cluster().expect("the client has a mock cluster");
                cluster.create_topic(topic, partitions as i32, 1).expect("the mock makes any topic");
            }
            _ => self.client().create_topic(topic, partitions, settings),
        }
    }

    /// Makes a topic that keeps the last event of each key. The real broker only.
    pub fn create_compacted_topic(&self, topic: &str, partitions: u32) {
        self.create_topic_with(topic, partitions, &[("cleanup.policy", "compact")]);
    }

    /// Gives a topic more partitions, so many in all. The real broker only.
    pub fn grow_topic(&self, topic: &str, partitions: u32) {
        self.client().grow_topic(topic, partitions);
    }

    /// Gives a topic these settings of its own, and no others. The real broker only.
    pub fn configure_topic(&self, topic: &str, settings: &[(&str, &str)]) {
        self.client().configure_topic(topic, settings);
    }

    /// Deletes a topic.
    pub fn delete_topic(&self, topic: &str) {
        self.client().delete_topic(topic);
    }

    /// Deletes the events of a partition below an offset, as retention does.
    pub fn delete_events(&self, topic: &str, partition: u32, below: u64) {
        self.client().delete_events(topic, partition, below);
    }

    /// Appends events in their order, and returns when all are acknowledged.
    pub fn produce<'a>(&self, topic: &str, events: impl IntoIterator<Item = &'a Event>) {
        self.client().produce(topic, events);
    }

    /// Appends events in one transaction. The real broker only.
    pub fn transact<'a>(&self, topic: &str, events: impl IntoIterator<Item = &'a Event>, outcome: Outcome) {
        self.begin(topic, events).end(outcome);
    }

    /// Appends events in a transaction that stays open. The real broker only.
    pub fn begin<'a>(&self, topic: &str, events: impl IntoIterator<Item = &'a Event>) -> Transaction {
        Transaction::begin(&self.servers, topic, events)
    }

    /// The first offset that a partition has.
    pub fn first(&self, topic: &str, partition: u32) -> u64 {
        self.client().first(topic, partition)
    }

    /// The offsets of all events that a partition has.
    pub fn offsets(&self, topic: &str, partition: u32) -> Vec<u64> {
        client::offsets(&self.servers, topic, partition)
    }

    /// The offset after the last of each partition.
    pub fn ends(&self, topic: &str, partitions: u32) -> BTreeMap<u32, u64> {
        self.client().ends(topic, partitions)
    }

    /// The offsets that a group has committed, of those partitions where it has.
    pub fn committed(&self, group: &str, topic: &str, partitions: u32) -> BTreeMap<u32, u64> {
        client::committed(&self.servers, group, topic, partitions)
    }

    fn client(&self) -> &client::Client {
        self.client.get_or_init(|| client::Client::new(&self.servers))
    }
}

fn mock() -> Kafka {
    let producer: BaseProducer =
        ClientConfig::new().set("test.mock.num.brokers", "1").create().expect("librdkafka has a mock cluster");
    let servers = producer.client().mock_cluster().expect("the client has a mock cluster").bootstrap_servers();
    Kafka::new(servers, Cluster::Mock(producer))
}
