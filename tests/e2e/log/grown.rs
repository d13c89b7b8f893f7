//! Partitions are added while hosts run.

use std::collections::BTreeMap;

use insta::assert_snapshot;
use lantern_tests::artefacts::plugin;
use lantern_tests::ledger;
use lantern_tests::orders::Shop;
use lantern_tests::source::unique;
use lantern_tests::{Event, Operator, RedisServer};

use super::{Stage, row};
use crate::story::real_kafka;

/// An event in each of these partitions.
fn one_each(partitions: std::ops::Range<u32>) -> Vec<Event> {
    partitions.map(|partition| Event::plain(partition, format!("in {partition}")).key_of(b"k")).collect()
}

#[test]
fn new_partitions_are_read_from_their_beginning() {
    let Some(stage) = Stage::of("witness", 2) else { return };
    stage.produce(&one_each(0..2));
    let mut host = stage.host();
    let rows = |events: &[Event]| -> BTreeMap<_, _> {
        events.iter().map(|event| (format!("{}@0", event.partition), row(event))).collect()
    };
    host.until("both partitions are read", || stage.witnessed(&rows(&one_each(0..2))));

    stage.kafka.grow_topic(&stage.topic, 5);
    stage.produce(&one_each(2..5));
    host.until("all partitions are read", || stage.witnessed(&rows(&one_each(0..5))));
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn a_lane_of_all_partitions_takes_in_new_ones() {
    let Some(stage) = Stage::of("ledger", 2) else { return };
    let mut events = one_each(0..2);
    stage.produce(&events);
    let mut host = stage.host();
    host.until("both partitions are read", || ledger::is_right(&stage.redis, &events, ""));

    stage.kafka.grow_topic(&stage.topic, 4);
    let more = one_each(0..4);
    stage.produce(&more);
    events.extend(more);
    host.until("all partitions are read", || ledger::is_right(&stage.redis, &events, ""));
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn topics_that_meet_must_grow_together() {
    let Some(kafka) = real_kafka() else { return };
    let (orders, payments) = (unique("orders"), unique("payments"));
    [&orders, &payments].into_iter().for_each(|topic| kafka.create_topic(topic, 2));
    let stage = Stage { kafka, topic: orders.clone(), redis: RedisServer::start() };
    let file = plugin("orders").display().to_string();
    let args = ["deploy", &file, "--topic", &orders, "--topic", &payments];
    Operator::of(&stage.redis).does(&args);
    let shop = Shop::generate(1, 200, 2);
    kafka.produce(&orders, &shop.orders);
    kafka.produce(&payments, &shop.payments);
    let mut host = stage.host();
    host.until("both topics are read", || shop.orders_hold(&stage.redis));

    kafka.grow_topic(&orders, 3);
    let said = stage.stopped(&mut host, "orders").replace(&payments, "[OTHER]");
    assert_snapshot!(said, @"topic `[TOPIC]` has 3 partitions and `[OTHER]` has 2: they are not co-partitioned (hint: give them the same number of partitions, or let the projection have `ordering: global`)");

    kafka.grow_topic(&payments, 3);
    // What happens from now on, happens in the new partition.
    let mut more = Shop::generate(2, 400, 2);
    for event in more.orders.iter_mut().chain(&mut more.payments) {
        event.partition = 2;
    }
    kafka.produce(&orders, &more.orders);
    kafka.produce(&payments, &more.payments);
    let all = Shop { orders: more.orders, payments: more.payments };
    host.until("it has gone on by itself", || stage.is("orders", "live"));
    host.until("the new partition is read", || match stage.redis.checkpoints("orders") {
        at if at.get(&format!("{orders}/2")) == Some(&(all.orders.len() as u64))
            && at.get(&format!("{payments}/2")) == Some(&(all.payments.len() as u64)) =>
        {
            Ok(())
        }
        at => Err(format!("{at:?}")),
    });
    assert_eq!(host.terminate(), Some(0));
}
