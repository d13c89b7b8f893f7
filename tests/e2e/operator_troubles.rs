//! What an operator sees in bad times: without hosts, source or Redis, and after asking for what is not there.

use insta::assert_snapshot;
use lantern_tests::eventually::NET;
use lantern_tests::{Event, LogDir, Operator, RedisServer, Source};
use serde_json::{Value, json};

use crate::operator_read::{Stage, start};

#[test]
fn without_a_host_the_records_tell() {
    let mut stage = Stage::new(Source::log(), 100);
    assert_eq!(stage.host.terminate(), Some(0));
    stage.story.append(stage.more(2, 50));

    let status = stage.ask(&["status", "balances", "--json"]);
    assert_eq!(status.stderr, "no host is alive: nothing moves (hint: lantern run)\n");
    let projection = &status.json()["projections"][0];
    assert_eq!((&projection["state"], &projection["lag"]), (&json!("live"), &json!(50)));
    assert!(projection["lag_seconds"].as_f64().unwrap() > 0.0, "{projection}");
    assert_eq!(projection["lanes"][0]["host"], Value::Null);

    let waits = stage.ask(&["wait", "balances", "--caught-up", "--timeout", "100ms"]);
    assert_eq!(waits.code, Some(1));
    assert!(waits.stderr.starts_with("no host is alive: nothing moves"), "{}", waits.stderr);
}

#[test]
fn without_the_source_the_ends_are_not_known() {
    let stage = Stage::new(Source::log(), 100);
    let nothing = LogDir::new();
    let status = stage.ask(&["status", "balances", "--json", "--source", &nothing.url()]);
    assert!(status.stderr.starts_with("where topics end is not known: topic `"), "{}", status.stderr);
    let projection = &status.json()["projections"][0];
    let lane = &projection["lanes"][1];
    let checkpoint = stage.story.ends()[&format!("{}/1", stage.story.topic)];
    assert_eq!((&projection["state"], &lane["end"]), (&json!("live"), &Value::Null));
    assert_eq!((&lane["checkpoint"], lane["host"].is_string()), (&json!(checkpoint), true));
}

#[test]
fn what_has_stopped_says_why() {
    let mut stage = Stage::new(Source::log(), 100);
    stage.story.append(vec![Event::plain(1, r#"{"type":"MoneyDeposited","account":"acc-1","amount":"lots"}"#)]);
    let mut waiting = start(&stage.story.redis, &["wait", "balances", "--caught-up"]);

    assert_eq!(waiting.exit_code(NET), Some(1));
    // A host of which every projection has stopped ends, and who asks after that is told so too.
    let told = waiting.stderr();
    let is_why = |line: &str| line.starts_with("error: projection `balances` is stopped: event ");
    assert!(told.lines().any(is_why), "{told}");
    let projection = &stage.ask(&["status", "balances", "--json"]).json()["projections"][0];
    assert_eq!((&projection["state"], &projection["lag"]), (&json!("stopped"), &json!(1)));
    assert!(projection["error"].as_str().unwrap().contains("lots"), "{projection}");
    let doctor = stage.ask(&["doctor"]);
    assert_eq!(doctor.code, Some(1));
    assert!(
        stage.steady(&doctor.stdout).contains("problem projection balances stopped: event"),
        "{}",
        doctor.stdout
    );
}

#[test]
fn the_doctor_looks_everything_over() {
    let stage = Stage::new(Source::log(), 100);
    let doctor = stage.ask(&["doctor"]);
    assert_eq!(doctor.code, Some(0), "{}{}", doctor.stdout, doctor.stderr);
    let Source::Log(log) = &stage.story.source else { unreachable!("the story is told by a log") };
    let text = stage.steady(&doctor.stdout).replace(&log.path().display().to_string(), "[DIR]");
    let text = text.replace(&stage.story.redis.url(), "[REDIS]");
    let stands = |line: &&str| !line.starts_with("ok version ");
    assert_snapshot!(text.lines().filter(stands).collect::<Vec<_>>().join("\n"), @r"
    VERDICT CHECK FINDING
    ok redis [REDIS]/0 answers
    ok eviction noeviction
    warning persistence none (hint: after a restart views come back by a replay, and deployments from hosts that are alive or `lantern apply`; CONFIG SET appendonly yes keeps both)
    ok clock Redis's clock and this machine's agree
    ok writing scripts run, and may write
    ok news changes are heard of at once
    ok rights the user may do all that a host and an operator have to
    ok source log:[DIR] answers
    ok topics of balances [TOPIC] has 2 partitions
    ok topics of leaderboard [TOPIC] has 2 partitions
    ok history of [TOPIC] complete from offset zero
    ok hosts 1 is alive, version 0.1.0
    ok projection balances live
    ok projection leaderboard live
    ");

    stage
        .story
        .redis
        .query::<()>(redis::cmd("CONFIG").arg("SET").arg("maxmemory-policy").arg("allkeys-lru"))
        .unwrap();
    let checks = stage.ask(&["doctor", "--json"]);
    assert_eq!(checks.code, Some(1));
    let checks = checks.json();
    let problem = checks["checks"].as_array().unwrap().iter().find(|check| check["verdict"] == "problem").unwrap();
    assert_eq!((&problem["check"], &problem["finding"]), (&json!("eviction"), &json!("allkeys-lru")));
}

#[test]
fn nothing_is_deployed_yet() {
    let redis = RedisServer::start();
    for args in [["list", "--json"], ["status", "--json"]] {
        let answer = Operator::of(&redis).tries(&args);
        assert_eq!((answer.code, answer.json()), (Some(0), json!({ "projections": [] })));
        assert_eq!(answer.stderr, "nothing is deployed yet (hint: lantern deploy FILE.wasm)\n");
    }
    assert_eq!(Operator::of(&redis).tries(&["history", "--json"]).json(), json!({ "history": [] }));
    assert_snapshot!(Operator::of(&redis).tries(&["view", "balances"]).refusal(), @r"
    exit code 3
    error: there is no projection `balances`
    hint: nothing is deployed yet: `lantern deploy FILE.wasm`
    ");
}

#[test]
fn names_that_are_not_there() {
    let stage = Stage::new(Source::log(), 100);
    for args in [
        &["status", "balance"][..],
        &["history", "balance"],
        &["view", "balance"],
        &["wait", "balance", "--caught-up"],
        &["status", "balance", "--watch"],
    ] {
        assert_eq!(
            stage.ask(args).refusal(),
            "exit code 3\nerror: there is no projection `balance`\nhint: did you mean `balances`?\n"
        );
    }
    assert_snapshot!(stage.ask(&["view", "balances", "acounts"]).refusal(), @r"
    exit code 2
    error: projection `balances` has no view `acounts`
    hint: did you mean `accounts`?
    ");
    assert_snapshot!(stage.ask(&["view", "balances", "nothing-like-it"]).refusal(), @r"
    exit code 2
    error: projection `balances` has no view `nothing-like-it`
    hint: it has accounts, totals
    ");
    assert_snapshot!(stage.ask(&["view", "balances", "accounts", "acc-none"]).refusal(), @r"
    exit code 1
    error: view `accounts` has no record `acc-none`
    hint: `lantern view balances accounts` shows some
    ");
    assert_snapshot!(stage.ask(&["view", "balances", "accounts", "--key", "k"]).refusal(), @r"
    exit code 2
    error: view `accounts` is a table, which is not keyed
    hint: leave --key out
    ");
    let elsewhere = stage.ask(&["wait", "balances", "--at", "elsewhere/0@1"]).refusal();
    assert_snapshot!(elsewhere.replace(&stage.story.topic, "[TOPIC]"), @r"
    exit code 2
    error: projection `balances` does not read elsewhere/0
    hint: it reads [TOPIC]/0, [TOPIC]/1
    ");
    let at = format!("{}/2@1", stage.story.topic);
    assert_snapshot!(stage.ask(&["wait", "balances", "--at", &at]).refusal().replace(&stage.story.topic, "[TOPIC]"), @r"
    exit code 2
    error: projection `balances` does not read [TOPIC]/2
    hint: it reads [TOPIC]/0, [TOPIC]/1
    ");
    assert_snapshot!(stage.ask(&["wait", "balances", "--at", "elsewhere"]).refusal(), @r"
    exit code 2
    error: invalid value 'elsewhere' for '--at <TOPIC/PARTITION@OFFSET>': write TOPIC/PARTITION@OFFSET, such as orders/3@1041

    For more information, try '--help'.
    ");
}

#[test]
fn a_redis_that_is_away() {
    let (redis, log) = (RedisServer::away(), LogDir::new());
    let address = redis.url();
    for args in [
        &["list"][..],
        &["status", "balances"],
        &["status", "--watch"],
        &["history"],
        &["view", "balances"],
        &["wait", "balances", "--caught-up"],
    ] {
        let refusal = Operator::of(&redis).tries(args).refusal().replace(&address, "[REDIS]");
        assert_eq!(
            refusal,
            "exit code 1\nerror: [REDIS]/0 is away: Connection refused (os error 111)\nhint: check the address, and that it is running\n",
        );
    }
    let doctor = Operator::of(&redis).tries(&["doctor", "--source", &log.url()]);
    assert_eq!(doctor.code, Some(1));
    assert!(doctor.stdout.contains("Connection refused"), "{}", doctor.stdout);
    assert!(doctor.stdout.contains(&format!("{} answers", log.url())), "{}", doctor.stdout);
}
