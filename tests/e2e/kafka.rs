//! What only Kafka has: transactions, so gaps between offsets; binary keys; a broker that goes away.

use std::collections::BTreeMap;

use lantern_tests::artefacts::plugin;
use lantern_tests::bank::{Bank, BankViews};
use lantern_tests::event::EPOCH_MS;
use lantern_tests::kafka::Outcome;
use lantern_tests::source::unique;
use lantern_tests::{Event, Host, Kafka, RedisServer, view};
use serde_json::{Value, json};

use crate::story::real_kafka;

#[test]
fn aborted_events_are_never_seen_and_gaps_do_no_harm() {
    let Some(kafka) = real_kafka() else { return };
    let (topic, redis) = (unique("account-events"), RedisServer::start());
    kafka.create_topic(&topic, 2);
    let bank = Bank { events: 300, accounts: 20, partitions: 2, ..Bank::default() };
    let part = |seed| Bank { seed, ..bank.clone() }.events().collect::<Vec<Event>>();
    let (first, never, second, third) = (part(1), part(2), part(3), part(4));
    kafka.transact(&topic, &first, Outcome::Commit);
    kafka.transact(&topic, &never, Outcome::Abort);
    kafka.transact(&topic, &second, Outcome::Commit);
    kafka.produce(&topic, &third);
    kafka.transact(&topic, &never, Outcome::Abort);

    let run = Host::run(&kafka.url(), &redis).projection("balances", &plugin("balances"), &[&topic]);
    let mut host = run.batch_events(7).start();
    let expected = BankViews::fold(first.iter().chain(&second).chain(&third));
    host.until("only what was committed is applied", || expected.balances_hold(&redis));

    // A restart begins behind the gap, not in it.
    assert_eq!(host.terminate(), Some(0));
    let mut host = run_again(kafka, &redis, &topic);
    let fourth = part(5);
    kafka.transact(&topic, &fourth, Outcome::Commit);
    let expected = BankViews::fold(first.iter().chain(&second).chain(&third).chain(&fourth));
    host.until("what came after the restart is applied", || expected.balances_hold(&redis));
}

fn run_again(kafka: &Kafka, redis: &RedisServer, topic: &str) -> Host {
    Host::run(&kafka.url(), redis).projection("balances", &plugin("balances"), &[topic]).start()
}

#[test]
fn a_plugin_sees_keys_headers_times_and_tombstones() {
    let kafka = Kafka::shared();
    let (topic, redis) = (unique("witnessed"), RedisServer::start());
    kafka.create_topic(&topic, 1);
    kafka.produce(
        &topic,
        &[
            Event::keyed("plain", 1, "hello"),
            Event::keyed("headed", 1, "").header("source", "web").header("source", "app").at(EPOCH_MS + 5),
            Event::tombstone("gone", 1),
            Event::plain(0, "no key"),
        ],
    );

    let run = Host::run(&kafka.url(), &redis).projection("witness", &plugin("witness"), &[&topic]);
    let mut host = run.start();
    let witnessed = |key: Value, headers: Value, timestamp: i64, payload: Value| json!({ "key": key, "headers": headers, "timestamp": timestamp, "payload": payload });
    let rows = [
        witnessed(json!("plain"), json!([]), EPOCH_MS, json!("hello")),
        witnessed(json!("headed"), json!([["source", "web"], ["source", "app"]]), EPOCH_MS + 5, json!("")),
        witnessed(json!("gone"), json!([]), EPOCH_MS, Value::Null),
        witnessed(Value::Null, json!([]), EPOCH_MS, json!("no key")),
    ];
    let expected: BTreeMap<String, Value> =
        rows.into_iter().enumerate().map(|(offset, row)| (format!("0@{offset}"), row)).collect();
    host.until("each event is seen as it was written", || {
        let rows = redis.hash("witness:events").into_iter();
        let seen =
            rows.map(|(at, row)| (at, serde_json::from_str(&row).expect("the witness writes JSON"))).collect();
        view::same("witness:events", &expected, &seen)
    });
}

#[test]
fn a_broker_that_goes_away_comes_back() {
    if real_kafka().is_none() {
        return;
    }
    let mut kafka = Kafka::private().expect("where one real broker runs, two do");
    let (topic, redis) = (unique("account-events"), RedisServer::start());
    kafka.create_topic(&topic, 2);
    let bank = Bank { events: 1_000, partitions: 2, ..Bank::default() };
    let mut events: Vec<Event> = bank.events().collect();
    kafka.produce(&topic, &events);
    let mut host = run_again(&kafka, &redis, &topic);
    host.until("the first half is applied", || BankViews::fold(&events).balances_hold(&redis));

    kafka.kill();
    kafka.start_again();
    let more: Vec<Event> = Bank { seed: 2, ..bank }.events().collect();
    kafka.produce(&topic, &more);
    events.extend(more);

    host.until("the second half is applied", || BankViews::fold(&events).balances_hold(&redis));
    assert_eq!(host.terminate(), Some(0));
}
