//! `orders` joins two co-partitioned topics, and two versions of an event.

use lantern_tests::artefacts::plugin;
use lantern_tests::orders::Shop;
use lantern_tests::{Host, RedisServer, Source};

const PARTITIONS: u32 = 4;

#[test]
fn two_topics_of_the_embedded_log_meet() {
    two_topics_meet(Source::log());
}

#[test]
fn two_topics_of_kafka_meet() {
    two_topics_meet(Source::kafka());
}

fn two_topics_meet(source: Source) {
    let redis = RedisServer::start();
    let topics = ["order-events", "payment-events"].map(|name| source.topic(name, PARTITIONS));
    let shop = Shop::generate(1, 5_000, PARTITIONS);
    let run = Host::run(&source.url(), &redis).batch_events(100);
    let run = run.projection("orders", &plugin("orders"), &[&topics[0], &topics[1]]);

    // Half is there before the host, half comes while it runs; and it is killed in between.
    let (orders, more_orders) = shop.orders.split_at(shop.orders.len() / 2);
    let (payments, more_payments) = shop.payments.split_at(shop.payments.len() / 2);
    source.append(&topics[0], orders);
    source.append(&topics[1], payments);
    let mut host = run.start();
    let half = (orders.len() + payments.len()) as u64 / 2;
    host.until("some of it is applied", || match redis.progress("orders") {
        progress if progress > half => Ok(()),
        progress => Err(format!("{progress} events are applied")),
    });
    host.kill();
    let mut host = run.start();
    source.append(&topics[0], more_orders);
    source.append(&topics[1], more_payments);

    host.until("every order stands as both topics say", || shop.orders_hold(&redis));
    assert_eq!(host.terminate(), Some(0));
}
