//! A cutover in chunks, of keyed views that have more structures than may move in one step: step by step, as hosts and
//! commands make it, and with a crash between any two of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use lantern::control::{Change, Deployment, Entry, Outcome, Recorded, Registry, Snapshot, Stage, steps};
use lantern::projection::{Description, Kind, Ordering, View};
use lantern::store::redis::{Redis, RedisRegistry};
use redis::{cmd, pipe};

use super::*;
use crate::deployed::REFUSED;

/// More structures than move in one step, in either generation; some are in both.
const FIRST: std::ops::Range<u32> = 0..6_000;
const SECOND: std::ops::Range<u32> = 1_000..8_000;

/// Who looks at the records next: after a crash, somebody else.
fn registry(redis: &RedisServer) -> RedisRegistry {
    RedisRegistry::new(Redis::new(&redis.url()).unwrap())
}

async fn recorded(registry: &RedisRegistry) -> (Snapshot, Arc<Recorded>) {
    let snapshot = registry.load().await.unwrap();
    let recorded = snapshot.deployments["feeds"].clone();
    (snapshot, recorded)
}

async fn write(registry: &RedisRegistry, before: Option<Arc<Recorded>>, after: Deployment) -> Outcome {
    let entry = Entry { projection: "feeds".into(), ..Entry::default() };
    registry.change(&Change { before, after: Some(after), reached: None, entry }).await.unwrap()
}

/// Generation 1 is live and 2 is held, with a table for each of their keys.
async fn held(redis: &RedisServer) -> RedisRegistry {
    use lantern::control::{Beginning, Rebuild, Wanted, plan};
    let registry = registry(redis);
    let view = |name: &str, keyed| View { name: name.into(), kind: Kind::Table, keyed, capacity: 0 };
    let wanted = |module: &str, revision| Wanted {
        name: "feeds".into(),
        module: module.into(),
        description: Description {
            name: "feeds".into(),
            revision,
            topics: vec!["t".into()],
            ordering: Ordering::Partition,
            views: vec![view("names", false), view("feed", true)],
        },
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
    let first = plan(&wanted("m1", 1), &BTreeMap::new(), 0).unwrap().after;
    assert_eq!(write(&registry, None, first.clone()).await, Outcome::Done);
    let present = BTreeMap::from([("feeds".to_owned(), &first)]);
    let both = steps::hold(&plan(&wanted("m2", 2), &present, 0).unwrap().after, None, None).unwrap();
    let (_, before) = recorded(&registry).await;
    assert_eq!(write(&registry, Some(before), both).await, Outcome::Done);
    for (generation, prefix, keys) in [(1, "feeds:", FIRST), (2, "lantern:views:feeds:2:", SECOND)] {
        let mut pipeline = pipe();
        pipeline.cmd("HSET").arg(format!("{prefix}names")).arg("of").arg(generation).ignore();
        for key in keys {
            pipeline.cmd("HSET").arg(format!("{prefix}feed:{key}")).arg("of").arg(generation).ignore();
            pipeline.cmd("SADD").arg(format!("lantern:keys:feeds:{generation}:feed")).arg(key).ignore();
        }
        let mut connection = redis::Client::open(redis.url()).unwrap().get_connection().unwrap();
        pipeline.query::<()>(&mut connection).unwrap();
    }
    registry
}

/// Of which generation a structure is.
fn of(redis: &RedisServer, key: &str) -> Option<u32> {
    redis.field(key, "of").map(|generation| generation.parse().unwrap())
}

/// All structures are where they belong when one generation is live and the other is old.
fn expect_in_place(redis: &RedisServer, live: u32) {
    let old = 3 - live;
    let keys = |generation| if generation == 1 { FIRST } else { SECOND };
    let seen = |key: String| of(redis, &key);
    assert_eq!(seen("feeds:names".into()), Some(live));
    for key in 0..SECOND.end {
        let expected = |generation: u32| keys(generation).contains(&key).then_some(generation);
        assert_eq!(seen(format!("feeds:feed:{key}")), expected(live), "{key}");
        assert_eq!(seen(format!("lantern:views:feeds:{old}:feed:{key}")), expected(old), "{key}");
    }
    for generation in [1, 2] {
        let listed: u32 = redis.query(cmd("SCARD").arg(format!("lantern:keys:feeds:{generation}:feed"))).unwrap();
        assert_eq!(listed, keys(generation).len() as u32);
    }
    assert!(!redis.keys().iter().any(|key| key.starts_with("lantern:moved:")));
}

/// Begins to move, and makes so many steps of it.
async fn begin(registry: &RedisRegistry, to: u64, chunks: usize) {
    let (_, before) = recorded(registry).await;
    let after = steps::move_in(&before.deployment, to).unwrap();
    assert_eq!(write(registry, Some(before), after).await, Outcome::Done);
    let (_, moving) = recorded(registry).await;
    for _ in 0..chunks {
        assert_eq!(registry.move_some(&moving).await.unwrap(), Some(500));
    }
}

async fn go_on(registry: &RedisRegistry) {
    let (snapshot, moving) = recorded(registry).await;
    while registry.move_some(&moving).await.unwrap().unwrap() > 0 {}
    let after = steps::moved(&moving.deployment, snapshot.now).unwrap();
    assert_eq!(write(registry, Some(moving), after).await, Outcome::Done);
}

#[tokio::test]
async fn too_many_structures_do_not_move_in_one_step() {
    let redis = RedisServer::start();
    let registry = held(&redis).await;
    let (snapshot, before) = recorded(&registry).await;
    let after = steps::promote(&before.deployment, snapshot.now).unwrap();
    let outcome = write(&registry, Some(before.clone()), after).await;
    assert_eq!(outcome, Outcome::TooMany { structures: 13_000, limit: 10_000 });
    assert_eq!(recorded(&registry).await.1, before, "nothing was done");

    let said = Operator::of(&redis).tries(&["promote", "feeds"]).refused();
    assert!(
        said.starts_with("exit code 4\nerror: projection `feeds` cannot change its generation in one"),
        "{said}"
    );
    assert!(said.contains("lantern promote feeds --chunked"), "{said}");
    Operator::of(&redis).tries(&["promote", "feeds", "--chunked"]).done();
    expect_in_place(&redis, 2);
    Operator::of(&redis).tries(&["rollback", "feeds", "--chunked"]).done();
    expect_in_place(&redis, 1);
}

#[tokio::test]
async fn whoever_comes_after_a_crash_goes_on() {
    for chunks in [0, 1, 5, 14] {
        let redis = RedisServer::start();
        begin(&held(&redis).await, 2, chunks).await;
        let said = Operator::of(&redis).tries(&["cancel", "feeds"]).refused();
        assert!(said.starts_with("exit code 4\nerror: projection `feeds` is moving to generation 2"), "{said}");
        go_on(&registry(&redis)).await;
        expect_in_place(&redis, 2);

        // And back.
        begin(&registry(&redis), 1, chunks.min(12)).await;
        Operator::of(&redis).tries(&["promote", "feeds"]).done();
        expect_in_place(&redis, 1);
        let (_, after) = recorded(&registry(&redis)).await;
        assert_eq!(after.deployment.generations[&2].stage, Stage::Old);
    }
}

#[tokio::test]
async fn a_host_goes_on_too() {
    let (redis, log) = (RedisServer::start(), Source::log());
    begin(&held(&redis).await, 2, 3).await;
    let mut host = Host::run(&log.url(), &redis).start();
    let of = || redis.field("lantern:checkpoints:feeds", "generation");
    host.until("readers read the second", || match of() {
        Some(generation) if generation == "2" => Ok(()),
        other => Err(format!("they read {other:?}")),
    });
    expect_in_place(&redis, 2);
    assert_eq!(host.terminate(), Some(0));
}

#[tokio::test]
async fn no_key_is_ever_missing_that_both_have() {
    let redis = RedisServer::start();
    let registry = held(&redis).await;
    begin(&registry, 2, 0).await;
    let (_, moving) = recorded(&registry).await;
    while registry.move_some(&moving).await.unwrap().unwrap() > 0 {
        for key in (SECOND.start..FIRST.end).step_by(97) {
            assert!(of(&redis, &format!("feeds:feed:{key}")).is_some(), "{key}");
        }
    }
    assert_eq!(of(&redis, "feeds:names"), Some(1), "what is no keyed view moves at the end");
}

#[tokio::test]
async fn nothing_moves_when_the_record_has_changed() {
    let redis = RedisServer::start();
    let registry = held(&redis).await;
    begin(&registry, 2, 1).await;
    let (_, moving) = recorded(&registry).await;
    write(&registry, Some(moving.clone()), steps::pause(&moving.deployment).unwrap()).await;
    assert_eq!(registry.move_some(&moving).await.unwrap(), None);
    go_on(&registry).await;
    expect_in_place(&redis, 2);
}

#[tokio::test]
async fn two_who_move_at_once_do_no_harm() {
    let redis = RedisServer::start();
    begin(&held(&redis).await, 2, 0).await;
    let commands: Vec<_> = (0..2).map(|_| Host::cli(["promote", "feeds", "--redis", &redis.url()])).collect();
    let codes: Vec<_> = commands.into_iter().map(|mut command| command.exit_code(NET)).collect();
    // Whoever begins when the other is through finds nothing to promote.
    assert!(codes.contains(&Some(0)), "{codes:?}");
    assert!(codes.iter().all(|code| [Some(0), Some(REFUSED)].contains(code)), "{codes:?}");
    expect_in_place(&redis, 2);
}
