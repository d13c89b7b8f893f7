//! Redis loses everything: the log is the truth, so the views come back by themselves, exact.

use lantern_tests::Source;
use lantern_tests::bank::Bank;

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
