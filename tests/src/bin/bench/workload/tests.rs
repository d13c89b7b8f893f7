//! Each plugin makes of its events what the native job makes of them.

use std::collections::BTreeMap;

use clap::ValueEnum;
use lantern_tests::event::by_partition;
use lantern_tests::{Event, Host, Operator, RedisServer, Source, view};

use super::{Views, Workload};

/// Those of the market last for more than one window.
const EVENTS: u64 = 12_000;
const PARTITIONS: u32 = 4;

#[test]
fn plugins_and_native_jobs_agree() {
    let (source, redis) = (Source::log(), RedisServer::start());
    let deployed: Vec<(Workload, String, Vec<Event>)> =
        Workload::value_variants().iter().map(|workload| deploy(*workload, &source, &redis)).collect();
    let mut host = Host::run(&source.url(), &redis).start();
    for (workload, topic, events) in &deployed {
        let name = workload.to_string();
        host.until("it has caught up", || view::same(&name, &ends(topic, events), &redis.checkpoints(&name)));
        let views = Views::of_job(*workload, events).expect("the job takes its own events");
        assert_eq!(views.hold_under(&name, &redis), Ok(()));
    }
    assert_eq!(host.terminate(), Some(0));
}

/// Deploys it under a name that it shares with no other workload.
fn deploy(workload: Workload, source: &Source, redis: &RedisServer) -> (Workload, String, Vec<Event>) {
    let topic = source.topic(workload.topic(), PARTITIONS);
    let events = workload.events(EVENTS, PARTITIONS);
    source.append(&topic, &events);
    let settings: Vec<&str> = workload.setting().into_iter().flat_map(|setting| ["--set", setting]).collect();
    Operator::of(redis).deploy(&workload.to_string(), &workload.plugin(), &topic, &settings);
    (workload, topic, events)
}

fn ends(topic: &str, events: &[Event]) -> BTreeMap<String, u64> {
    let partitions = by_partition(events, PARTITIONS).into_iter().enumerate();
    partitions.map(|(partition, events)| (format!("{topic}/{partition}"), events.len() as u64)).collect()
}

#[test]
fn the_native_bank_agrees_with_the_independent_fold() {
    for workload in [Workload::Balances, Workload::BalancesZipf] {
        let events = workload.events(EVENTS, PARTITIONS);
        let views = workload.views(&events).expect("the bank's events are folded");
        assert_eq!(Views::of_job(workload, &events).expect("the job takes its own events"), views);
    }
}

#[test]
fn every_workload_has_something_to_show() {
    for workload in Workload::value_variants() {
        let views = workload.views(&workload.events(EVENTS, PARTITIONS)).expect("the job takes its own events");
        assert!(!views.is_trivial(), "{workload}: {views:?}");
    }
}
