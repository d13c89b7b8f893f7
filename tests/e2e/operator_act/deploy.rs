//! `lantern deploy`, to hosts that run and before there is one.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;

#[test]
fn a_first_deployment_before_there_is_a_host() {
    let story = bank(1_000);
    let said = deploy(&story, "balances", []);
    assert!(said.stderr.contains("no host is alive yet"), "{said:?}");
    let topic = &story.topic;
    let expected =
        format!("balances: new (revision 1, topics {topic}): how many events there are to apply is not known\n");
    assert_eq!(said.done(), expected);

    let mut host = story.host().start();
    story.expect_exact(&mut host);
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn a_deployment_to_a_host_that_runs() {
    let story = bank(5_000);
    let mut host = story.host().start();
    host.until("it has written the installation down", || match story.redis.keys().is_empty() {
        true => Err("there is no key".to_owned()),
        false => Ok(()),
    });
    let out = deploy(&story, "balances", ["--wait"]).done();
    assert!(out.contains("5,000 events to apply") && out.ends_with("balances: generation 1 is live\n"), "{out}");
    story.expect_exact(&mut host);
    assert_eq!(deploy(&story, "balances", []).done(), "balances: nothing to do\n");
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn a_swap_loses_and_repeats_nothing() {
    let mut story = bank(1_000);
    let mut host = story.host().batch_events(10).start();
    deploy(&story, "balances", ["--wait"]).done();
    swap_at_work(&mut story, &mut host, |story| deploy(story, "balances-hot", []));
    more(&mut story, 3);
    story.expect_exact(&mut host);
    assert_eq!(story.redis.generation("balances"), Some(1));
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn what_comes_after_a_swap_is_applied_by_the_new_plugin() {
    let mut story = bank(1_000);
    let mut host = story.host().batch_events(10).start();
    deploy(&story, "balances-v2", ["--set", "currency=USD", "--wait"]).done();
    swap_at_work(&mut story, &mut host, |story| deploy(story, "balances-v2", ["--set", "currency=CHF"]));
    let opened = |n| format!(r#"{{"type":"AccountOpened","account":"new-{n}","owner":"Emmy"}}"#);
    story.append((0..20).map(|n| Event::keyed(&format!("new-{n}"), story.partitions, opened(n))).collect());

    host.until("balances has caught up", || story.caught_up("balances"));
    let mut views = BankViews::fold(&story.events).revised("USD");
    let new = views.accounts.iter_mut().filter(|(account, _)| account.starts_with("new-"));
    new.for_each(|(_, account)| account["currency"] = json!("CHF"));
    assert_eq!(views.balances_hold(&story.redis), Ok(()));
    assert_eq!(host.terminate(), Some(0));
}

/// Deploys what takes the place of the present plugin while many events wait to be applied, and waits until it has.
#[track_caller]
fn swap_at_work(story: &mut BankStory, host: &mut Host, deploy: impl FnOnce(&BankStory) -> Said) {
    // While the host stands still, nothing is applied.
    host.pause();
    let bank = Bank { seed: 2, events: 20_000, accounts: 100, partitions: 4, ..Bank::default() };
    story.append(bank.events().collect());
    let before = epochs(story);
    assert_eq!(deploy(story).done(), "balances: swap in place at the checkpoint, same revision\n");
    assert!(story.caught_up("balances").is_err(), "the swap comes amidst events");
    host.resume();
    host.until("every lane has begun anew", || {
        let now = epochs(story);
        let all = before.iter().all(|(lane, epoch)| now.get(lane).is_some_and(|now| now > epoch));
        if all { Ok(()) } else { Err(format!("{before:?} and now {now:?}")) }
    });
}

/// Lanes of the first generation, and how often each has begun.
fn epochs(story: &BankStory) -> BTreeMap<u32, u64> {
    let epoch = |lane: u32| {
        let epoch = story.redis.field(&format!("lantern:lane:balances:1:{lane}"), "epoch");
        (lane, epoch.expect("every lane has begun").parse().unwrap())
    };
    (0..story.partitions).map(epoch).collect()
}

#[test]
fn another_configuration_is_a_swap() {
    let story = bank(1_000);
    let mut host = story.host().start();
    deploy(&story, "balances-v2", ["--set", "currency=USD", "--wait"]).done();
    let plan = deploy(&story, "balances-v2", ["--set", "currency=", "--plan"]).done();
    let swap = "balances: swap in place at the checkpoint, same revision\n";
    assert_eq!(plan, format!("{swap}  configuration currency=USD → none\n"));
    assert_eq!(deploy(&story, "balances-v2", ["--set", "currency="]).done(), swap);
    assert_eq!(deploy(&story, "balances-v2", []).done(), "balances: nothing to do\n");
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn another_revision_takes_over_and_the_first_can_be_returned_to() {
    let mut story = bank(5_000);
    let mut host = story.host().start();
    deploy(&story, "balances", ["--wait"]).done();
    let said = deploy(&story, "balances-v2", ["--wait"]);
    let progress = said.stderr.clone();
    let out = said.done();
    let line = "balances: rebuild as generation 2 (revision 1 → 2): 5,000 events to replay, about ";
    assert!(out.starts_with(line) && out.ends_with("\nbalances: generation 2 is live\n"), "{out}{progress}");
    BankViews::fold(&story.events).revised("EUR").balances_hold(&story.redis).unwrap();

    let back = story.operator().tries(&["rollback", "balances"]).done();
    assert_eq!(back, "balances: generation 1 becomes the live one again, generation 2 is kept\n");
    BankViews::fold(&story.events).balances_hold(&story.redis).unwrap();
    assert_eq!(story.redis.generation("balances"), Some(1));
    more(&mut story, 2);
    story.expect_exact(&mut host);

    let forth = story.operator().tries(&["rollback", "balances"]).done();
    assert_eq!(forth, "balances: generation 2 becomes the live one again, generation 1 is kept\n");
    host.until("it has caught up with what came meanwhile", || {
        BankViews::fold(&story.events).revised("EUR").balances_hold(&story.redis)
    });
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn a_plan_changes_nothing() {
    let story = bank(1_000);
    let none = keys(&story.redis);
    let said = deploy(&story, "balances", ["--plan"]);
    assert!(said.stderr.contains("only a plan"), "{said:?}");
    said.done();
    assert_eq!(keys(&story.redis), none);

    let start = story.host();
    let mut host = start.start();
    deploy(&story, "balances", ["--wait"]).done();
    deploy(&story, "balances-v2", ["--wait"]).done();
    assert_eq!(host.terminate(), Some(0));
    let record = || story.redis.query::<String>(redis::cmd("GET").arg("lantern:deployment:balances")).unwrap();
    let history = || story.redis.query::<u64>(redis::cmd("XLEN").arg("lantern:history")).unwrap();
    let only_planned = |command: &[&str]| {
        let before = (keys(&story.redis), record(), history());
        let said = story.operator().tries(command);
        assert!(said.stderr.contains("only a plan"), "{said:?}");
        assert_eq!((keys(&story.redis), record(), history()), before, "{said:?}");
        said.done()
    };
    let (_scratch, toml) = manifest(&apply::balances(&story, "balances-hot"));
    let planned = only_planned(&["apply", &toml, "--plan"]);
    assert!(planned.starts_with("balances  rebuild as generation 3 (revision 2 → 1)"), "{planned}");
    let planned = only_planned(&["rebuild", "balances", "--plan"]);
    assert!(planned.starts_with("balances: rebuild as generation 3 (revision 2): 1,000 events"), "{planned}");
    let planned = only_planned(&["rollback", "balances", "--plan"]);
    let back = "balances: generation 1 becomes the live one again, generation 2 is kept\n";
    assert_eq!(planned, back);
    only_planned(&["deploy", &file("balances"), "--topic", &story.topic, "--plan"]);
    for command in ["pause", "resume", "undeploy", "gc"] {
        only_planned(&[command, "balances", "--plan"]);
    }

    let mut host = start.start();
    story.operator().tries(&["rebuild", "balances", "--hold", "--wait"]).done();
    assert_eq!(host.terminate(), Some(0));
    for command in ["promote", "cancel"] {
        only_planned(&[command, "balances", "--plan"]);
    }
}
