//! `lantern deploy`, to hosts that run and before there is one.

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
    let mut story = bank(50_000);
    let mut host = story.host().batch_events(10).start();
    deploy(&story, "balances", []).done();
    host.until("it is in the middle", || story.is_past(10_000));
    let out = deploy(&story, "balances-hot", []).done();
    assert_eq!(out, "balances: swap in place at the checkpoint, same revision\n");
    more(&mut story, 2);
    story.expect_exact(&mut host);
    assert_eq!(story.redis.generation("balances"), Some(1));
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

    let mut host = story.host().start();
    deploy(&story, "balances", ["--wait"]).done();
    deploy(&story, "balances-v2", ["--hold", "--wait"]).done();
    assert_eq!(host.terminate(), Some(0));
    let record = || story.redis.query::<String>(redis::cmd("GET").arg("lantern:deployment:balances")).unwrap();
    let history = || story.redis.query::<u64>(redis::cmd("XLEN").arg("lantern:history")).unwrap();
    let before = (keys(&story.redis), record(), history());
    deploy(&story, "balances", ["--plan"]).done();
    let commands = [
        ["promote", "balances", "--plan"],
        ["cancel", "balances", "--plan"],
        ["pause", "balances", "--plan"],
        ["resume", "balances", "--plan"],
        ["undeploy", "balances", "--plan"],
        ["gc", "balances", "--plan"],
    ];
    for command in commands {
        story.operator().tries(&command).done();
    }
    assert_eq!((keys(&story.redis), record(), history()), before);
}
