//! One fetch for all: what ten live projections on one topic cost the broker is what one costs.

use lantern_tests::artefacts::plugin;
use lantern_tests::bank::{Bank, BankViews};
use lantern_tests::{Host, Source, fetched};

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
    let lanes = count * PARTITIONS as usize;
    let mut run = Host::run(&(story.source.url() + &fetched::counting(lanes)), &story.redis);
    for name in &names {
        run = run.projection(name, &plugin("balances"), &[&story.topic]);
    }
    let mut host = run.log(fetched::LOG).start();
    fetched::until_shared(&host, lanes, PARTITIONS as usize);

    story.append(Bank { events: 20_000, partitions: PARTITIONS, ..Bank::default() }.events().collect());
    host.until("all have caught up", || names.iter().try_for_each(|name| story.caught_up(name)));
    BankViews::fold(&story.events).hold_under(&names[count - 1], &story.redis).unwrap();
    let payload: usize = story.events.iter().filter_map(|event| event.payload.as_ref()).map(Vec::len).sum();
    let bytes = fetched::bytes_of(&host, payload as u64);
    assert_eq!(host.terminate(), Some(0));
    bytes
}
