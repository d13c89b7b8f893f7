//! What every store promises, held against Redis and memory alike.

use std::sync::Arc;

use lantern::event::TopicPartition;
use lantern::op::{CellRef, Changes, Value, Verb, Write};
use lantern::projection::{Kind, Ordering, Projection, Share, View};
use lantern::store::memory::Memory;
use lantern::store::redis::Redis;
use lantern::store::{Cells, Checkpoint, Commit, Error, Mark, Session, Store};
use lantern_tests::RedisServer;

const LANE: Share = Share::Partition(3);

/// Runs a story on both stores; `flush` empties the one it is given with.
macro_rules! on_both {
    ($($story:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $story() {
                let store = super::Memory::default();
                super::$story(store.clone(), || store.flush()).await;
            })*
        }
        mod redis {
            $(#[tokio::test]
            async fn $story() {
                let server = super::RedisServer::start();
                super::place(&server);
                let store = super::Redis::new(&server.url()).unwrap();
                let flush = || {
                    server.flush_all();
                    super::place(&server);
                };
                super::$story(store, flush).await;
            })*
        }
    };
}

on_both!(
    every_kind_of_view_takes_its_verbs,
    a_commit_moves_views_and_checkpoint_together,
    the_last_session_of_a_lane_fences_the_others,
    a_flush_is_noticed_by_a_commit,
    a_flush_is_noticed_by_a_look,
    a_lane_taken_after_a_flush_fences_who_held_it_before,
    lanes_do_not_disturb_each_other,
);

/// Says where the generation's lanes may write, as a deployment does.
fn place(server: &RedisServer) {
    let place = ["lantern:generation:p:1", "prefix", "p:", "ordering", "partition"];
    server.query::<()>(::redis::cmd("HSET").arg(&place)).unwrap();
}

fn projection() -> Projection {
    let view = |name: &str, kind, keyed| View {
        name: name.into(),
        kind,
        keyed,
        capacity: if kind == Kind::List { 2 } else { 0 },
    };
    let views = [
        view("table", Kind::Table, false),
        view("counters", Kind::Counters, false),
        view("ranking", Kind::Ranking, false),
        view("set", Kind::Set, false),
        view("list", Kind::List, false),
        view("value", Kind::Value, true),
        view("tables", Kind::Table, true),
    ];
    Projection {
        name: "p".into(),
        generation: 1,
        begun: 0,
        live: true,
        prefix: "p:".into(),
        topics: ["t".into()].into(),
        views: views.into(),
        ordering: Ordering::Partition,
    }
}

/// A write: verb, view, key, member, value.
type Line<'a> = (Verb, u32, &'a str, &'a str, &'a [u8]);

fn commit(next: u64, writes: &[Line<'_>]) -> Commit {
    let views = projection().views;
    let mut changes = Changes::new(views.len());
    for (verb, view, key, member, value) in writes {
        let write = Write { verb: *verb, view: *view, key: key.as_bytes(), member: member.as_bytes(), value };
        changes.write(&views, &write).unwrap();
    }
    Commit { changes: Arc::new(changes), checkpoint: checkpoint(next), letters: Vec::new() }
}

fn checkpoint(next: u64) -> Checkpoint {
    [(TopicPartition::new("t", 3), Mark { next, newest: 1000 + next as i64 })].into()
}

async fn read(session: &impl Session, view: u32, key: &str, member: &str) -> Option<Value> {
    let cell = CellRef { view, key: key.as_bytes(), member: member.as_bytes() };
    session.cells().read(&[cell]).await.unwrap().pop().unwrap()
}

fn bytes(text: &str) -> Option<Value> {
    Some(Value::Bytes(text.as_bytes().into()))
}

async fn every_kind_of_view_takes_its_verbs(store: impl Store, _flush: impl Fn()) {
    let (five, score) = (5i64.to_le_bytes(), 1.5f64.to_le_bytes());
    let mut session = store.open(&projection(), LANE).await.unwrap();
    let first: [Line<'_>; 10] = [
        (Verb::Hset, 0, "", "a", b"{}"),
        (Verb::Hset, 0, "", "gone", b"x"),
        (Verb::Hincrby, 1, "", "n", &five),
        (Verb::Zadd, 2, "", "m", &score),
        (Verb::Zincrby, 2, "", "new", &five),
        (Verb::Sadd, 3, "", "in", b""),
        (Verb::Lpush, 4, "", "", b"1"),
        (Verb::Set, 5, "k", "", b"v"),
        (Verb::Hset, 6, "k", "a", b"1"),
        (Verb::Sadd, 3, "", "out", b""),
    ];
    session.commit(commit(1, &first)).await.unwrap();
    let second: [Line<'_>; 6] = [
        (Verb::Hdel, 0, "", "gone", b""),
        (Verb::Hincrby, 1, "", "n", &five),
        (Verb::Zincrby, 2, "", "m", &five),
        (Verb::Srem, 3, "", "out", b""),
        (Verb::Del, 6, "k", "", b""),
        (Verb::Hset, 6, "k", "b", b"2"),
    ];
    session.commit(commit(2, &second)).await.unwrap();

    assert_eq!(read(&session, 0, "", "a").await, bytes("{}"));
    assert_eq!(read(&session, 0, "", "gone").await, None);
    assert_eq!(read(&session, 1, "", "n").await, bytes("10"));
    assert_eq!(read(&session, 2, "", "m").await, Some(Value::Score(6.5)));
    assert_eq!(read(&session, 2, "", "new").await, Some(Value::Score(5.0)));
    assert_eq!(read(&session, 3, "", "in").await, Some(Value::Member));
    assert_eq!(read(&session, 3, "", "out").await, None);
    assert_eq!(read(&session, 5, "k", "").await, bytes("v"));
    assert_eq!(read(&session, 5, "other", "").await, None);
    assert_eq!(read(&session, 6, "k", "a").await, None, "del removes what was there before");
    assert_eq!(read(&session, 6, "k", "b").await, bytes("2"), "what is written after del stays");
}

async fn a_commit_moves_views_and_checkpoint_together(store: impl Store, _flush: impl Fn()) {
    let mut session = store.open(&projection(), LANE).await.unwrap();
    assert_eq!(session.checkpoint(), &Checkpoint::new());
    session.commit(commit(7, &[(Verb::Hset, 0, "", "a", b"1")])).await.unwrap();
    assert_eq!(session.checkpoint(), &checkpoint(7));

    let session = store.open(&projection(), LANE).await.unwrap();
    assert_eq!(session.checkpoint(), &checkpoint(7));
    assert_eq!(read(&session, 0, "", "a").await, bytes("1"));
}

async fn the_last_session_of_a_lane_fences_the_others(store: impl Store, _flush: impl Fn()) {
    let mut old = store.open(&projection(), LANE).await.unwrap();
    old.commit(commit(1, &[(Verb::Hset, 0, "", "a", b"old")])).await.unwrap();
    let mut new = store.open(&projection(), LANE).await.unwrap();

    let late = old.commit(commit(2, &[(Verb::Hset, 0, "", "a", b"late")])).await;
    assert!(matches!(late, Err(Error::Fenced { .. })), "{late:?}");
    assert_eq!(read(&new, 0, "", "a").await, bytes("old"), "a fenced commit writes nothing");
    new.commit(commit(2, &[(Verb::Hset, 0, "", "a", b"new")])).await.unwrap();
    assert!(matches!(old.look().await, Err(Error::Fenced { .. })));
}

async fn a_flush_is_noticed_by_a_commit(store: impl Store, flush: impl Fn()) {
    let mut session = store.open(&projection(), LANE).await.unwrap();
    session.commit(commit(1, &[(Verb::Hset, 0, "", "a", b"1")])).await.unwrap();
    flush();
    let late = session.commit(commit(2, &[(Verb::Hset, 0, "", "a", b"2")])).await;
    assert!(matches!(late, Err(Error::Rewound { .. })), "{late:?}");

    let session = store.open(&projection(), LANE).await.unwrap();
    assert_eq!(session.checkpoint(), &Checkpoint::new());
    assert_eq!(read(&session, 0, "", "a").await, None);
}

async fn a_flush_is_noticed_by_a_look(store: impl Store, flush: impl Fn()) {
    let mut session = store.open(&projection(), LANE).await.unwrap();
    session.commit(commit(1, &[])).await.unwrap();
    session.look().await.unwrap();
    flush();
    assert!(matches!(session.look().await, Err(Error::Rewound { .. })));
}

async fn a_lane_taken_after_a_flush_fences_who_held_it_before(store: impl Store, flush: impl Fn()) {
    let mut old = store.open(&projection(), LANE).await.unwrap();
    old.commit(commit(1, &[])).await.unwrap();
    flush();
    // It is given the very epoch that the old session had.
    let mut new = store.open(&projection(), LANE).await.unwrap();
    new.commit(commit(1, &[(Verb::Hset, 0, "", "a", b"new")])).await.unwrap();

    assert!(old.commit(commit(2, &[(Verb::Hset, 0, "", "a", b"old")])).await.is_err());
    assert_eq!(read(&new, 0, "", "a").await, bytes("new"));
    new.commit(commit(2, &[])).await.unwrap();
}

async fn lanes_do_not_disturb_each_other(store: impl Store, _flush: impl Fn()) {
    let one = 1i64.to_le_bytes();
    let mut lanes = Vec::new();
    for partition in 0..4 {
        lanes.push(store.open(&projection(), Share::Partition(partition)).await.unwrap());
    }
    for next in 1..=25 {
        for lane in &mut lanes {
            lane.commit(commit(next, &[(Verb::Hincrby, 1, "", "n", &one)])).await.unwrap();
        }
    }
    assert_eq!(read(&lanes[0], 1, "", "n").await, bytes("100"));
}

#[tokio::test]
async fn a_lane_begins_only_where_its_generation_is() {
    let server = RedisServer::start();
    let store = Redis::new(&server.url()).unwrap();
    assert!(matches!(store.open(&projection(), LANE).await, Err(Error::Moved { .. })), "it is nowhere yet");

    place(&server);
    let set = |field: &str, value: &str| {
        server.query::<()>(::redis::cmd("HSET").arg(&["lantern:generation:p:1", field, value])).unwrap();
    };
    set("begun", "0");
    let mut session = store.open(&projection(), LANE).await.unwrap();
    session.commit(commit(1, &[(Verb::Set, 5, "k", "", b"v")])).await.unwrap();
    set("begun", "17");
    assert!(
        matches!(store.open(&projection(), LANE).await, Err(Error::Moved { .. })),
        "another has its number now"
    );
    set("begun", "0");
    set("prefix", "elsewhere:");
    assert!(matches!(store.open(&projection(), LANE).await, Err(Error::Moved { .. })), "it is elsewhere now");

    let members: Vec<String> = server.query(::redis::cmd("SMEMBERS").arg("lantern:keys:p:1:value")).unwrap();
    assert_eq!(members, ["k"], "keyed structures are found by their keys");
    assert_eq!(server.field("lantern:checkpoints:p", "generation").as_deref(), Some("1"));
}

#[tokio::test]
async fn readers_do_not_see_the_checkpoints_of_a_generation_that_is_built() {
    let server = RedisServer::start();
    place(&server);
    let store = Redis::new(&server.url()).unwrap();
    let hidden = Projection { live: false, ..projection() };
    let mut session = store.open(&hidden, LANE).await.unwrap();
    session.commit(commit(1, &[])).await.unwrap();
    assert!(server.checkpoints("p").is_empty());
}
