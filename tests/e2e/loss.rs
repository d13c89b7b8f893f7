//! Redis loses everything: the log is the truth, so the views come back by themselves, exact.

use lantern_tests::bank::Bank;
use lantern_tests::{Host, Source};

use crate::story::BankStory;

#[test]
fn views_come_back_when_all_is_lost_in_the_middle() {
    views_come_back_when_lost_in_the_middle(Source::log());
}

#[test]
fn views_come_back_when_all_is_lost_in_the_middle_of_kafka() {
    views_come_back_when_lost_in_the_middle(Source::kafka());
}

fn views_come_back_when_lost_in_the_middle(source: Source) {
    let story = BankStory::told_by(source, &Bank { events: 50_000, ..Bank::default() });
    let mut host = story.run().batch_events(10).start();
    host.until("half is applied", || story.is_past(25_000));

    story.redis.flush_all();

    story.expect_exact(&mut host);
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn views_come_back_when_all_is_lost_and_nothing_flows() {
    let story = BankStory::told_by(Source::log(), &Bank { events: 5_000, ..Bank::default() });
    let mut host = story.run().start();
    story.expect_exact(&mut host);

    story.redis.flush_all();

    story.expect_exact(&mut host);
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn views_come_back_when_redis_dies_and_returns_empty() {
    let mut story = BankStory::told_by(Source::log(), &Bank { events: 50_000, ..Bank::default() });
    let mut host = story.run().batch_events(10).start();
    host.until("some is applied", || story.is_past(10_000));

    story.redis.restart();

    story.expect_exact(&mut host);
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn a_rebuild_ends_right_when_all_is_lost_in_the_middle_of_it() {
    let story = BankStory::told_by(Source::log(), &Bank { events: 20_000, ..Bank::default() });
    let mut host = lost_in_the_middle_of_a_rebuild(&story, &[]);
    host.until("the new views are live", || story.is_live(2));
    story.expect_revised(&mut host);
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn both_generations_come_back_when_all_is_lost_in_the_middle_of_a_rebuild() {
    let story = BankStory::told_by(Source::log(), &Bank { events: 20_000, ..Bank::default() });
    let mut host = lost_in_the_middle_of_a_rebuild(&story, &["--hold"]);
    host.until("both are there again", || {
        story.caught_up("balances").and_then(|()| story.is_built(2, story.events.len() as u64))
    });
    assert_eq!(story.is_live(1), Ok(()));
    story.expect_exact(&mut host);
    host.until("the new views are held", || match story.operator().tries(&["promote", "balances"]) {
        said if said.code == Some(0) => Ok(()),
        said => Err(format!("{said:?}")),
    });
    story.expect_revised(&mut host);
    assert_eq!(host.terminate(), Some(0));
}

fn lost_in_the_middle_of_a_rebuild(story: &BankStory, how: &[&str]) -> Host {
    story.deploy("balances", &[]);
    let mut host = story.host().batch_events(10).start();
    story.expect_exact(&mut host);
    story.deploy("balances-v2", how);
    host.until("half is rebuilt", || story.is_built(2, story.events.len() as u64 / 2));
    story.redis.flush_all();
    host
}
