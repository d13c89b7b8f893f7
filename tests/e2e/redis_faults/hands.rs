//! People's hands in Redis: views that are deleted or replaced, scripts that are flushed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use lantern_tests::Source;
use lantern_tests::bank::Bank;
use lantern_tests::eventually::NET;
use redis::cmd;

use crate::story::BankStory;

fn story() -> BankStory {
    let story = BankStory::told_by(Source::log(), &Bank { events: 5_000, ..Bank::default() });
    story.deploy("balances", &[]);
    story
}

#[test]
fn a_view_that_was_deleted_is_found_by_a_comparison_and_mended_by_the_rebuild() {
    let story = story();
    let mut host = story.host().start();
    story.expect_exact(&mut host);
    let whole = story.redis.hash("balances:accounts").len();

    let some = story.redis.hash("balances:accounts").into_keys().next().unwrap();
    story.redis.query::<()>(cmd("HDEL").arg("balances:accounts").arg(&some)).unwrap();
    let held = story.operator().tries(&["rebuild", "balances", "--verify", "--wait"]);
    assert!(held.code == Some(1) && held.stderr.contains("0 missing, 1 extra, 0 different"), "{held:?}");
    assert!(held.stderr.contains(&some), "{held:?}");
    story.operator().does(&["promote", "balances", "--anyway"]);
    story.expect_exact(&mut host);

    story.redis.query::<()>(cmd("DEL").arg("balances:accounts")).unwrap();
    let held = story.operator().tries(&["rebuild", "balances", "--verify", "--wait"]);
    assert!(held.stderr.contains(&format!("0 missing, {whole} extra, 0 different")), "{held:?}");
    story.operator().does(&["promote", "balances", "--anyway"]);
    story.expect_exact(&mut host);
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn a_view_that_was_replaced_by_something_else_stops_its_projection_until_it_is_rebuilt() {
    let mut story = story();
    let mut host = story.host().start();
    story.expect_exact(&mut host);

    story.redis.query::<()>(cmd("DEL").arg("balances:totals")).unwrap();
    story.redis.query::<()>(cmd("SET").arg("balances:totals").arg("mine")).unwrap();
    story.append(Bank { events: 1_000, seed: 2, ..Bank::default() }.events().collect());
    host.wait_for_line("it has stopped", NET, |line| {
        line.contains("stopped") && line.contains("`balances:totals`")
    });
    let status = story.operator().status("balances");
    assert_eq!(status["state"], "stopped", "{status}");

    story.redis.query::<()>(cmd("DEL").arg("balances:totals")).unwrap();
    story.operator().does(&["rebuild", "balances"]);
    host.until("the new views are live", || story.is_live(2));
    story.expect_exact(&mut host);
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn a_key_of_ours_that_is_something_else_is_named() {
    let story = story();
    let key = "lantern:lane:balances:1:0";
    story.redis.query::<()>(cmd("SET").arg(key).arg("mine")).unwrap();
    let mut host = story.host().start();
    host.wait_for_line("it has stopped", NET, |line| line.contains("stopped") && line.contains(key));
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn scripts_may_be_flushed_at_any_moment() {
    let story = story();
    let mut host = story.host().start();
    story.expect_exact(&mut host);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut connection = story.redis.connect();
            while !done.load(Ordering::Relaxed) {
                cmd("SCRIPT").arg("FLUSH").exec(&mut connection).unwrap();
            }
        });
        for generation in 2..=4 {
            story.operator().does(&["rebuild", "balances", "--wait"]);
            assert_eq!(story.is_live(generation), Ok(()));
        }
        done.store(true, Ordering::Relaxed);
    });
    story.expect_exact(&mut host);
    assert!(!host.stderr().contains("NOSCRIPT"), "{}", host.stderr());
    assert_eq!(host.terminate(), Some(0));
}
