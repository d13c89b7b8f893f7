//! What concerns a projection as a whole: it is paused, resumed, relieved of what is old, undeployed.

use super::*;

#[test]
fn a_pause_outlives_the_host() {
    let mut story = bank(1_000);
    let mut first = story.host().start();
    deploy(&story, "balances", ["--wait"]).done();
    let out = story.operator().tries(&["pause", "balances"]).done();
    assert_eq!(out, "balances: paused, it stands still at its checkpoint\n");
    assert_eq!(first.terminate(), Some(0));
    let stood = story.redis.progress("balances");
    more(&mut story, 2);

    // A second projection shows that the host runs what is not paused.
    let mut second = story.host().start();
    let topic = story.topic.clone();
    story.operator().tries(&["deploy", &file("leaderboard"), "--topic", &topic, "--wait"]).done();
    assert_eq!(story.redis.progress("balances"), stood);
    story.operator().tries(&["resume", "balances"]).done();
    story.expect_exact(&mut second);
}

#[test]
fn what_is_undeployed_leaves_no_key() {
    let story = bank(1_000);
    let mut host = story.host().start();
    deploy(&story, "balances", ["--wait"]).done();
    deploy(&story, "balances-v2", ["--wait"]).done();
    let out = story.operator().tries(&["undeploy", "balances", "--yes"]).done();
    assert_eq!(out, "balances: undeployed; the views balances:accounts, balances:totals are removed\n");
    assert_eq!(keys(&story.redis), ["lantern:history"]);

    // And it can begin anew.
    deploy(&story, "balances", ["--wait"]).done();
    story.expect_exact(&mut host);
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn views_can_be_left_to_their_readers() {
    let story = bank(1_000);
    let mut host = story.host().start();
    deploy(&story, "balances", ["--wait"]).done();
    let out = story.operator().tries(&["undeploy", "balances", "--keep-views", "--yes"]).done();
    assert_eq!(out, "balances: undeployed; the views balances:accounts, balances:totals stay as they are\n");
    assert_eq!(keys(&story.redis), ["balances:accounts", "balances:totals", "lantern:history"]);
    BankViews::fold(&story.events).balances_hold(&story.redis).unwrap();

    // Nothing counts on top of what it does not know.
    let refused = deploy(&story, "balances", []).refused();
    assert!(refused.starts_with("exit code 4\nerror: key `balances:accounts` stands already"), "{refused}");
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn what_is_old_can_be_collected() {
    let story = bank(1_000);
    let mut host = story.host().start();
    deploy(&story, "balances", ["--wait"]).done();
    deploy(&story, "balances-v2", ["--wait"]).done();
    let expected = "balances: generation 1 is removed\n1 generation, 1 module\n";
    assert_eq!(story.operator().tries(&["gc", "--plan"]).done(), expected);
    assert_eq!(story.operator().tries(&["gc"]).done(), expected);
    assert_eq!(story.operator().tries(&["gc", "balances"]).done(), "0 generations, 0 modules\n");
    assert!(!keys(&story.redis).iter().any(|key| key.contains(":balances:1")), "{:?}", keys(&story.redis));
    BankViews::fold(&story.events).revised("EUR").balances_hold(&story.redis).unwrap();
    assert_eq!(host.terminate(), Some(0));
}
