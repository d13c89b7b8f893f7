//! What can't be done: each with its exit code, its reason and a hint.

use std::collections::BTreeMap;

use insta::assert_snapshot;

use super::*;

/// `balances` is live; the host has ended.
fn deployed() -> BankStory {
    let story = bank(100);
    let mut host = story.host().start();
    deploy(&story, "balances", ["--wait"]).done();
    assert_eq!(host.terminate(), Some(0));
    story
}

#[test]
fn a_projection_that_is_not_there() {
    let story = deployed();
    for command in ["rebuild", "promote", "cancel", "rollback", "pause", "resume", "gc"] {
        let said = story.operator().tries(&[command, "blances"]).refused();
        let expected =
            "exit code 3\nerror: there is no projection `blances`\nhint: did you mean `balances`?\n".to_owned();
        assert_eq!(said, expected, "{command}");
    }
    assert_snapshot!(Operator::of(&RedisServer::start()).tries(&["undeploy", "balances", "--yes"]).refused(), @r"
    exit code 3
    error: there is no projection `balances`
    hint: nothing is deployed yet: `lantern deploy FILE.wasm`
    ");
}

#[test]
fn a_step_that_is_not_possible() {
    let story = deployed();
    assert_snapshot!(story.operator().tries(&["promote", "balances"]).refused(), @r"
    exit code 4
    error: projection `balances` has no generation that is held
    hint: begin one with `lantern rebuild balances --hold`
    ");
    assert_snapshot!(story.operator().tries(&["rollback", "balances"]).refused(), @r"
    exit code 4
    error: projection `balances` has no old generation to go back to
    hint: the last one is kept after a cutover until `lantern gc`, or for a day; see `lantern history`
    ");
    assert_snapshot!(story.operator().tries(&["cancel", "balances"]).refused(), @r"
    exit code 4
    error: projection `balances` is not being rebuilt
    hint: `lantern status balances` shows its state
    ");
    story.operator().tries(&["rebuild", "balances"]).done();
    assert_snapshot!(story.operator().tries(&["rebuild", "balances"]).refused(), @r"
    exit code 4
    error: projection `balances` is being rebuilt already: generation 2 is building
    hint: see `lantern status balances`, or `lantern cancel balances`
    ");
}

#[test]
fn a_held_generation_that_does_not_follow() {
    let mut story = bank(100);
    let mut host = story.host().start();
    deploy(&story, "balances", ["--wait"]).done();
    story.operator().tries(&["rebuild", "balances", "--hold", "--wait"]).done();
    more(&mut story, 2);
    story.expect_exact(&mut host);
    host.until("the held one has followed", || story.is_built(2, story.events.len() as u64));
    host.kill();
    // As if the held one had stood still all that time.
    let lane = story.redis.keys().into_iter().find(|key| key.starts_with("lantern:lane:balances:2:")).unwrap();
    let (field, _) = story.redis.hash(&lane).into_iter().find(|(field, _)| field.contains('/')).unwrap();
    story.redis.query::<()>(redis::cmd("HSET").arg(&lane).arg(&field).arg("1 0")).unwrap();
    let said = story.operator().tries(&["promote", "balances"]).refused();
    let expected = format!(
        "exit code 1\nerror: generation 2 of projection `balances` is behind: it has come to {field}@1, and"
    );
    assert!(said.starts_with(&expected), "{said}");
}

#[test]
fn a_plugin_that_has_lost_a_view() {
    let story = deployed();
    assert_snapshot!(deploy(&story, "balances-lost", []).refused(), @r"
    exit code 4
    error: the plugin no longer has view `totals`, which readers may read
    hint: if that is meant, say --allow-loss
    ");
    assert_snapshot!(deploy(&story, "balances-lost", ["--allow-loss"]).refused(), @r"
    exit code 4
    error: the plugin's views or ordering have changed, but its revision is still 1
    hint: raise its REVISION, so that its views are rebuilt
    ");
}

#[test]
fn a_plugin_that_has_lost_a_topic() {
    let story = deployed();
    // As if what is deployed read one topic more.
    let record: String = story.redis.query(redis::cmd("GET").arg("lantern:deployment:balances")).unwrap();
    let record =
        record.replace(r#""declared":["account-events"]"#, r#""declared":["account-events","card-events"]"#);
    story.redis.query::<()>(redis::cmd("SET").arg("lantern:deployment:balances").arg(record)).unwrap();
    assert_snapshot!(deploy(&story, "balances-hot", []).refused(), @r"
    exit code 4
    error: the plugin no longer has topic `card-events`
    hint: if that is meant, say --allow-loss
    ");
}

#[test]
fn a_prefix_that_collides() {
    let story = deployed();
    assert_snapshot!(deploy(&story, "balances", ["--name", "other", "--prefix", "balances:"]).refused(), @r"
    exit code 4
    error: the prefix `balances:` collides with `balances:` of projection `balances`
    hint: give one with --prefix of which neither begins with the other
    ");
}

#[test]
fn a_redis_that_is_away() {
    let redis = RedisServer::away();
    let said = |said: Said| said.refused().replace(&redis.url(), "[REDIS]");
    let file = file("balances");
    for said in [
        said(Operator::of(&redis).tries(&["deploy", &file])),
        said(Operator::of(&redis).tries(&["pause", "balances"])),
    ] {
        assert!(said.starts_with("exit code 1\nerror: [REDIS]/0 is away"), "{said}");
        assert!(said.contains("hint: check the address, and that it is running"), "{said}");
    }
}

#[test]
fn a_file_that_is_not_there() {
    assert_snapshot!(Operator::of(&RedisServer::start()).tries(&["deploy", "no/such/file.wasm"]).refused(), @r"
    exit code 1
    error: cannot load no/such/file.wasm: cannot read no/such/file.wasm: No such file or directory (os error 2)
    hint: check the path
    ");
}

#[test]
fn settings_that_are_none() {
    let redis = RedisServer::start();
    let long = format!("{}=x", "k".repeat(257));
    for (setting, fault) in
        [("currency", "it has no `=`"), ("=EUR", "a key is empty"), (&long, "a key has 257 bytes")]
    {
        let said = Operator::of(&redis).tries(&["deploy", "balances.wasm", "--set", setting]).refused();
        assert!(said.starts_with("exit code 2\n") && said.contains(fault), "{said}");
    }
    let said = Operator::of(&redis).tries(&["deploy", "balances.wasm", "--on-error", "drop"]).refused();
    assert!(said.contains("[possible values: stop, skip, park]"), "{said}");
}

#[test]
fn nobody_to_ask() {
    let story = deployed();
    assert_snapshot!(story.operator().tries(&["undeploy", "balances"]).refused(), @r"
    exit code 2
    error: nobody can be asked whether to undeploy it
    hint: say so: lantern undeploy balances --yes
    ");
}

#[test]
fn eight_operators_at_once() {
    let story = deployed();
    let start = |n: u32| {
        let value = format!("who{n}=1");
        let args =
            ["deploy", &file("balances"), "--topic", &story.topic, "--set", &value, "--redis", &story.redis.url()];
        Host::cli(args)
    };
    let mut operators: Vec<Host> = (0..8).map(start).collect();
    for operator in &mut operators {
        assert_eq!(operator.exit_code(NET), Some(0), "{}", operator.stderr());
    }
    let record: String = story.redis.query(redis::cmd("GET").arg("lantern:deployment:balances")).unwrap();
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    let all: BTreeMap<String, String> = (0..8).map(|n| (format!("who{n}"), "1".to_owned())).collect();
    assert_eq!(record["generations"]["1"]["config"], serde_json::json!(all), "nobody's change is lost");
    let history = story.operator().tries(&["history", "balances", "--json"]).done();
    let history: serde_json::Value = serde_json::from_str(&history).unwrap();
    let entries = history["history"].as_array().unwrap().iter();
    assert_eq!(entries.filter(|entry| entry["action"] == "deploy").count(), 9, "{history}");
}
