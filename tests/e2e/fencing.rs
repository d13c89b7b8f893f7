//! Two hosts on the same projection and partitions: the older one is fenced and says so, and the views stay right.

use lantern_tests::bank::Bank;
use lantern_tests::eventually::NET;
use lantern_tests::{Host, Source};

use crate::story::BankStory;

#[test]
fn a_second_host_fences_the_first() {
    let bank = Bank { events: 20_000, ..Bank::default() };
    let mut story = BankStory::told_by(Source::log(), &bank);
    let mut first = story.run().batch_events(10).start();
    first.until("the first host is at work", || story.is_past(1_000));

    let mut second = story.run().batch_events(10).start();
    is_fenced(&mut first);
    story.append(Bank { seed: 2, ..bank }.events().collect());

    story.expect_exact(&mut second);
    assert_eq!(second.terminate(), Some(0));
}

#[test]
fn a_host_that_wakes_up_late_cannot_write() {
    let story = BankStory::told_by(Source::log(), &Bank { events: 50_000, ..Bank::default() });
    let mut sleeper = story.run().batch_events(10).start();
    sleeper.until("it is at work", || story.is_past(1_000));
    sleeper.pause();

    let mut other = story.run().start();
    story.expect_exact(&mut other);

    sleeper.resume();
    is_fenced(&mut sleeper);
    story.expect_exact(&mut other);
    assert_eq!(other.terminate(), Some(0));
}

/// It says that another has taken over, and ends.
#[track_caller]
fn is_fenced(host: &mut Host) {
    host.wait_for_line("balances is fenced", NET, |line| line.contains("balances") && line.contains("is fenced"));
    assert_eq!(host.exit_code(NET), Some(1));
}
