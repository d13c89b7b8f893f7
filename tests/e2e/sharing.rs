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
    // Whoever has fetched anything has said so once two more rounds of statistics are out.
    let said = host_lines(&host, STATISTICS).count();
    eventually("the clients have counted", NET, || {
        let more = host_lines(&host, STATISTICS).count() - said;
        if more >= 4 * PARTITIONS as usize { Ok(()) } else { Err(format!("{more} more lines")) }
    });
    let last: BTreeMap<String, u64> = host_lines(&host, STATISTICS).filter_map(client_and_bytes).collect();
    assert_eq!(host.terminate(), Some(0));
    last.values().sum()
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
