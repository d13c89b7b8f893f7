//! Installations as others have left them, without any host: views of every kind, and rebuilds that stand still.

use std::collections::BTreeMap;

use insta::assert_snapshot;
use lantern::control::{Beginning, Built, Deployment, Generation, Rebuild, Registry, Stage, Wanted, plan};
use lantern::projection::{Description, Kind, Ordering, View};
use lantern::store::redis::{Redis, RedisRegistry};
use lantern_tests::{LogDir, Operator, RedisServer};
use redis::cmd;
use serde_json::{Value, json};

/// How often all is lost while the records are read.
const LOSSES: usize = 300;

/// A projection of which generation 1 is live and was built once.
fn deployment() -> Deployment {
    let view = |name: &str, kind, keyed, capacity| View { name: name.into(), kind, keyed, capacity };
    let description = Description {
        name: "feed".into(),
        revision: 1,
        topics: vec!["events".into()],
        ordering: Ordering::Partition,
        views: vec![
            view("names", Kind::Set, false, 0),
            view("latest", Kind::List, false, 3),
            view("timeline", Kind::List, true, 3),
            view("greeting", Kind::Value, true, 0),
        ],
    };
    let wanted = Wanted {
        name: "feed".into(),
        module: "3f0c5a9b12cd".repeat(5),
        description,
        topics: None,
        prefix: None,
        from: Beginning::Earliest,
        starts: BTreeMap::new(),
        on_error: None,
        limits: None,
        max_parked: None,
        config: None,
        keep_old_seconds: None,
        allow_loss: false,
        anew: false,
        rebuild: Rebuild::default(),
    };
    let mut deployment = plan(&wanted, &BTreeMap::new(), 0).unwrap().after;
    deployment.generations.get_mut(&1).unwrap().built = Some(Built { events: 2, milliseconds: 1 });
    deployment
}

/// Its one generation.
fn generation() -> Generation {
    deployment().generations[&1].clone()
}

/// A Redis in which the record stands, with what else the lines say.
fn left_behind(deployment: &Deployment, commands: &[&[&str]]) -> RedisServer {
    let redis = RedisServer::start();
    leave_behind(&redis, deployment);
    for words in commands {
        redis.query::<redis::Value>(cmd(words[0]).arg(&words[1..])).unwrap();
    }
    redis
}

fn leave_behind(redis: &RedisServer, deployment: &Deployment) {
    let record = serde_json::to_string(deployment).unwrap();
    redis.query::<()>(cmd("SET").arg("lantern:deployment:feed").arg(record)).unwrap();
    redis.query::<()>(cmd("SADD").arg("lantern:deployments").arg("feed")).unwrap();
}

/// Views of every kind that has no example plugin.
fn feed() -> RedisServer {
    left_behind(
        &deployment(),
        &[
            &["SADD", "feed:names", "ada", "grace"],
            &["LPUSH", "feed:latest", r#"{"n":1}"#, r#"{"n":2}"#],
            &["SADD", "lantern:keys:feed:1:timeline", "ada", "expired"],
            &["LPUSH", "feed:timeline:ada", "first", "second"],
            &["SADD", "lantern:keys:feed:1:greeting", "ada", "grace"],
            &["SET", "feed:greeting:ada", "hello\u{1b}[2J"],
            &["SET", "feed:greeting:grace", r#"{"text":"hi"}"#],
        ],
    )
}

#[test]
fn every_kind_of_view_is_shown_as_what_it_is() {
    let redis = feed();
    let show = |args: &[&str]| {
        let said = Operator::of(&redis).tries(&[&["view", "feed"], args].concat());
        assert_eq!(said.code, Some(0), "{said:?}");
        said.stdout + &said.stderr
    };
    assert_snapshot!(show(&[]), @r"
    NAME      KIND          COUNT  KEY
    names     set               2  feed:names
    latest    list              2  feed:latest
    timeline  keyed list   2 keys  feed:timeline:<KEY>
    greeting  keyed value  2 keys  feed:greeting:<KEY>
    ");
    assert_eq!(show(&["names"]), "ada\ngrace\n");
    assert_eq!(show(&["latest"]), "{\"n\":2}\n{\"n\":1}\n");
    assert_eq!(show(&["latest", "--limit", "1"]), "{\"n\":2}\n1 more (hint: --limit)\n");
    assert_snapshot!(show(&["timeline"]), @r"
    ada
    these are keys (hint: lantern view feed timeline --key KEY shows what one holds)
    ");
    assert_eq!(show(&["timeline", "--key", "ada"]), "second\nfirst\n");
    assert_eq!(show(&["timeline", "--key", "nobody"]), "");
    assert_eq!(show(&["greeting"]), "ada    hello\\u{1b}[2J\ngrace  {\"text\":\"hi\"}\n");
    assert_eq!(
        show(&["greeting", "grace", "--json"]).parse::<Value>().unwrap()["records"],
        json!([{ "id": "grace", "value": { "text": "hi" } }])
    );
    assert_eq!(show(&["greeting", "--key", "grace"]), "{\"text\":\"hi\"}\n");
    assert_eq!(show(&["names", "ada", "--json"]).parse::<Value>().unwrap()["records"], json!([{ "id": "ada" }]));
}

#[test]
fn records_that_a_view_cannot_have_are_refused() {
    let redis = feed();
    let refused = |args: &[&str]| Operator::of(&redis).tries(&[&["view", "feed"], args].concat()).refusal();
    assert_snapshot!(refused(&["latest", "1"]), @r"
    exit code 2
    error: view `latest` is a list, whose entries have no ids
    hint: say with --limit how many of the newest to show
    ");
    assert_snapshot!(refused(&["greeting", "nobody", "noone"]), @r"
    exit code 1
    error: view `greeting` has no record `nobody` or `noone`
    hint: `lantern view feed greeting` shows some
    ");
    assert_snapshot!(refused(&["greeting", "ada", "--key", "ada"]), @r"
    exit code 2
    error: view `greeting` is a keyed value: its ids are its keys
    hint: give either --key or ids
    ");
    assert_snapshot!(refused(&["timeline", "ada"]), @r"
    exit code 2
    error: view `timeline` is a keyed list, whose entries have no ids
    hint: say with --limit how many of the newest to show
    ");
}

fn status(deployment: &Deployment, commands: &[&[&str]], log: &LogDir) -> Value {
    let redis = left_behind(deployment, commands);
    let said = Operator::of(&redis).tries(&["status", "feed", "--json", "--source", &log.url()]);
    let hint = "no host is alive: nothing moves (hint: lantern run)\n";
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), hint));
    said.json()["projections"][0].take()
}

#[test]
fn a_rebuild_is_told_from_the_records_alone() {
    let log = LogDir::new();
    log.create_topic("events", 1);
    log.append_raw("events", 0, &"{\"timestamp\":1,\"payload\":1}\n".repeat(8));
    let lanes: [&[&str]; 4] = [
        &["SADD", "lantern:lanes:feed:1", "0"],
        &["HSET", "lantern:lane:feed:1:0", "epoch", "1", "events/0", "8 1"],
        &["SADD", "lantern:lanes:feed:2", "0"],
        &["HSET", "lantern:lane:feed:2:0", "epoch", "1", "events/0", "6 1"],
    ];
    let with_next = |stage, finding: Option<&str>| {
        let next = Generation { stage, finding: finding.map(str::to_owned), ..generation() };
        Deployment { last: 2, generations: [(1, generation()), (2, next)].into(), ..deployment() }
    };
    let rebuild = json!({
        "generation": 2, "state": "building", "applied": 6, "total": 8, "events_per_second": 0.0, "eta_seconds": null
    });

    let building = status(&with_next(Stage::Building, None), &lanes, &log);
    assert_eq!((&building["state"], &building["rebuild"]), (&json!("rebuilding"), &rebuild));
    assert_eq!((&building["lag"], &building["lag_seconds"]), (&json!(0), &json!(0.0)));

    let held = status(&with_next(Stage::Held, Some("1 missing")), &lanes, &log);
    assert_eq!((&held["state"], &held["rebuild"]["state"]), (&json!("rebuilding"), &json!("held")));
    assert_eq!(held["rebuild"]["finding"], "1 missing");

    let failed = status(&with_next(Stage::Failed, Some("it trapped")), &lanes[..2], &log);
    assert_eq!((&failed["state"], &failed["rebuild"]["state"]), (&json!("live"), &json!("failed")));
    assert_eq!(
        (&failed["rebuild"]["finding"], &failed["rebuild"]["applied"]),
        (&json!("it trapped"), &Value::Null)
    );
}

#[test]
fn what_an_operator_has_done_is_a_state() {
    let log = LogDir::new();
    log.create_topic("events", 1);
    let state = |deployment: &Deployment, commands: &[&[&str]]| {
        let seen = status(deployment, commands, &log);
        (seen["state"].as_str().unwrap().to_owned(), seen["error"].clone())
    };
    let word = |word: &str| (word.to_owned(), Value::Null);
    assert_eq!(state(&deployment(), &[]), word("live"));
    assert_eq!(state(&Deployment { paused: true, ..deployment() }, &[]), word("paused"));
    let gone = Generation { stage: Stage::Dropped, ..generation() };
    let removing = Deployment { removing: true, generations: [(1, gone)].into(), ..deployment() };
    assert_eq!(state(&removing, &[]), word("undeploying"));
    let swept = Deployment { generations: BTreeMap::new(), ..removing };
    assert_eq!(state(&swept, &[]), word("undeploying"));
    let unbuilt =
        Deployment { generations: [(1, Generation { built: None, ..generation() })].into(), ..deployment() };
    assert_eq!(state(&unbuilt, &[]), word("building"));
    let fault: &[&str] = &["HSET", "lantern:faults", "feed:1:0", "no such topic"];
    assert_eq!(state(&deployment(), &[fault]), ("stopped".to_owned(), json!("no such topic")));
}

/// A host that found its installation and no projection in it would have nothing to write back.
#[tokio::test]
async fn a_loss_is_not_taken_for_an_installation_without_projections() {
    let (redis, deployment) = (RedisServer::start(), deployment());
    let registry = RedisRegistry::new(Redis::new(&redis.url()).unwrap());
    for _ in 0..LOSSES {
        leave_behind(&redis, &deployment);
        redis.query::<()>(cmd("HSET").arg("lantern:installation").arg("id").arg("bank")).unwrap();
        let mut other = redis.connect();
        let loss = tokio::task::spawn_blocking(move || cmd("FLUSHALL").query::<()>(&mut other).unwrap());
        let seen = registry.load().await.unwrap();
        loss.await.unwrap();
        assert!(seen.installation.is_none() || !seen.deployments.is_empty(), "{seen:?}");
    }
}
