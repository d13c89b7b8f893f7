//! A consumer that is a member of a consumer group and never reads: it is assigned nothing, whatever the group says.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaRespErr;
use tokio::sync::watch;

use super::client;
use crate::event::TopicPartition;
use crate::source::Assignment;

/// Hears what the group decides.
#[derive(Default)]
pub(super) struct Membership {
    topics: Mutex<BTreeSet<Arc<str>>>,
    pub(super) assignment: watch::Sender<Assignment>,
}

impl Membership {
    /// Takes other topics. Partitions of those that are not among them are given up at once: a rebalance for the
    /// topics before may still be on its way.
    pub(super) fn name(&self, topics: BTreeSet<Arc<str>>) {
        self.assignment.send_if_modified(|now| {
            let kept: BTreeSet<_> =
                now.partitions.iter().filter(|at| topics.contains(&at.topic)).cloned().collect();
            let fewer = kept.len() < now.partitions.len();
            if fewer {
                *now = Assignment { number: now.number + 1, partitions: Arc::new(kept) };
            }
            fewer
        });
        *self.topics.lock().unwrap_or_else(PoisonError::into_inner) = topics;
    }

    fn assign(&self, partitions: &TopicPartitionList) {
        let topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        let named = |topic: &str, number: i32| {
            let topic = topics.get(topic)?.clone();
            Some(TopicPartition { topic, partition: u32::try_from(number).ok()? })
        };
        let partitions: BTreeSet<_> =
            partitions.elements().iter().filter_map(|at| named(at.topic(), at.partition())).collect();
        self.assignment.send_modify(|now| {
            *now = Assignment { number: now.number + 1, partitions: Arc::new(partitions) };
        });
    }
}

impl ClientContext for Membership {
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!("librdkafka: {error}: {reason}");
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        client::log(level, facility, message);
    }
}

impl ConsumerContext for Membership {
    /// Passes on what was assigned, and tells librdkafka that it is to fetch none of it. What is revoked stays with
    /// this host until the group says what it has instead: an epoch in the store stops it if another has it by then.
    fn rebalance(&self, consumer: &BaseConsumer<Self>, code: RDKafkaRespErr, partitions: &mut TopicPartitionList) {
        let answered = match code {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => {
                self.assign(partitions);
                consumer.assign(&TopicPartitionList::new())
            }
            _ => consumer.unassign(),
        };
        if let Err(error) = answered {
            tracing::debug!("librdkafka does not take the answer to a rebalance: {error}");
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, _offsets: &TopicPartitionList) {
        if let Err(error) = result {
            tracing::debug!("the progress of this host was not reported to Kafka: {error}");
        }
    }
}

/// A member of the installation's group, once it subscribes to topics.
pub(super) fn member(
    brokers: &str,
    properties: &[(String, String)],
    installation: &str,
    host: &str,
) -> Result<BaseConsumer<Membership>, KafkaError> {
    let mut config = client::config(brokers);
    config
        .set("client.id", host)
        .set("session.timeout.ms", "10000")
        .set("heartbeat.interval.ms", "1000")
        // New topics and partitions are noticed by this.
        .set("topic.metadata.refresh.interval.ms", "2000");
    for (name, value) in properties {
        config.set(name, value);
    }
    config
        .set("group.id", installation)
        .set("group.protocol", "classic")
        // Partitions of one number meet on one host.
        .set("partition.assignment.strategy", "range")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        // A host that starts again is another one: what it left is given to others at once.
        .remove("group.instance.id");
    BaseConsumer::from_config_and_context(&config, Membership::default())
}
