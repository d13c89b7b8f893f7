//! SIGTERM: the host finishes what it is at, commits it, and ends with 0 within five seconds.

use lantern_tests::Source;
use lantern_tests::bank::Bank;
use lantern_tests::host::SHUTDOWN;
use rustix::process::Signal;

use crate::story::BankStory;

#[test]
fn work_goes_on_where_sigterm_ended_it() {
    let mut story = BankStory::told_by(Source::log(), &Bank { events: 5_000, ..Bank::default() });
    let mut host = story.run().batch_events(10).start();
    host.until("it is at work", || story.is_past(1_000));

    // It is told while it stands still with many events before it, so it can't have applied them all before it hears it.
    host.pause();
    story.append(Bank { events: 50_000, seed: 2, ..Bank::default() }.events().collect());
    host.signal(Signal::TERM);
    host.resume();
    assert_eq!(host.terminate_within(SHUTDOWN), Some(0));
    assert!(story.caught_up("balances").is_err(), "it ended in the middle, not at the end");
    story.expect_views_at_checkpoint();

    let mut host = story.run().start();
    story.expect_exact(&mut host);
    assert_eq!(host.terminate_within(SHUTDOWN), Some(0));
}

#[test]
fn an_idle_host_ends_at_once_on_kafka() {
    let story = BankStory::told_by(Source::kafka(), &Bank { events: 100, ..Bank::default() });
    let mut host = story.run().log("info,lantern::source=debug").start();
    story.expect_exact(&mut host);
    assert_eq!(host.terminate_within(SHUTDOWN), Some(0));
    assert!(!host.stderr().contains("does not answer the leave"), "others could not take over at once");
}
