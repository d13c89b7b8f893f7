//! Events that arrive while the host runs: both sources are tailed, and a torn line is not an event yet.

use std::ffi::OsString;

use lantern_tests::bank::Bank;
use lantern_tests::eventually::NET;
use lantern_tests::{Event, Host, Source};

use crate::story::BankStory;

#[test]
fn the_embedded_log_is_tailed() {
    events_are_applied_as_they_come(Source::log());
}

#[test]
fn kafka_is_tailed() {
    events_are_applied_as_they_come(Source::kafka());
}

fn events_are_applied_as_they_come(source: Source) {
    let bank = Bank { events: 100, accounts: 10, partitions: 2, ..Bank::default() };
    let mut story = BankStory::told_by(source, &bank);
    let mut host = story.run().start();
    story.expect_exact(&mut host);
    for seed in 2..10 {
        story.append(Bank { seed, ..bank.clone() }.events().collect());
        story.expect_exact(&mut host);
    }
}

#[test]
fn an_emitted_event_arrives_in_the_partition_of_its_key() {
    let bank = Bank { events: 100, accounts: 10, partitions: 4, ..Bank::default() };
    let mut story = BankStory::told_by(Source::log(), &bank);
    let mut host = story.run().start();
    story.expect_exact(&mut host);

    for account in ["acc-1", "acc-2", "acc-3"] {
        let opened = format!(r#"{{"type":"AccountOpened","account":"{account}","owner":"Emmy"}}"#);
        let Source::Log(log) = &story.source else { unreachable!("the story is told by a log") };
        let args = ["emit", &story.topic, &opened, "--key", account, "--log"].map(OsString::from);
        let mut emit = Host::cli(args.into_iter().chain([log.path().into()]));
        assert_eq!(emit.exit_code(NET), Some(0));
        story.events.push(Event::keyed(account, 4, opened));
    }

    story.expect_exact(&mut host);
}

#[test]
fn a_torn_last_line_is_not_an_event_yet() {
    let bank = Bank { events: 100, accounts: 10, partitions: 1, ..Bank::default() };
    let mut story = BankStory::told_by(Source::log(), &bank);
    let deposit = r#"{"type":"MoneyDeposited","account":"acc-1","amount":1}"#;
    let Source::Log(log) = &story.source else { unreachable!("the story is told by a log") };
    log.append_raw(&story.topic, 0, &format!(r#"{{"key":"acc-1","payload":{}"#, &deposit[..20]));

    let mut host = story.run().start();
    story.expect_exact(&mut host);

    log.append_raw(&story.topic, 0, &format!("{}}}\n", &deposit[20..]));
    story.events.push(Event::keyed("acc-1", 1, deposit));
    story.expect_exact(&mut host);
}
