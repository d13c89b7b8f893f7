//! `ledger`, whose keyed views a cutover moves key by key.

use lantern_tests::artefacts::plugin;
use lantern_tests::bank::Bank;
use lantern_tests::ledger::is_right;
use lantern_tests::{RedisServer, Source};

use crate::story::BankStory;

#[test]
fn a_cutover_moves_every_key_and_leaves_none() {
    let story = BankStory::told_by(Source::log(), &Bank { events: 5_000, accounts: 500, ..Bank::default() });
    let operator = story.operator();
    operator.deploy("ledger", &plugin("ledger"), &story.topic, &[]);
    let mut host = story.host().start();
    host.until("the ledger is right", || is_right(&story.redis, &story.events, ""));

    // From now on its keys are others, and a rebuild gives all of them anew.
    operator.deploy("ledger", &plugin("ledger"), &story.topic, &["--set", "shelf=b-"]);
    operator.does(&["rebuild", "ledger", "--wait"]);
    assert_eq!(is_right(&story.redis, &story.events, "b-"), Ok(()));

    operator.does(&["rollback", "ledger"]);
    assert_eq!(is_right(&story.redis, &story.events, ""), Ok(()));
    operator.does(&["rollback", "ledger"]);
    assert_eq!(is_right(&story.redis, &story.events, "b-"), Ok(()));

    operator.does(&["gc", "ledger"]);
    host.until("nothing is left of the old generation", || match hidden_keys(&story.redis) {
        keys if keys.is_empty() => Ok(()),
        keys => Err(format!("{keys:?}")),
    });
    assert_eq!(is_right(&story.redis, &story.events, "b-"), Ok(()));
    assert_eq!(host.terminate(), Some(0));
}

/// Keys of views that readers do not read, and indexes of what is no more.
fn hidden_keys(redis: &RedisServer) -> Vec<String> {
    let hidden = |key: &String| key.starts_with("lantern:views:") || key.starts_with("lantern:keys:ledger:1:");
    redis.keys().into_iter().filter(hidden).collect()
}
