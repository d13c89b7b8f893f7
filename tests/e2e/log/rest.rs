//! Nothing happens in a topic for a while: then less of the host goes into it, and what comes later is applied all the same.

use lantern_tests::bank::Bank;
use lantern_tests::eventually::{NET, eventually};
use lantern_tests::kafka::Outcome;
use lantern_tests::{Event, Host, fetched};

use super::{Stage, bank};

const PARTITIONS: u32 = 4;

fn events(seed: u64, events: u64) -> Vec<Event> {
    Bank { seed, events, accounts: 40, partitions: PARTITIONS, ..Bank::default() }.events().collect()
}

impl Stage {
    fn talking_host(&self) -> Host {
        Host::run(&self.kafka.url(), &self.redis).log(fetched::LOG).start()
    }
}

/// Waits until so many partitions have come to be at rest, or busy, since the host began.
#[track_caller]
fn until_said(host: &Host, count: usize, what: &str) {
    eventually(&format!("{count} partitions are {what}"), NET, || {
        match host.stderr().lines().filter(|line| line.ends_with(&format!(" is {what}"))).count() {
            there if there == count => Ok(()),
            there => Err(format!("{there} of {count} are")),
        }
    });
}

#[test]
fn what_comes_when_all_was_at_rest_is_applied() {
    let Some(stage) = Stage::of("balances", PARTITIONS) else { return };
    let mut host = stage.talking_host();
    let mut all = events(1, 400);
    stage.produce(&all);
    host.until("all is applied", || stage.has(&all));
    until_said(&host, 4, "at rest");

    // A little, of which some never counts.
    let (little, never) = (events(2, 20), events(3, 20));
    stage.kafka.transact(&stage.topic, &never, Outcome::Abort);
    stage.kafka.transact(&stage.topic, &little, Outcome::Commit);
    all.extend(little);
    host.until("a little is applied", || stage.has(&all));
    until_said(&host, 0, "busy");

    let much = events(4, 4_000);
    stage.produce(&much);
    all.extend(much);
    host.until("much is applied", || stage.has(&all));
    until_said(&host, 4, "busy");
    until_said(&host, 8, "at rest");
    let one = events(5, 1);
    stage.produce(&one);
    all.extend(one);
    host.until("the last is applied", || stage.has(&all));
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn a_topic_that_is_made_anew_while_it_is_at_rest_is_noticed() {
    let Some(stage) = Stage::of("balances", 1) else { return };
    let events = bank(1, 300);
    stage.produce(&events);
    let mut host = stage.talking_host();
    until_said(&host, 1, "at rest");

    stage.remake(&bank(2, 900));
    stage.remade(&mut host);
    assert_eq!(stage.has(&events), Ok(()), "no event of the new topic is in the views of the old one");
    assert_eq!(stage.stands_at("balances", 0, 300), Ok(()));
}
