//! More projections on one topic, live: each applies every event, and all together fetch it once.
//!
//! Events are produced no faster than the slowest projection applies them, but for a few thousand that are on their way: so
//! all have the same work, and none falls out of what they share.

use anyhow::ensure;
use lantern_tests::bank::{Bank, BankViews};
use lantern_tests::{Event, Host, artefacts, fetched};

use super::{counted, row, tell};
use crate::meter::{Cost, Meter};
use crate::results::{Number, Row, Unit};
use crate::rotation;
use crate::servers::{PARTITIONS, PROJECTION, Servers, bank};

const COUNTS: [usize; 5] = [1, 3, 10, 30, 100];
/// Few enough that a hundred sets of views fit into any Redis.
const ACCOUNTS: u64 = 2_000;
/// Events that are there before, so that all accounts are open.
const BEFORE: usize = 20_000;
/// So many events are produced at once, while as many more are being applied.
const CHUNK: usize = 10_000;
/// But a topic has no fewer events than this, …
const EVENTS_MIN: usize = 4 * CHUNK;
/// … and at most this part of all.
const PART_MAX: usize = 4;

/// What a turn has measured, and the bytes of messages that the host has fetched for each event.
type Turn = (Cost, f64);

/// Measures so many events, shared out so that about as many are applied in all however many projections there are.
pub fn measure(rounds: usize, applied: usize) -> anyhow::Result<Vec<Row>> {
    let servers = Servers::start()?;
    let turns = rotation::play(&COUNTS, rounds, |count, round| {
        let events = (applied / count).max(EVENTS_MIN).min(applied / PART_MAX);
        let turn = take_turn(&servers, count, events)?;
        tell(&case(count), round, &turn.0);
        Ok(turn)
    })?;
    let rows = turns.iter().map(|(count, turns)| {
        let costs: Vec<Cost> = turns.iter().map(|(cost, _)| *cost).collect();
        let mut row = row("projections", case(*count), &costs);
        let bytes = turns.iter().map(|(_, bytes)| bytes.round());
        row.numbers.push(Number::new("bytes fetched/event", Unit::Count, bytes));
        row
    });
    Ok(rows.collect())
}

fn case(count: usize) -> String {
    counted(count as u64, "projection")
}

fn take_turn(servers: &Servers, count: usize, events: usize) -> anyhow::Result<Turn> {
    let topic = lantern_tests::source::unique("projections");
    servers.kafka.create_topic(&topic, PARTITIONS);
    servers.redis.flush_all();
    let events: Vec<Event> = Bank { accounts: ACCOUNTS, ..bank() }.events().take(BEFORE + events).collect();
    let (before, live) = events.split_at(BEFORE);
    servers.kafka.produce(&topic, before);
    let names: Vec<String> = (1..=count).map(|number| format!("{PROJECTION}-{number}")).collect();
    let lanes = count * PARTITIONS as usize;
    let mut run = Host::run(&(servers.kafka.url() + &fetched::counting(lanes)), &servers.redis).log(fetched::LOG);
    for name in &names {
        run = run.projection(name, &artefacts::plugin(PROJECTION), &[&topic]);
    }
    let mut host = run.start();
    until_applied(servers, &mut host, &names, before.len());
    fetched::until_shared(&host, lanes, PARTITIONS as usize);

    let fetched_before = fetched::bytes_of(&host, payload_bytes(before));
    let meter = Meter::start(servers, &[&*host])?;
    let mut produced = before.len();
    for chunk in live.chunks(CHUNK) {
        servers.kafka.produce(&topic, chunk);
        until_applied(servers, &mut host, &names, produced);
        produced += chunk.len();
    }
    until_applied(servers, &mut host, &names, produced);
    let cost = meter.stop(servers, &[&*host], live.len() as u64)?;
    let bytes = fetched::bytes_of(&host, fetched_before + payload_bytes(live)) - fetched_before;
    host.kill();
    servers.kafka.delete_topic(&topic);
    let views = BankViews::fold(&events);
    let wrong = names.iter().find_map(|name| views.hold_under(name, &servers.redis).err());
    ensure!(wrong.is_none(), "the views are wrong: {}", wrong.unwrap_or_default());
    Ok((cost, bytes as f64 / live.len() as f64))
}

/// What is fetched at least.
fn payload_bytes(events: &[Event]) -> u64 {
    events.iter().filter_map(|event| event.payload.as_ref()).map(|payload| payload.len() as u64).sum()
}

/// Waits until every projection has applied so many events.
fn until_applied(servers: &Servers, host: &mut Host, names: &[String], events: usize) {
    let mut left = names.iter().peekable();
    host.until("all projections have applied the events", || {
        while let Some(name) = left.peek() {
            match servers.redis.progress(name) {
                applied if applied >= events as u64 => _ = left.next(),
                applied => return Err(format!("{name} has applied {applied} of {events}")),
            }
        }
        Ok(())
    });
}
