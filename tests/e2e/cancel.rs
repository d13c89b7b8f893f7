//! Rebuilds that are given up at ten moments: readers notice nothing, and not a key is left behind.

use lantern_tests::bank::Bank;
use lantern_tests::random::Random;
use lantern_tests::{RedisServer, Source};

use crate::deployed::REFUSED;
use crate::story::BankStory;

const CANCELS: u64 = 10;

#[test]
fn ten_cancelled_rebuilds_leave_no_key() {
    let story = BankStory::told_by(Source::log(), &Bank { events: 10_000, ..Bank::default() });
    story.deploy("balances", &[]);
    let mut host = story.host().batch_events(10).start();
    story.expect_exact(&mut host);
    let before = lasting_keys(&story.redis);

    let mut random = Random::new(1);
    for generation in 2..2 + CANCELS {
        // Slow enough that none is through before it is cancelled; if one were, it would be held.
        if generation % 2 == 0 {
            story.deploy("balances-v2", &["--rate", "2000", "--hold"]);
        } else {
            story.operator().does(&["rebuild", "balances", "--rate", "2000", "--hold"]);
        }
        let moment = random.below(story.events.len() as u64 / 5);
        host.until(&format!("{moment} events are rebuilt"), || story.is_built(generation, moment));
        story.operator().does(&["cancel", "balances"]);

        host.until("all keys are as before", || same_keys(&before, &story.redis));
        story.expect_exact(&mut host);
        assert_eq!(story.is_live(1), Ok(()));
    }

    // Nor does what had still been under way leave anything.
    assert_eq!(host.terminate(), Some(0));
    assert_eq!(same_keys(&before, &story.redis), Ok(()));
}

#[test]
fn a_held_generation_can_be_cancelled() {
    let story = BankStory::told_by(Source::log(), &Bank { events: 1_000, ..Bank::default() });
    story.deploy("balances", &[]);
    let mut host = story.host().start();
    story.expect_exact(&mut host);
    let before = lasting_keys(&story.redis);

    story.deploy("balances-v2", &["--hold", "--wait"]);
    assert_ne!(same_keys(&before, &story.redis), Ok(()), "the held generation has keys");
    story.operator().does(&["cancel", "balances"]);

    host.until("all keys are as before", || same_keys(&before, &story.redis));
    story.expect_exact(&mut host);
    assert_eq!(
        story.operator().tries(&["cancel", "balances"]).code,
        Some(REFUSED),
        "there is nothing left to cancel"
    );
}

/// All keys but those of the history and of the hosts, which come and go.
fn lasting_keys(redis: &RedisServer) -> Vec<String> {
    redis.keys().into_iter().filter(|key| !key.starts_with("lantern:h")).collect()
}

fn same_keys(before: &[String], redis: &RedisServer) -> Result<(), String> {
    let now = lasting_keys(redis);
    if now == before { Ok(()) } else { Err(format!("before {before:#?}\nnow {now:#?}")) }
}
