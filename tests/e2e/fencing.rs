//! Two hosts that both believe they own a lane: what the older one would write late is refused, and the views stay right.

use lantern_tests::Source;
use lantern_tests::bank::Bank;
use lantern_tests::eventually::NET;

use crate::story::{BankStory, real_kafka};

#[test]
fn a_host_that_wakes_up_late_cannot_write() {
    if real_kafka().is_none() {
        return;
    }
    let bank = Bank { events: 50_000, ..Bank::default() };
    let mut story = BankStory::told_by(Source::kafka(), &bank);
    let run = story.run_on(&story.url_of_short_sessions()).batch_events(10);
    let mut sleeper = run.start();
    sleeper.until("it is at work", || story.is_past(1_000));
    sleeper.pause();

    let mut other = run.start();
    story.expect_exact(&mut other);

    sleeper.resume();
    sleeper.wait_for_line("a lane is fenced", NET, |line| line.contains("balances") && line.contains("is fenced"));
    story.append(Bank { seed: 2, ..bank }.events().collect());
    story.expect_exact(&mut other);
    assert_eq!(sleeper.terminate(), Some(0));
    assert_eq!(other.terminate(), Some(0));
}

#[test]
fn an_embedded_log_takes_one_host() {
    let story = BankStory::told_by(Source::log(), &Bank { events: 1_000, ..Bank::default() });
    let mut first = story.run().start();
    story.expect_exact(&mut first);

    let mut second = story.run().start();
    assert_eq!(second.exit_code(NET), Some(1));
    assert!(second.stderr().contains("is already read by host"), "{}", second.stderr());
    assert_eq!(first.terminate(), Some(0));
}
