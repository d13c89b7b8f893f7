//! A consumer that is a member of a consumer group and never reads: it is assigned nothing, whatever the group says.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::ClientContext;
use rdkafka::config::{ClientConfig, FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::statistics::Statistics;
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
    /// Takes other topics, and says whether they are others. Partitions of those that are not among them are given up
    /// at once: a rebalance for the topics before may still be on its way.
    pub(super) fn name(&self, topics: BTreeSet<Arc<str>>) -> bool {
        let mut named = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        if *named == topics {
            return false;
        }
        self.assignment.send_if_modified(|now| {
            let kept: BTreeSet<_> =
                now.partitions.iter().filter(|at| topics.contains(&at.topic)).cloned().collect();
            let fewer = kept.len() < now.partitions.len();
            if fewer {
                *now = Assignment { number: now.number + 1, partitions: Arc::new(kept) };
            }
            fewer
        });
        *named = topics;
        true
    }

    /// Gives up all partitions, for good.
    pub(super) fn forgo(&self) {
        self.assignment.send_modify(|now| *now = Assignment { number: now.number + 1, ..Assignment::default() });
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

    /// Asked for by the property `statistics.interval.ms`; a member fetches nothing.
    fn stats(&self, _statistics: Statistics) {}

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
    BaseConsumer::from_config_and_context(&config(brokers, properties, installation, host), Membership::default())
}

/// What the operator sets goes before what suits most, and behind what must be so.
fn config(brokers: &str, properties: &[(String, String)], installation: &str, host: &str) -> ClientConfig {
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
    config
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdkafka::mocking::MockCluster;
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
    use std::time::{Duration, Instant};

    /// The mock cluster waits three seconds for members before it assigns anything.
    const NET: Duration = Duration::from_secs(60);

    fn topics(names: &[&str]) -> BTreeSet<Arc<str>> {
        names.iter().map(|name| Arc::from(*name)).collect()
    }

    fn list(partitions: &[(&str, i32)]) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for (topic, number) in partitions {
            list.add_partition(topic, *number);
        }
        list
    }

    fn assigned(membership: &Membership) -> (u64, Vec<String>) {
        let now = membership.assignment.borrow();
        (now.number, now.partitions.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn only_what_is_named_is_assigned() {
        let membership = Membership::default();
        assert!(membership.name(topics(&["a", "b"])));
        assert!(!membership.name(topics(&["b", "a"])));
        assert_eq!(assigned(&membership), (0, vec![]));
        membership.assign(&list(&[("b", 0), ("a", 1), ("c", 0)]));
        assert_eq!(assigned(&membership), (1, vec!["a/1".into(), "b/0".into()]));
        membership.name(topics(&["a", "d"]));
        assert_eq!(assigned(&membership), (2, vec!["a/1".into()]));
        membership.name(topics(&["a"]));
        assert_eq!(assigned(&membership), (2, vec!["a/1".into()]));

        membership.name(topics(&[]));
        assert_eq!(assigned(&membership), (3, vec![]));
        // A rebalance that was on its way.
        membership.assign(&list(&[("a", 1)]));
        assert_eq!(assigned(&membership), (4, vec![]));
    }

    #[test]
    fn an_operator_says_how_long_a_host_may_be_silent_but_not_what_must_be() {
        let set = |properties: &[(&str, &str)], name: &str| {
            let properties: Vec<_> =
                properties.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
            config("localhost:9092", &properties, "installation", "host").get(name).map(str::to_owned)
        };
        assert_eq!(set(&[], "session.timeout.ms").as_deref(), Some("10000"));
        assert_eq!(set(&[("session.timeout.ms", "1500")], "session.timeout.ms").as_deref(), Some("1500"));
        assert_eq!(set(&[("group.id", "other")], "group.id").as_deref(), Some("installation"));
        assert_eq!(set(&[("group.instance.id", "host-1")], "group.instance.id"), None);
        assert_eq!(set(&[("enable.auto.commit", "true")], "enable.auto.commit").as_deref(), Some("false"));
    }

    #[test]
    fn nothing_is_fetched_and_what_is_revoked_stays() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("t", 2, 1).unwrap();
        let brokers = cluster.bootstrap_servers();
        let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", &brokers).create().unwrap();
        producer.send(BaseRecord::<(), str>::to("t").partition(0).payload("an event")).ok().unwrap();
        producer.flush(NET).unwrap();

        let properties = [("auto.offset.reset".to_owned(), "earliest".to_owned())];
        let member = member(&brokers, &properties, "installation", "host").unwrap();
        member.context().name(topics(&["t"]));
        member.subscribe(&["t"]).unwrap();
        let started = Instant::now();
        while assigned(member.context()).0 == 0 {
            assert!(started.elapsed() < NET, "nothing is assigned");
            assert!(member.poll(Duration::from_millis(10)).is_none());
        }
        assert!(member.poll(Duration::from_millis(200)).is_none());
        assert_eq!(member.assignment().unwrap().count(), 0);

        let context = member.context().clone();
        drop(member);
        assert_eq!(assigned(&context), (1, vec!["t/0".into(), "t/1".into()]));
    }
}
