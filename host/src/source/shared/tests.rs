//! Shared readers on a log in memory: who is fed by whom, what is read how often, and what becomes of the slow.

mod lane;
mod random;
mod rest;
mod script;

use std::time::Duration;

use lane::{LONG, Lane, MANY};
use script::{PAYLOAD_BYTES, Script};

use super::{Shared, Usage};
use crate::event::{Batch, BatchLimits, TopicPartition};
use crate::source::{Error, Reader, Source, Start};

const ONE: BatchLimits = BatchLimits { events_max: 1, bytes_max: 1 << 20 };

/// Offsets `from..to` but for every third, one millisecond apart.
fn events(from: u64, to: u64) -> impl Iterator<Item = (u64, i64)> {
    (from..to).filter(|offset| offset % 3 != 1).map(|offset| (offset, offset as i64))
}

async fn lanes(shared: &Shared<Script>, count: u32, partitions: &[u32]) -> Vec<Lane> {
    let mut lanes = Vec::new();
    for topic in 0..count {
        lanes.push(Lane::open(shared, topic, partitions).await);
    }
    lanes
}

async fn drain(lanes: &mut [Lane]) {
    for lane in lanes {
        lane.drain().await;
    }
}

/// Lets the tasks and threads that were told to end do so.
async fn until_readers_are(script: &Script, count: usize) {
    let there = async {
        while script.counts().readers != count {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(LONG, there).await.unwrap_or_else(|_| panic!("{} readers", script.counts().readers));
}

#[tokio::test(start_paused = true)]
async fn ten_lanes_at_the_head_read_the_log_once() {
    let script = Script::default();
    script.append(0, events(0, 300));
    let shared = Shared::new(script.clone(), 1 << 20);
    let mut lanes = lanes(&shared, 10, &[0]).await;
    drain(&mut lanes).await;
    // To catch up each had a reader of its own; of those one is left.
    assert_eq!((script.counts().opened, script.counts().bytes), (10, 10 * 200 * PAYLOAD_BYTES));
    assert_eq!((shared.usage().feeds, shared.usage().subscriptions), (1, 10));
    until_readers_are(&script, 1).await;

    script.append(0, events(300, 3_000));
    drain(&mut lanes).await;
    assert!(lanes.iter().all(|lane| lane.seen(0) == script.offsets(0)));
    assert_eq!((script.counts().opened, script.counts().bytes), (10, (10 * 200 + 1800) * PAYLOAD_BYTES));
}

#[tokio::test(start_paused = true)]
async fn a_burst_is_read_once_although_it_is_larger_than_the_ring() {
    let script = Script::default();
    let shared = Shared::new(script.clone(), 20_000);
    let mut lanes = lanes(&shared, 3, &[0]).await;
    drain(&mut lanes).await;
    until_readers_are(&script, 1).await;

    script.append(0, events(0, 30_000));
    let mut left = true;
    while std::mem::take(&mut left) {
        for lane in &mut lanes {
            left |= lane.take(LONG, &BatchLimits { events_max: 20, ..MANY }).await.unwrap();
            assert!(shared.usage().bytes <= 20_000);
        }
    }
    assert!(lanes.iter().all(|lane| lane.seen(0) == script.offsets(0)));
    assert_eq!((script.counts().opened, script.counts().bytes), (3, 20_000 * PAYLOAD_BYTES));
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_does_not_read_holds_back_nobody_and_joins_again() {
    let script = Script::default();
    script.append(0, events(0, 30));
    let shared = Shared::new(script.clone(), 20_000);
    let mut lanes = lanes(&shared, 3, &[0]).await;
    drain(&mut lanes).await;
    until_readers_are(&script, 1).await;

    let (slow, others) = lanes.split_first_mut().unwrap();
    // Little enough at a time that the ring still has it when the second of them comes to it.
    for from in (30..30_000).step_by(60) {
        script.append(0, events(from, from + 60));
        drain(others).await;
        assert!(shared.usage().bytes <= 20_000);
    }
    assert!(others.iter().all(|lane| lane.seen(0) == script.offsets(0)));
    assert_eq!((script.counts().opened, script.counts().readers), (3, 1));

    // It goes on with a reader of its own, …
    assert!(slow.take(LONG, &ONE).await.unwrap());
    assert_eq!((script.counts().opened, script.counts().readers), (4, 2));
    assert_eq!(shared.usage().subscriptions, 2);
    slow.drain().await;
    assert_eq!(slow.seen(0), script.offsets(0));
    // … until it has caught up.
    until_readers_are(&script, 1).await;
    assert_eq!(shared.usage().subscriptions, 3);
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_nobody_reads_stands_still() {
    let script = Script::default();
    let shared = Shared::new(script.clone(), 20_000);
    let mut lanes = lanes(&shared, 2, &[0]).await;
    drain(&mut lanes).await;
    script.append(0, events(0, 30_000));
    tokio::time::sleep(LONG).await;
    assert!(shared.usage().bytes <= 20_000 && script.counts().bytes <= 20_000);
}

#[tokio::test(start_paused = true)]
async fn one_that_comes_later_reads_alone_what_the_ring_has_dropped() {
    let script = Script::default();
    script.append(0, events(0, 3_000));
    let shared = Shared::new(script.clone(), 20_000);
    let mut first = Lane::open(&shared, 0, &[0]).await;
    first.drain().await;
    script.append(0, events(3_000, 6_000));
    first.drain().await;

    let mut second = Lane::open(&shared, 1, &[0]).await;
    second.drain().await;
    assert_eq!(second.seen(0), script.offsets(0));
    assert_eq!((shared.usage().feeds, shared.usage().subscriptions), (1, 2));
    until_readers_are(&script, 1).await;
}

#[tokio::test(start_paused = true)]
async fn one_that_starts_again_where_the_ring_reaches_opens_nothing() {
    let script = Script::default();
    let shared = Shared::new(script.clone(), 1 << 20);
    let mut lanes = lanes(&shared, 2, &[0]).await;
    drain(&mut lanes).await;
    script.append(0, events(0, 300));
    drain(&mut lanes).await;
    lanes[0].seen.get_mut(&0).unwrap().truncate(50);
    lanes[0].restart().await.unwrap();
    drain(&mut lanes).await;
    assert_eq!(lanes[0].seen(0), script.offsets(0));
    assert_eq!((script.counts().opened, script.counts().readers), (2, 1));

    // One that wants more than the log has is told so by the log: this one has no such check.
    let beyond = Start { at: TopicPartition::new("t", 0), topic: 0, next: Some(1_000), id: None };
    shared.open(vec![beyond]).await.unwrap();
    assert_eq!(script.counts().opened, 3);
}

#[tokio::test(start_paused = true)]
async fn a_feed_ends_when_its_last_subscriber_has_gone() {
    let script = Script::default();
    let shared = Shared::new(script.clone(), 1 << 20);
    let mut lanes = lanes(&shared, 2, &[0, 1]).await;
    drain(&mut lanes).await;
    until_readers_are(&script, 2).await;
    lanes.pop();
    assert_eq!((shared.usage().feeds, shared.usage().subscriptions), (2, 2));
    lanes.pop();
    assert_eq!(shared.usage(), Usage::default());
    until_readers_are(&script, 0).await;
}

#[tokio::test(start_paused = true)]
async fn when_a_feed_fails_its_readers_go_on_by_themselves() {
    let script = Script::default();
    let shared = Shared::new(script.clone(), 1 << 20);
    let mut lanes = lanes(&shared, 3, &[0]).await;
    drain(&mut lanes).await;
    script.append(0, events(0, 30));
    assert!(lanes[0].take(LONG, &MANY).await.unwrap());
    script.break_readers();
    script.append(0, events(30, 60));
    drain(&mut lanes).await;
    assert!(lanes.iter().all(|lane| lane.seen(0) == script.offsets(0)));
    assert_eq!((shared.usage().feeds, shared.usage().subscriptions), (1, 3));
    assert_eq!(script.counts().opened, 6);
    until_readers_are(&script, 1).await;
}

#[tokio::test(start_paused = true)]
async fn each_reader_tells_its_own_exact_error() {
    let script = Script::default();
    let shared = Shared::new(script.clone(), 1 << 20);
    let mut lanes = lanes(&shared, 2, &[0]).await;
    drain(&mut lanes).await;
    script.append(0, events(0, 30));
    lanes[0].drain().await;
    assert!(lanes[1].take(LONG, &BatchLimits { events_max: 4, ..MANY }).await.unwrap());
    script.truncate(0, 20);
    script.break_readers();

    assert!(!lanes[0].take(LONG, &MANY).await.unwrap());
    let truncated = lanes[1].take(LONG, &MANY).await.unwrap_err();
    assert!(matches!(truncated, Error::Truncated { next: 6, first: 20, .. }), "{truncated}");

    script.break_readers();
    script.set_away(true);
    let away = lanes[0].take(LONG, &MANY).await.unwrap_err();
    assert!(matches!(away, Error::Unavailable { .. }), "{away}");
}

#[tokio::test(start_paused = true)]
async fn several_partitions_are_merged_by_time_whoever_reads_them() {
    let script = Script::default();
    let shared = Shared::new(script.clone(), 1 << 20);
    let mut pair = Lane::open(&shared, 0, &[0, 1]).await;
    let mut single = Lane::open(&shared, 1, &[1]).await;
    for round in 0..5 {
        let times =
            |partition: u64| (0..20).map(move |n| (round * 20 + n, (round * 40 + n * 2 + partition) as i64));
        script.append(0, times(0));
        script.append(1, times(1));
        // Both feeds see them before anybody takes one.
        tokio::time::sleep(Duration::from_secs(1)).await;
        pair.drain().await;
        single.drain().await;
    }
    assert!(pair.order.is_sorted_by_key(|(_, time)| *time));
    assert_eq!((pair.order.len(), single.order.len()), (200, 100));
    assert_eq!((shared.usage().feeds, shared.usage().subscriptions), (2, 3));
}

#[tokio::test(start_paused = true)]
async fn rings_of_many_partitions_stay_within_the_bound() {
    for count in [8, 64] {
        rings_stay_within_the_bound(&(0..count).collect::<Vec<u32>>()).await;
    }
}

async fn rings_stay_within_the_bound(partitions: &[u32]) {
    let script = Script::default();
    let shared = Shared::new(script.clone(), 20_000);
    let mut lanes = lanes(&shared, 2, partitions).await;
    drain(&mut lanes).await;
    let opened = script.counts().opened;
    for from in (0..3_000).step_by(300) {
        for &partition in partitions {
            script.append(partition, events(from, from + 300));
        }
        // The other never reads.
        while lanes[0].take(LONG, &MANY).await.unwrap() {
            assert!(shared.usage().bytes <= 20_000);
        }
    }
    assert_eq!(script.counts().opened, opened, "what the first had not read yet was dropped");
    drain(&mut lanes).await;
    for lane in &lanes {
        assert!(partitions.iter().all(|partition| lane.seen(*partition) == script.offsets(*partition)));
    }
}

#[tokio::test(start_paused = true)]
async fn ready_is_only_so_when_fill_gives_something() {
    let script = Script::default();
    let shared = Shared::new(script.clone(), 1 << 20);
    let mut lane = Lane::open(&shared, 0, &[0]).await;
    for _ in 0..2 {
        assert!(!lane.take(LONG, &MANY).await.unwrap());
        assert!(lane.reader.at_end());
    }
    script.append(0, events(0, 3));
    lane.reader.ready().await;
    assert!(!lane.reader.at_end());
    let mut batch = Batch::default();
    lane.reader.fill(&mut batch, &ONE).unwrap();
    lane.reader.ready().await;
    lane.reader.fill(&mut batch, &MANY).unwrap();
    assert_eq!(batch.iter().map(|event| event.offset).collect::<Vec<_>>(), [0, 2]);
}
