//! What tests do to a Kafka: make and delete topics, append events, ask for the ends.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ptr;
use std::sync::Mutex;
use std::time::Duration;

use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::bindings::{rd_kafka_header_add, rd_kafka_resp_err_t};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientConfig, ClientContext, Offset, TopicPartitionList};

use super::Outcome;
use crate::event::Event;
use crate::eventually::eventually;
use crate::source::unique;

const REQUEST_NET: Duration = Duration::from_secs(30);

/// The connections to one Kafka.
pub(super) struct Client {
    producer: BaseProducer<Deliveries>,
    admin: AdminClient<DefaultClientContext>,
    consumer: BaseConsumer,
}

impl Client {
    pub(super) fn new(servers: &str) -> Client {
        let config = config(servers);
        Client {
            producer: producer(config.clone()),
            admin: config.create().expect("these settings are librdkafka's"),
            consumer: config.create().expect("these settings are librdkafka's"),
        }
    }

    pub(super) fn create_topic(&self, topic: &str, partitions: u32, settings: &[(&str, &str)]) {
        // Events of years ago must stay, or a test that lasts half a minute sees them go.
        let new = NewTopic::new(topic, partitions as i32, TopicReplication::Fixed(1)).set("retention.ms", "-1");
        let new = settings.iter().fold(new, |new, (name, value)| new.set(name, value));
        let made =
            block_on(self.admin.create_topics([&new], &AdminOptions::new().operation_timeout(Some(REQUEST_NET))));
        expect_all(&format!("creating {topic}"), made);
    }

    pub(super) fn grow_topic(&self, topic: &str, partitions: u32) {
        let new = NewPartitions::new(topic, partitions as usize);
        let options = AdminOptions::new().operation_timeout(Some(REQUEST_NET));
        let grown = block_on(self.admin.create_partitions([&new], &options));
        expect_all(&format!("adding partitions to {topic}"), grown);
        // The producer is to know of them, too.
        eventually("the new partitions are known", REQUEST_NET, || {
            let metadata = self.producer.client().fetch_metadata(Some(topic), REQUEST_NET);
            match metadata.map(|metadata| metadata.topics()[0].partitions().len()) {
                Ok(count) if count == partitions as usize => Ok(()),
                seen => Err(format!("{seen:?}")),
            }
        });
    }

    /// Gives a topic these settings of its own, and no others.
    pub(super) fn configure_topic(&self, topic: &str, settings: &[(&str, &str)]) {
        let none = AlterConfig::new(ResourceSpecifier::Topic(topic));
        let new = settings.iter().fold(none, |new, (name, value)| new.set(name, value));
        let done =
            block_on(self.admin.alter_configs([&new], &AdminOptions::new().operation_timeout(Some(REQUEST_NET))));
        // Not by `{:?}`: debug-printing an admin error has crashed.
        let each = done.unwrap_or_else(|error| panic!("configuring {topic}: {error}"));
        let refused = each.into_iter().filter_map(Result::err).next();
        assert!(refused.is_none(), "configuring {topic} was refused");
    }

    pub(super) fn delete_topic(&self, topic: &str) {
        let gone = block_on(
            self.admin.delete_topics(&[topic], &AdminOptions::new().operation_timeout(Some(REQUEST_NET))),
        );
        expect_all(&format!("deleting {topic}"), gone);
    }

    pub(super) fn delete_events(&self, topic: &str, partition: u32, below: u64) {
        let mut offsets = TopicPartitionList::new();
        let offset = Offset::Offset(below as i64);
        offsets.add_partition_offset(topic, partition as i32, offset).expect("an offset is not negative");
        let gone = block_on(
            self.admin.delete_records(&offsets, &AdminOptions::new().operation_timeout(Some(REQUEST_NET))),
        );
        // Not by `{:?}`: debug-printing an admin error has crashed.
        gone.unwrap_or_else(|error| panic!("deleting events of {topic}: {error}"));
    }

    pub(super) fn produce<'a>(&self, topic: &str, events: impl IntoIterator<Item = &'a Event>) {
        send_all(&self.producer, topic, events);
    }

    /// The first offset of a partition.
    pub(super) fn first(&self, topic: &str, partition: u32) -> u64 {
        let marks = self.consumer.fetch_watermarks(topic, partition as i32, REQUEST_NET);
        marks.unwrap_or_else(|error| panic!("watermarks of {topic}/{partition}: {error}")).0 as u64
    }

    pub(super) fn ends(&self, topic: &str, partitions: u32) -> BTreeMap<u32, u64> {
        let end = |partition: u32| {
            let marks = self.consumer.fetch_watermarks(topic, partition as i32, REQUEST_NET);
            let (_, end) = marks.unwrap_or_else(|error| panic!("watermarks of {topic}/{partition}: {error}"));
            (partition, end as u64)
        };
        (0..partitions).map(end).collect()
    }
}

/// Asks for the offsets that a group has committed, without joining it.
pub(super) fn committed(servers: &str, group: &str, topic: &str, partitions: u32) -> BTreeMap<u32, u64> {
    let consumer: BaseConsumer =
        config(servers).set("group.id", group).create().expect("these settings are librdkafka's");
    let mut asked = TopicPartitionList::new();
    asked.add_partition_range(topic, 0, partitions as i32 - 1);
    let answers = consumer.committed_offsets(asked, REQUEST_NET);
    let answers = answers.unwrap_or_else(|error| panic!("offsets of {group}: {error}"));
    let offset = |at: TopicPartitionListElem<'_>| match at.offset() {
        Offset::Offset(offset) => Some((at.partition() as u32, offset as u64)),
        _ => None,
    };
    answers.elements().into_iter().filter_map(offset).collect()
}

/// The offsets of all events that a partition has, as who reads it from its beginning sees them.
pub(super) fn offsets(servers: &str, topic: &str, partition: u32) -> Vec<u64> {
    let mut config = config(servers);
    config.set("group.id", "tests").set("enable.partition.eof", "true").set("isolation.level", "read_committed");
    let consumer: BaseConsumer = config.create().expect("these settings are librdkafka's");
    let mut all = TopicPartitionList::new();
    all.add_partition_offset(topic, partition as i32, Offset::Beginning).expect("it is an offset");
    consumer.assign(&all).unwrap_or_else(|error| panic!("reading {topic}: {error}"));
    let mut offsets = Vec::new();
    loop {
        match consumer.poll(REQUEST_NET) {
            Some(Ok(message)) => offsets.push(message.offset() as u64),
            Some(Err(KafkaError::PartitionEOF(_))) => return offsets,
            Some(Err(error)) => panic!("reading {topic}: {error}"),
            None => panic!("reading {topic}: nothing comes"),
        }
    }
}

/// A transaction that is neither committed nor aborted yet, of a producer of its own.
pub struct Transaction(BaseProducer<Deliveries>);

impl Transaction {
    pub(super) fn begin<'a>(servers: &str, topic: &str, events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut config = config(servers);
        config.set("transactional.id", unique("tests"));
        let producer = producer(config);
        done("init_transactions", producer.init_transactions(REQUEST_NET));
        done("begin_transaction", producer.begin_transaction());
        send_all(&producer, topic, events);
        Self(producer)
    }

    /// Ends it.
    pub fn end(self, outcome: Outcome) {
        match outcome {
            Outcome::Commit => done("commit_transaction", self.0.commit_transaction(REQUEST_NET)),
            Outcome::Abort => done("abort_transaction", self.0.abort_transaction(REQUEST_NET)),
        }
    }
}

fn done(step: &str, result: Result<(), KafkaError>) {
    result.unwrap_or_else(|error| panic!("{step}: {error}"));
}

fn config(servers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", servers);
    config.set("reconnect.backoff.ms", "20").set("reconnect.backoff.max.ms", "200");
    config
}

/// A producer that keeps the order and loses nothing, whatever the broker does.
fn producer(mut config: ClientConfig) -> BaseProducer<Deliveries> {
    config.set("enable.idempotence", "true").set("linger.ms", "2").set("batch.num.messages", "10000");
    config.set("queue.buffering.max.messages", "500000").set("queue.buffering.max.kbytes", "524288");
    config.set("message.max.bytes", "67108864");
    config.create_with_context(Deliveries::default()).expect("these settings are librdkafka's")
}

fn send_all<'a>(producer: &BaseProducer<Deliveries>, topic: &str, events: impl IntoIterator<Item = &'a Event>) {
    for event in events {
        let mut record = record(topic, event);
        while let Err((error, back)) = producer.send(record) {
            let full = KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull);
            assert_eq!(error, full, "producing to {topic}: {error}");
            producer.poll(Duration::from_millis(10));
            record = back;
        }
    }
    producer.flush(REQUEST_NET).unwrap_or_else(|error| panic!("producing to {topic}: {error}"));
    let lost = producer.context().0.lock().expect("no delivery panics").remove(topic);
    assert_eq!(lost, None, "an event was not delivered to {topic}");
}

fn record<'a>(topic: &'a str, event: &'a Event) -> BaseRecord<'a, [u8], [u8]> {
    let mut record = BaseRecord::to(topic).partition(event.partition as i32).timestamp(event.timestamp);
    record.key = event.key.as_deref();
    record.payload = event.payload.as_deref();
    if event.headers.is_empty() {
        return record;
    }
    let headers = OwnedHeaders::new_with_capacity(event.headers.len());
    event.headers.iter().for_each(|(name, value)| add(&headers, name, value.as_deref()));
    record.headers(headers)
}

/// Adds a header. The crate's own way takes names that are text only.
fn add(headers: &OwnedHeaders, name: &[u8], value: Option<&[u8]>) {
    let (start, length) = value.map_or((ptr::null(), 0), |value| (value.as_ptr(), value.len()));
    // SAFETY: the headers are librdkafka's, nobody else has them, and it copies the bytes, which are so many as it is told.
    let error = unsafe {
        let headers = ptr::from_ref(headers.as_borrowed()).cast_mut().cast();
        rd_kafka_header_add(headers, name.as_ptr().cast(), name.len() as isize, start.cast(), length as isize)
    };
    assert_eq!(error, rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR, "headers of one's own take one more");
}

/// Keeps the first delivery that failed, of each topic: another test's is none of one's own.
#[derive(Default)]
struct Deliveries(Mutex<BTreeMap<String, String>>);

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, message)) = result {
            let mut lost = self.0.lock().expect("no delivery panics");
            lost.entry(message.topic().to_owned()).or_insert_with(|| error.to_string());
        }
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime without drivers needs nothing").block_on(future)
}

/// What the broker said of each topic that it was asked about.
type Answers<E> = Vec<Result<String, (String, E)>>;

fn expect_all<E: Display>(what: &str, answers: Result<Answers<E>, KafkaError>) {
    match answers {
        Ok(each) => each.into_iter().for_each(|one| drop(one.map_err(|(_, error)| panic!("{what}: {error}")))),
        Err(error) => panic!("{what}: {error}"),
    }
}
