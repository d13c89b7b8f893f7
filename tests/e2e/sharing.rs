//! One fetch for all: what ten live projections on one topic cost the broker is what one costs.

use std::collections::BTreeMap;

use lantern_tests::artefacts::plugin;
use lantern_tests::bank::{Bank, BankViews};
use lantern_tests::eventually::{NET, eventually};
use lantern_tests::{Host, Source};

use crate::story::{BankStory, note, real_kafka};

const PARTITIONS: u32 = 2;

#[test]
fn ten_projections_fetch_a_topic_once() {
    if real_kafka().is_none() {
        return;
    }
    let (one, ten) = (bytes_fetched_by(1), bytes_fetched_by(10));
    note(&format!("one projection fetched {one} bytes, ten on the same topic {ten}"));
    assert!(one > 1_000_000, "{one} bytes are too few to tell anything");
    assert!(ten as f64 <= 1.2 * one as f64, "one fetched {one} bytes, ten fetched {ten}");
}

/// What the broker has sent to a host with so many live projections while events came.
fn bytes_fetched_by(count: usize) -> u64 {
    let silent = Bank { events: 0, partitions: PARTITIONS, ..Bank::default() };
    let mut story = BankStory::told_by(Source::kafka(), &silent);
    let names: Vec<String> = (0..count).map(|number| format!("b{number}")).collect();
    let mut run = Host::run(&(story.source.url() + "?statistics.interval.ms=200"), &story.redis);
    for name in &names {
        run = run.projection(name, &plugin("balances"), &[&story.topic]);
    }
    let mut host = run.log("info,lantern::source=debug").start();
    let lanes = count * PARTITIONS as usize;
    // A reader that is not wanted any more may fetch until it is closed.
    eventually("all lanes share a reader, and no other is open", NET, || {
        let count = |says| host_lines(&host, says).count();
        let joined = count("is read by the shared reader now");
        let open = count("partitions opens") - count("partitions is closed");
        let all = joined >= lanes && open == PARTITIONS as usize;
        if all { Ok(()) } else { Err(format!("{joined} of {lanes} do, {open} readers are open")) }
    });

    story.append(Bank { events: 20_000, partitions: PARTITIONS, ..Bank::default() }.events().collect());
    host.until("all have caught up", || names.iter().try_for_each(|name| story.caught_up(name)));
    BankViews::fold(&story.events).hold_under(&names[count - 1], &story.redis).unwrap();
    // A client says what it had counted some time ago, for as long as it lives: it has said all when all events are in
    // what was said, and two more of its lines are the same.
    let before = said(&host);
    let payload: usize = story.events.iter().filter_map(|event| event.payload.as_ref()).map(Vec::len).sum();
    let bytes = eventually("every client has counted", NET, || {
        let now = said(&host);
        let bytes: u64 = now.values().filter_map(|lines| lines.last()).sum();
        let new = |(client, lines): (&String, &Vec<u64>)| lines[before.get(client).map_or(0, Vec::len)..].to_vec();
        let rests = |lines: Vec<u64>| lines.is_empty() || matches!(lines[..], [.., a, b] if a == b);
        if bytes > payload as u64 && now.iter().map(new).all(rests) { Ok(bytes) } else { Err(format!("{now:?}")) }
    });
    assert_eq!(host.terminate(), Some(0));
    bytes
}

/// What each client of a host has said again and again: how many bytes it has received.
fn said(host: &Host) -> BTreeMap<String, Vec<u64>> {
    let mut said: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for (client, bytes) in host_lines(host, STATISTICS).filter_map(client_and_bytes) {
        said.entry(client).or_default().push(bytes);
    }
    said
}

const STATISTICS: &str = "bytes of messages";

fn host_lines<'a>(host: &Host, says: &'a str) -> impl Iterator<Item = String> + use<'a> {
    let lines: Vec<String> = host.stderr().lines().filter(|line| line.contains(says)).map(str::to_owned).collect();
    lines.into_iter()
}

/// `… librdkafka NAME has received N bytes of messages`
fn client_and_bytes(line: String) -> Option<(String, u64)> {
    let (_, rest) = line.split_once("librdkafka ")?;
    let (client, rest) = rest.split_once(" has received ")?;
    Some((client.to_owned(), rest.split_whitespace().next()?.parse().ok()?))
}
