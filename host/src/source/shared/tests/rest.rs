//! Partitions in which nothing happens, and what becomes of them when something does.

use std::time::Duration;

use super::lane::{LONG, Lane};
use super::script::Script;
use super::{drain, events, lanes, until_readers_are};
use crate::source::shared::Shared;

/// Three lanes that share a reader at rest.
async fn at_rest(script: &Script) -> Vec<Lane> {
    let shared = Shared::new(script.clone(), 1 << 20);
    script.append(0, events(0, 30));
    let mut lanes = lanes(&shared, 3, &[0]).await;
    drain(&mut lanes).await;
    tokio::time::sleep(LONG).await;
    until_readers_are(script, 1).await;
    assert_eq!((script.counts().opened, script.counts().rested), (4, 1));
    lanes
}

fn have_all(lanes: &[Lane], script: &Script) {
    assert!(lanes.iter().all(|lane| lane.seen(0) == script.offsets(0)));
}

#[tokio::test(start_paused = true)]
async fn a_little_now_and_then_is_read_at_rest() {
    let script = Script::default().with_rest();
    let mut lanes = at_rest(&script).await;
    for from in (30..120).step_by(30) {
        script.append(0, events(from, from + 30));
        drain(&mut lanes).await;
    }
    have_all(&lanes, &script);
    assert_eq!((script.counts().opened, script.counts().readers), (4, 1));
}

#[tokio::test(start_paused = true)]
async fn much_is_read_by_a_reader_of_its_own_until_it_is_over() {
    let script = Script::default().with_rest();
    let mut lanes = at_rest(&script).await;
    for from in (30..3_000).step_by(30) {
        script.append(0, events(from, from + 30));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!((script.counts().opened, script.counts().rested), (5, 1));
    drain(&mut lanes).await;
    have_all(&lanes, &script);
    until_readers_are(&script, 1).await;
    assert_eq!((script.counts().opened, script.counts().rested), (6, 2), "then it rests again");
}

#[tokio::test(start_paused = true)]
async fn what_comes_while_a_reader_is_opened_for_rest_is_neither_lost_nor_doubled() {
    let script = Script::default().with_rest();
    let shared = Shared::new(script.clone(), 1 << 20);
    let mut lanes = lanes(&shared, 2, &[0]).await;
    drain(&mut lanes).await;
    // At any moment of the opening, and before it and behind it.
    for moment in 0..8 {
        let from = moment * 30;
        script.append(0, events(from, from + 15));
        tokio::time::sleep(Duration::from_millis(9_996 + moment)).await;
        script.append(0, events(from + 15, from + 30));
        drain(&mut lanes).await;
        have_all(&lanes, &script);
    }
}

#[tokio::test(start_paused = true)]
async fn where_none_opens_the_reader_stays() {
    let script = Script::default().with_rest();
    let mut lanes = at_rest(&script).await;
    script.set_away(true);
    script.append(0, events(30, 600));
    drain(&mut lanes).await;
    have_all(&lanes, &script);
    assert_eq!((script.counts().opened, script.counts().readers), (4, 1));

    script.set_away(false);
    script.append(0, events(600, 1_200));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!((script.counts().opened, script.counts().rested), (5, 1));
    script.set_away(true);
    drain(&mut lanes).await;
    have_all(&lanes, &script);
    tokio::time::sleep(LONG).await;
    assert_eq!((script.counts().opened, script.counts().readers), (5, 1));
}
