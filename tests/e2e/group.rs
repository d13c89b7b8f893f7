//! How hosts share partitions out: by Kafka's consumer group protocol, or one of them takes an embedded log. Told by
//! members without their hosts.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::process::Command;
use std::sync::Arc;

use lantern::event::TopicPartition;
use lantern::source::embedded::EmbeddedLog;
use lantern::source::kafka::{Kafka as Cluster, KafkaGroup};
use lantern::source::{Bounds, Error, Group, Source};
use lantern_tests::eventually::{NET, eventually};
use lantern_tests::process::Process;
use lantern_tests::scratch::Scratch;
use lantern_tests::source::unique;
use lantern_tests::{Event, Kafka};

use crate::story::real_kafka;

/// Longer than any wait: nobody is taken for dead, and whatever is taken over was left.
const PATIENT: &[(&str, &str)] = &[("session.timeout.ms", "290000")];
const IMPATIENT: &[(&str, &str)] = &[("session.timeout.ms", "1500"), ("heartbeat.interval.ms", "300")];

/// Where the process that is to be killed finds what it joins: servers or `log:DIR`, installation, topic.
const KILLED: &str = "LANTERN_TEST_GROUP_MEMBER";

fn cluster(servers: &str, properties: &[(&str, &str)]) -> Cluster {
    let properties = properties.iter().map(|(name, value)| (name.to_string(), value.to_string()));
    Cluster::new(servers, properties.collect()).unwrap()
}

fn member(kafka: &Kafka, properties: &[(&str, &str)], installation: &str, topics: &[&str]) -> KafkaGroup {
    let member = now(cluster(kafka.servers(), properties).join(installation, &unique("host"))).unwrap();
    subscribe(&member, topics);
    member
}

/// Waits for what needs little waiting.
fn now<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn subscribe(member: &impl Group, topics: &[&str]) {
    member.subscribe(topics.iter().map(|topic| Arc::from(*topic)).collect());
}

fn assigned(member: &KafkaGroup) -> Arc<BTreeSet<TopicPartition>> {
    member.assignment().borrow().partitions.clone()
}

fn all(topics: &[&str], partitions: u32) -> BTreeSet<TopicPartition> {
    let each = |topic: &&str| {
        let topic: Arc<str> = Arc::from(*topic);
        (0..partitions).map(move |number| TopicPartition::new(topic.clone(), number))
    };
    topics.iter().flat_map(each).collect()
}

/// Waits until the members have all partitions between them, none of them twice and each about as many as another.
#[track_caller]
fn until_shared(what: &str, members: &[&KafkaGroup], topics: &[&str], partitions: u32) {
    let expected = all(topics, partitions);
    eventually(what, NET, || {
        let parts: Vec<_> = members.iter().map(|member| assigned(member)).collect();
        let union: BTreeSet<_> = parts.iter().flat_map(|part| part.iter().cloned()).collect();
        let counts: Vec<usize> = parts.iter().map(|part| part.len()).collect();
        let even = counts.iter().max().unwrap() - counts.iter().min().unwrap() <= topics.len();
        if union == expected && counts.iter().sum::<usize>() == expected.len() && even {
            Ok(())
        } else {
            Err(format!("{counts:?} partitions, {} in all", union.len()))
        }
    });
}

#[test]
fn members_share_all_partitions_and_take_over_what_one_leaves() {
    let Some(kafka) = real_kafka() else { return };
    let (installation, a, b) = (unique("installation"), unique("a"), unique("b"));
    let topics = [&*a, &*b];
    topics.iter().for_each(|topic| kafka.create_topic(topic, 12));
    let first = member(kafka, PATIENT, &installation, &topics);
    until_shared("one member has all", &[&first], &topics, 12);
    let number = first.assignment().borrow().number;

    let second = member(kafka, PATIENT, &installation, &topics);
    let third = member(kafka, PATIENT, &installation, &topics);
    until_shared("three share", &[&first, &second, &third], &topics, 12);
    for one in [&first, &second, &third] {
        let part = assigned(one);
        let of = |topic: &str| part.iter().filter(|at| *at.topic == *topic).map(|at| at.partition).collect();
        let (of_a, of_b): (Vec<u32>, Vec<u32>) = (of(&a), of(&b));
        assert_eq!((of_a.len(), &of_a), (4, &of_b), "partitions of one number meet");
    }
    assert!(first.assignment().borrow().number > number);

    now(third.leave());
    until_shared("two share what the third has left", &[&first, &second], &topics, 12);
    drop(second);
    until_shared("one has all again", &[&first], &topics, 12);
}

#[test]
fn a_member_that_dies_is_replaced() {
    let Some(kafka) = real_kafka() else { return };
    let (installation, topic) = (unique("installation"), unique("t"));
    kafka.create_topic(&topic, 4);
    let survivor = member(kafka, IMPATIENT, &installation, &[&topic]);
    let mut victim = victim(kafka.servers(), &installation, &topic);
    eventually("both have a part", NET, || match assigned(&survivor).len() {
        2 => Ok(()),
        count => Err(format!("the survivor has {count}")),
    });

    victim.kill();
    until_shared("the survivor has all", &[&survivor], &[&topic], 4);
}

#[test]
fn a_killed_host_lets_go_of_its_log_at_once() {
    let scratch = Scratch::new("log");
    let log = EmbeddedLog::new(scratch.path());
    let mut victim = victim(&format!("log:{}", scratch.path().display()), "bank", "t");
    eventually("the victim has the log", NET, || match now(log.join("bank", "successor")) {
        Err(Error::Taken { by, .. }) if by == "victim" => Ok(()),
        Err(error) => Err(error.to_string()),
        Ok(_) => Err("nobody has".to_owned()),
    });

    victim.kill();
    now(log.join("bank", "successor")).unwrap();
}

fn victim(source: &str, installation: &str, topic: &str) -> Process {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["group::a_process_to_be_killed", "--exact", "--nocapture"]);
    command.env(KILLED, format!("{source} {installation} {topic}"));
    Process::spawn("victim", command)
}

/// No test: stories above start it in a process of its own.
#[test]
fn a_process_to_be_killed() {
    let Ok(what) = env::var(KILLED) else { return };
    let [source, installation, topic] = what.split(' ').collect::<Vec<_>>().try_into().unwrap();
    match source.strip_prefix("log:") {
        Some(dir) => be_killed(&EmbeddedLog::new(dir), installation, topic),
        None => be_killed(&cluster(source, IMPATIENT), installation, topic),
    }
}

fn be_killed(source: &impl Source, installation: &str, topic: &str) {
    // Whoever starts this may have the log for a moment, to see who has it.
    let member =
        eventually("it joins", NET, || now(source.join(installation, "victim")).map_err(|e| e.to_string()));
    subscribe(&member, &[topic]);
    now(std::future::pending())
}

#[test]
fn new_topics_and_partitions_are_noticed() {
    let Some(kafka) = real_kafka() else { return };
    let (installation, a, b) = (unique("installation"), unique("a"), unique("b"));
    kafka.create_topic(&a, 2);
    let one = member(kafka, PATIENT, &installation, &[&a, &b]);
    let other = member(kafka, PATIENT, &installation, &[&a, &b]);
    until_shared("what is there is shared", &[&one, &other], &[&a], 2);

    kafka.create_topic(&b, 2);
    until_shared("the new topic is shared", &[&one, &other], &[&a, &b], 2);
    kafka.grow_topic(&a, 4);
    kafka.grow_topic(&b, 4);
    until_shared("the new partitions are shared", &[&one, &other], &[&a, &b], 4);
}

#[test]
fn topics_are_named_anew() {
    let Some(kafka) = real_kafka() else { return };
    let (installation, a, b) = (unique("installation"), unique("a"), unique("b"));
    [&a, &b].into_iter().for_each(|topic| kafka.create_topic(topic, 4));
    let one = member(kafka, PATIENT, &installation, &[&a]);
    let other = member(kafka, PATIENT, &installation, &[&a]);
    until_shared("the first topic is shared", &[&one, &other], &[&a], 4);

    [&one, &other].into_iter().for_each(|member| subscribe(member, &[&a, &b]));
    until_shared("both topics are shared", &[&one, &other], &[&a, &b], 4);
    [&one, &other].into_iter().for_each(|member| subscribe(member, &[&b]));
    until_shared("the second topic is shared", &[&one, &other], &[&b], 4);

    let number = other.assignment().borrow().number;
    subscribe(&other, &[]);
    until_shared("who names nothing has nothing", &[&one], &[&b], 4);
    assert!(assigned(&other).is_empty());
    assert!(other.assignment().borrow().number > number);
    subscribe(&other, &[&b]);
    until_shared("who names it again has its part", &[&one, &other], &[&b], 4);
}

#[test]
fn what_is_reported_is_what_lag_tools_see() {
    let Some(kafka) = real_kafka() else { return };
    let (installation, topic) = (unique("installation"), unique("t"));
    kafka.create_topic(&topic, 3);
    kafka.produce(&topic, &(0..9).map(|number| Event::plain(number % 3, "e")).collect::<Vec<_>>());
    let member = member(kafka, PATIENT, &installation, &[&topic]);
    until_shared("it has all", &[&member], &[&topic], 3);
    assert_eq!(kafka.committed(&installation, &topic, 3), BTreeMap::new());

    let report = |offsets: &[(u32, u64)]| {
        let offset = |(number, next): &(u32, u64)| (TopicPartition::new(&*topic, *number), *next);
        member.report(offsets.iter().map(offset).collect());
    };
    let until_committed = |expected: &[(u32, u64)]| {
        let expected: BTreeMap<u32, u64> = expected.iter().copied().collect();
        eventually("the offsets are committed", NET, || match kafka.committed(&installation, &topic, 3) {
            seen if seen == expected => Ok(()),
            seen => Err(format!("{seen:?}")),
        });
    };
    report(&[(0, 3), (2, 1), (7, 1)]);
    until_committed(&[(0, 3), (2, 1)]);
    report(&[(1, 2), (2, 3)]);
    until_committed(&[(0, 3), (1, 2), (2, 3)]);
    // The last word is said before the leave.
    report(&[(1, 3)]);
    now(member.leave());
    until_committed(&[(0, 3), (1, 3), (2, 3)]);
}

#[test]
fn an_assignment_outlives_its_broker() {
    if real_kafka().is_none() {
        return;
    }
    let mut kafka = Kafka::private().expect("where one real broker runs, two do");
    let (installation, topic) = (unique("installation"), unique("t"));
    kafka.create_topic(&topic, 2);
    let one = member(&kafka, IMPATIENT, &installation, &[&topic]);
    until_shared("one has all", &[&one], &[&topic], 2);

    kafka.kill();
    kafka.start_again();
    assert_eq!(*assigned(&one), all(&[&topic], 2));
    let other = member(&kafka, IMPATIENT, &installation, &[&topic]);
    until_shared("they share again", &[&one, &other], &[&topic], 2);

    let before = assigned(&other);
    kafka.kill();
    now(one.leave());
    assert_eq!(assigned(&other), before);
}

#[test]
fn a_topic_tells_what_history_it_has() {
    let Some(kafka) = real_kafka() else { return };
    let (plain, compacted, both) = (unique("plain"), unique("compacted"), unique("both"));
    kafka.create_topic(&plain, 1);
    kafka.create_compacted_topic(&compacted, 1);
    kafka.create_topic_with(&both, 1, &[("cleanup.policy", "compact,delete")]);
    kafka.produce(&plain, &[Event::plain(0, "gone"), Event::plain(0, "there")]);
    kafka.delete_events(&plain, 0, 1);
    let cluster = cluster(kafka.servers(), &[]);

    assert_eq!(now(cluster.bounds(&TopicPartition::new(&*plain, 0))).unwrap(), Bounds { first: 1, end: 2 });
    assert!(!now(cluster.is_compacted(&plain)).unwrap());
    assert!(now(cluster.is_compacted(&compacted)).unwrap());
    assert!(!now(cluster.is_compacted(&both)).unwrap(), "its events grow too old and go");
    let missing = now(cluster.is_compacted("none"));
    assert!(matches!(missing, Err(Error::NoSuchTopic { .. })), "{missing:?}");
}
