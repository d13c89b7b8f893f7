//! What bounds rebuilds: how many go on at once, how long the old generation is kept, how much may move in one step.

use lantern_tests::artefacts::plugin;
use lantern_tests::bank::{Bank, openings};
use lantern_tests::ledger;
use lantern_tests::{Operator, Source};

use crate::deployed::REFUSED;
use crate::story::BankStory;

#[test]
fn one_rebuild_waits_for_another_if_a_host_takes_but_one() {
    let story = BankStory::told_by(Source::log(), &Bank { events: 10_000, ..Bank::default() });
    let operator = story.operator();
    story.deploy("balances", &[]);
    operator.deploy("leaderboard", &plugin("leaderboard"), &story.topic, &[]);
    let mut host = story.host().arg("--max-rebuilds").arg("1").start();
    story.expect_exact(&mut host);
    host.until("leaderboard has caught up", || story.caught_up("leaderboard"));

    // The first would take hours.
    operator.does(&["rebuild", "balances", "--rate", "1"]);
    host.until("the first has begun", || story.is_built(2, 1));
    operator.does(&["rebuild", "leaderboard"]);
    host.until("the second waits", || match operator.status("leaderboard")["rebuild"]["state"].as_str() {
        Some("waiting") => Ok(()),
        state => Err(format!("it is {state:?}")),
    });
    assert_eq!(story.redis.built("leaderboard", 2), 0, "nothing is built while it waits");

    operator.does(&["cancel", "balances"]);
    host.until("it is the second's turn", || match story.redis.generation("leaderboard") {
        Some(2) => Ok(()),
        _ => Err(format!("{} events are applied", story.redis.built("leaderboard", 2))),
    });
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn the_old_generation_goes_when_its_time_is_over() {
    let story = BankStory::told_by(Source::log(), &Bank { events: 1_000, ..Bank::default() });
    story.deploy("balances", &[]);
    let mut host = story.host().start();
    story.expect_exact(&mut host);
    story.deploy("balances-v2", &["--keep-old", "1s", "--wait"]);
    host.until("nothing is left of it", || {
        let left: Vec<String> = story
            .redis
            .keys()
            .into_iter()
            .filter(|key| key.contains(":balances:1") || key.contains(":views:"))
            .collect();
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    });
    assert!(done(&story.operator(), "balances").contains(&"gc: generation 1 was kept for 1 s".to_owned()));
    assert_eq!(story.operator().tries(&["rollback", "balances"]).code, Some(REFUSED));
    story.expect_revised(&mut host);
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn a_host_moves_in_chunks_what_is_too_much_for_one_step() {
    // A list and a document for each account: 12,000 structures, and 10,000 may move in one step.
    let mut story = BankStory::told_in(Source::log(), 4, openings(6_000, 4).collect());
    let operator = story.operator();
    operator.deploy("ledger", &plugin("ledger"), &story.topic, &[]);
    let mut host = story.host().start();
    host.until("the ledger has caught up", || story.caught_up("ledger"));
    // A rebuild gives it other keys.
    operator.deploy("ledger", &plugin("ledger"), &story.topic, &["--set", "shelf=b-"]);
    let held = operator.tries(&["rebuild", "ledger", "--wait"]);
    assert!(
        held.stderr.contains("more than the 10000 that may move in one step: promote it with --chunked"),
        "{held:?}"
    );
    assert_eq!((held.code, ledger::is_right(&story.redis, &story.events, "")), (Some(1), Ok(())));
    operator.does(&["cancel", "ledger"]);

    operator.does(&["rebuild", "ledger", "--chunked", "--wait"]);
    assert_eq!(ledger::is_right(&story.redis, &story.events, "b-"), Ok(()));
    let done = done(&operator, "ledger");
    assert!(done.contains(&"move: generation 1 → 3 begins, structure by structure".to_owned()), "{done:?}");
    assert!(done.contains(&"cutover: generation 1 → 3, structure by structure".to_owned()), "{done:?}");
    story.append(Bank { events: 1_000, partitions: 4, ..Bank::default() }.events().collect());
    host.until("the ledger has caught up", || story.caught_up("ledger"));
    assert_eq!(ledger::is_right(&story.redis, &story.events, "b-"), Ok(()));
    assert_eq!(host.terminate(), Some(0));
}

/// What the history says of a projection, each as `action: what`.
fn done(operator: &Operator, projection: &str) -> Vec<String> {
    let history: serde_json::Value =
        serde_json::from_str(&operator.does(&["history", projection, "--json"])).unwrap();
    let entries = history["history"].as_array().unwrap().iter();
    entries
        .map(|entry| format!("{}: {}", entry["action"].as_str().unwrap(), entry["what"].as_str().unwrap()))
        .collect()
}
