//! One projection is rebuilt, and nine others on the same topic are live: they do not fall behind, and stay exact.

use std::cell::Cell;
use std::time::Duration;

use lantern_tests::artefacts::plugin;
use lantern_tests::bank::{Bank, BankViews};
use lantern_tests::{Flow, Host, Source};

use crate::story::{BankStory, note, real_kafka};

const EVENTS_PER_SECOND: u64 = 2_000;
/// How far behind a neighbour may be: as far as the issue says, or twice as far as without a rebuild on a machine that is
/// busy with other tests.
const LAG_MAX_MS: i64 = 1_000;
/// But never so far.
const LAG_BUSY_MS: i64 = 5_000;
const QUIET: Duration = Duration::from_secs(3);

#[test]
fn nine_neighbours_of_a_rebuild_do_not_fall_behind() {
    let Some(kafka) = real_kafka() else { return };
    let bank = Bank { events: 300_000, partitions: 4, ..Bank::default() };
    let mut story = BankStory::told_by(Source::kafka(), &bank);
    let (operator, url) = (story.operator(), story.source.url());
    let neighbours: Vec<String> = (1..=8).map(|n| format!("b{n}")).chain(["leaderboard".to_owned()]).collect();
    operator.deploy("b0", &plugin("balances"), &story.topic, &[]);
    for name in &neighbours {
        let file = plugin(if name == "leaderboard" { name } else { "balances" });
        operator.deploy(name, &file, &story.topic, &["--from", "latest", "--source", &url]);
    }
    let mut host = story.host().start();
    host.until("b0 has caught up", || story.caught_up("b0"));

    let flow = Flow::start(kafka, &story.topic, &Bank { seed: 2, ..bank }, EVENTS_PER_SECOND);
    host.until("events reach every neighbour", || {
        lag_ms(&story, &flow, &neighbours).map(drop).ok_or_else(String::new)
    });
    let quiet_from = flow.now_ms();
    let quiet = longest_lag_ms(&story, &mut host, &flow, &neighbours, || {
        flow.now_ms() - quiet_from >= QUIET.as_millis() as i64
    });
    operator.does(&["rebuild", "b0"]);
    let began = flow.now_ms();
    // How many looks were taken in the midst of it.
    let rebuilding = Cell::new(0);
    let busy = longest_lag_ms(&story, &mut host, &flow, &neighbours, || {
        let built = story.redis.built("b0", 2);
        if (1..story.events.len() as u64).contains(&built) {
            rebuilding.set(rebuilding.get() + 1);
        }
        story.redis.generation("b0") == Some(2)
    });
    let took = flow.now_ms() - began;
    let sent = flow.stop();

    note(&format!(
        "nine neighbours at {EVENTS_PER_SECOND} events/s: at most {busy} ms behind while b0 was rebuilt for {took} ms, {quiet} ms before"
    ));
    let (since, views) = (BankViews::fold(&sent), BankViews::fold(story.events.iter().chain(&sent)));
    story.events.extend(sent);
    for name in neighbours.iter().map(String::as_str).chain(["b0"]) {
        host.until(&format!("{name} has caught up"), || story.caught_up(name));
        let held = match name {
            "b0" => views.hold_under(name, &story.redis),
            "leaderboard" => since.leaderboard_holds(&story.redis),
            _ => since.hold_under(name, &story.redis),
        };
        held.unwrap_or_else(|difference| panic!("{difference}"));
    }
    assert!(rebuilding.get() > 0, "nobody has looked while b0 was rebuilt");
    let most = LAG_MAX_MS.max((2 * quiet).min(LAG_BUSY_MS));
    assert!(busy < most, "{busy} ms behind, {quiet} ms without a rebuild");
    assert_eq!(host.terminate(), Some(0));
}

/// How far the neighbours fall behind at most until something is so.
fn longest_lag_ms(
    story: &BankStory,
    host: &mut Host,
    flow: &Flow,
    neighbours: &[String],
    over: impl Fn() -> bool,
) -> i64 {
    let mut longest = 0;
    host.until("the measurement is over", || {
        longest = longest.max(lag_ms(story, flow, neighbours).expect("events have reached every neighbour"));
        if over() { Ok(()) } else { Err(format!("{longest} ms so far")) }
    });
    longest
}

/// The age of the newest event that was applied in the partition that is farthest behind. None if a partition has had none.
fn lag_ms(story: &BankStory, flow: &Flow, neighbours: &[String]) -> Option<i64> {
    let mut oldest = i64::MAX;
    for name in neighbours {
        let newest = story.redis.newest(name);
        let partitions = (newest.len() == story.partitions as usize).then_some(newest)?;
        oldest = partitions.into_values().min().unwrap_or(oldest).min(oldest);
    }
    Some(flow.now_ms() - oldest)
}
