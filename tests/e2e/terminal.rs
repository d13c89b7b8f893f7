//! What an operator sees at a terminal, and a program that reads the same from a pipe does not: colours, and a bar for long
//! work. Whoever stops watching does not stop the work.

use lantern_tests::bank::Bank;
use lantern_tests::eventually::NET;
use lantern_tests::{Host, Source, Terminal};

use crate::story::BankStory;

/// What begins a colour.
const COLOUR: &str = "\u{1b}[";

#[test]
fn colours_are_for_terminals_only() {
    let story = BankStory::told_by(Source::log(), &Bank { events: 100, ..Bank::default() });
    story.deploy("balances", &[]);
    let mut host = story.host().start();
    story.expect_exact(&mut host);
    for command in [&["list"][..], &["status"], &["status", "balances"], &["history"], &["doctor"]] {
        let mut seen = at_terminal(&story, command);
        assert_eq!(seen.wait(NET).code(), Some(0), "{}", seen.tail());
        assert!(seen.stdout().contains(COLOUR), "{command:?} is shown without colours\n{}", seen.tail());
        let piped = story.operator().tries(command);
        assert!(!(piped.stdout.clone() + &piped.stderr).contains(COLOUR), "{piped:?}");
    }
    assert_eq!(host.terminate(), Some(0));
    assert!(!host.stderr().contains(COLOUR), "{}", host.stderr());
}

#[test]
fn whoever_stops_watching_does_not_stop_the_work() {
    let story = BankStory::told_by(Source::log(), &Bank { events: 20_000, ..Bank::default() });
    story.deploy("balances", &[]);
    let mut host = story.host().start();
    story.expect_exact(&mut host);

    // It would take more than three minutes.
    let mut watch = at_terminal(&story, &["rebuild", "balances", "--rate", "100", "--wait"]);
    let is_bar = |line: &str| line.contains("balances generation 2") && line.contains("of 20,000 events");
    watch.wait_for_line("a bar", NET, is_bar);
    watch.interrupt();
    assert_eq!(watch.wait(NET).code(), Some(0), "{}", watch.tail());
    let note = "no longer watching; the work goes on: lantern status balances";
    assert!(watch.stdout().contains(note), "{}", watch.tail());

    let built = story.built(2);
    host.until("the work goes on", || story.is_built(2, built + 1));
    story.operator().does(&["cancel", "balances"]);
    story.expect_exact(&mut host);
    assert_eq!(host.terminate(), Some(0));
}

fn at_terminal(story: &BankStory, command: &[&str]) -> Terminal {
    let url = story.redis.url();
    Host::at_terminal(command.iter().copied().chain(["--redis", &url]))
}
