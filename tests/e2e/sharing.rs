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
    eventually("all lanes share a reader", NET, || {
        let joined = host_lines(&host, "is read by the shared reader now").count();
        if joined >= lanes { Ok(()) } else { Err(format!("{joined} of {lanes} do")) }
    });

    story.append(Bank { events: 20_000, partitions: PARTITIONS, ..Bank::default() }.events().collect());
    host.until("all have caught up", || names.iter().try_for_each(|name| story.caught_up(name)));
    BankViews::fold(&story.events).hold_under(&names[count - 1], &story.redis).unwrap();
    // Whatever a client has fetched until now it has said once two more of its statistics are out: one may be under way.
    // Those of lanes that read alone are no more; of those that are shared there is one a partition.
    let before = said(&host);
    eventually("every client has counted", NET, || {
        let now = said(&host);
        let more = |(client, lines): (&String, &Vec<u64>)| lines.len() - before.get(client).map_or(0, Vec::len);
        let talk: Vec<usize> = now.iter().map(more).filter(|more| *more > 0).collect();
        let all = talk.len() >= PARTITIONS as usize && talk.iter().all(|more| *more >= 2);
        if all { Ok(()) } else { Err(format!("{talk:?} more lines")) }
    });
    let bytes = said(&host).values().filter_map(|lines| lines.last()).sum();
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
