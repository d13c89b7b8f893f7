//! `lantern rebuild`, and how it ends: promoted, cancelled, compared, in place.

use super::*;

/// `balances` is live and has applied all there is.
fn live(events: u64) -> (BankStory, Host) {
    let story = bank(events);
    let mut host = story.host().start();
    deploy(&story, "balances", ["--wait"]).done();
    story.expect_exact(&mut host);
    (story, host)
}

#[test]
fn what_is_held_follows_until_it_is_promoted() {
    let (mut story, mut host) = live(2_000);
    let out = story.operator().tries(&["rebuild", "balances", "--hold", "--wait"]).done();
    assert!(out.starts_with("balances: rebuild as generation 2 (revision 1): 2,000 events to replay"), "{out}");
    assert!(out.ends_with("balances: generation 2 is held: lantern promote balances\n"), "{out}");
    assert_eq!(story.redis.generation("balances"), Some(1));
    more(&mut story, 2);
    story.expect_exact(&mut host);

    let out = story.operator().tries(&["promote", "balances", "--wait"]).done();
    let what = "balances: generation 2 becomes the live one, generation 1 is kept for rollback\n";
    assert_eq!(out, format!("{what}balances: generation 2 is live\n"));
    more(&mut story, 3);
    story.expect_exact(&mut host);
    assert_eq!(story.redis.generation("balances"), Some(2));
}

#[test]
fn other_topics_are_read_to_their_end_before_readers_see_them() {
    let (mut story, mut host) = live(2_000);
    // Fewer events than it has read of the first topic, so their offsets can't be compared.
    let events: Vec<Event> =
        Bank { seed: 9, events: 300, accounts: 100, partitions: 4, ..Bank::default() }.events().collect();
    let first = std::mem::replace(&mut story.topic, story.source.topic("other-events", 4));
    story.events.clear();
    story.append(events);
    let out = deploy(&story, "balances", ["--wait"]).done();
    let what = "balances: rebuild as generation 2 (revision 1): 300 events to replay";
    assert!(out.starts_with(what) && out.ends_with("balances: generation 2 is live\n"), "{out}");
    more(&mut story, 2);
    story.expect_exact(&mut host);
    assert!(story.redis.checkpoints("balances").keys().all(|at| !at.starts_with(&first)));
}

#[test]
fn what_is_cancelled_leaves_no_key() {
    let (story, mut host) = live(2_000);
    let before = keys(&story.redis);
    deploy(&story, "balances-v2", ["--hold", "--wait"]).done();
    assert_ne!(keys(&story.redis), before);
    let out = story.operator().tries(&["cancel", "balances"]).done();
    assert_eq!(out, "balances: generation 2 is given up\n");
    assert_eq!(keys(&story.redis), before);
    story.expect_exact(&mut host);
}

#[test]
fn in_place_the_views_are_cleared_and_filled() {
    let (mut story, mut host) = live(2_000);
    let out = story.operator().tries(&["rebuild", "balances", "--in-place", "--wait"]).done();
    assert!(out.starts_with("balances: rebuild in place as generation 2 (revision 1): 2,000 events"), "{out}");
    assert!(out.ends_with("balances: generation 2 is live\n"), "{out}");
    more(&mut story, 2);
    story.expect_exact(&mut host);
    let left = keys(&story.redis).into_iter().filter(|key| key.contains(":balances:1") || key.contains("views"));
    assert_eq!(left.collect::<Vec<_>>(), [""; 0], "nothing is left of the first one");
}

#[test]
fn a_comparison_that_finds_nothing_ends_in_a_cutover() {
    let (mut story, mut host) = live(2_000);
    let out = story.operator().tries(&["rebuild", "balances", "--verify", "--wait"]).done();
    assert!(out.ends_with("balances: generation 2 is live\n"), "{out}");
    more(&mut story, 2);
    story.expect_exact(&mut host);
}

#[test]
fn a_comparison_that_finds_a_difference_holds() {
    let (story, _host) = live(2_000);
    let said = deploy(&story, "balances-v2", ["--verify", "--wait"]).refused();
    assert!(said.starts_with("exit code 1\nerror: projection `balances`: generation 2 is held: "), "{said}");
    assert!(said.contains("accounts acc-") && said.contains("different"), "{said}");
    let refused = story.operator().tries(&["promote", "balances"]).refused();
    assert!(refused.starts_with("exit code 4\nerror: generation 2 differs from the live one: "), "{refused}");
    assert!(refused.contains("lantern promote balances --anyway"), "{refused}");
    story.operator().tries(&["promote", "balances", "--anyway"]).done();
    BankViews::fold(&story.events).revised("EUR").balances_hold(&story.redis).unwrap();
}
