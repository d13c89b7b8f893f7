//! SIGTERM: the host finishes what it is at, commits it, and ends with 0 within five seconds.

use lantern_tests::Source;
use lantern_tests::bank::Bank;

use crate::story::BankStory;

#[test]
fn work_goes_on_where_sigterm_ended_it() {
    let story = BankStory::told_by(Source::log(), &Bank { events: 50_000, ..Bank::default() });
    let mut host = story.run().batch_events(10).start();
    host.until("it is in the middle", || story.is_past(10_000));

    assert_eq!(host.terminate(), Some(0));
    assert!(story.caught_up("balances").is_err(), "it ended in the middle, not at the end");
    story.expect_views_at_checkpoint();

    let mut host = story.run().start();
    story.expect_exact(&mut host);
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn an_idle_host_ends_at_once_on_kafka() {
    let story = BankStory::told_by(Source::kafka(), &Bank { events: 100, ..Bank::default() });
    let mut host = story.run().start();
    story.expect_exact(&mut host);
    assert_eq!(host.terminate(), Some(0));
}
