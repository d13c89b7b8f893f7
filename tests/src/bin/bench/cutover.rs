//! What a reader who reads all the time sees of a cutover: how long it waits at most for an answer, beside how long it
//! waits when nothing is rebuilt.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use lantern_tests::bank::openings;
use lantern_tests::eventually::{NET, eventually};
use lantern_tests::reader::{Readings, per_mille};
use lantern_tests::{Event, Host, Operator, Reader, RedisServer, Source, artefacts};

use crate::report::note;
use crate::results::{Number, Row, Unit};
use crate::rotation;

const PARTITIONS: u32 = 8;
const PROJECTION: &str = "balances";
/// How often it cuts over while nothing else happens: each rollback is one.
const CUTOVERS: usize = 10;
/// Starts what gets only the processors that Redis and its reader leave, as if it ran on a machine of its own: the question
/// is what a cutover costs them, not how a machine shares its processors out.
const ELSEWHERE: [&str; 3] = ["chrt", "--idle", "0"];
/// Does a command as often as `$0` says. A process as large as this one stands still each time it starts another.
const AGAIN: [&str; 3] = ["sh", "-c", r#"for _ in $(seq "$0"); do "$@" || exit; done"#];
/// How long the reader reads while nothing else happens.
const QUIET: Duration = Duration::from_secs(5);

/// The events that a rebuild gets through in a second.
const RATE: &str = "events/s";
/// What a reader waits at most: around the cutovers alone, around the one behind a rebuild, beside the rebuild, and in peace.
const PAUSES: [&str; 6] = [
    "longest pause of 10 cutovers",
    "behind a rebuild",
    "p99.9 rebuilding",
    "longest rebuilding",
    "p99.9 quiet",
    "longest quiet",
];

struct Turn {
    rate: f64,
    pauses: [Duration; PAUSES.len()],
}

/// Rebuilds banks of so many accounts while they are read.
pub fn measure(accounts: &[u64], rounds: usize) -> anyhow::Result<Vec<Row>> {
    let turns = rotation::play(accounts, rounds, |accounts, round| {
        note(&format!("{accounts} accounts, round {round} of {rounds}"));
        take_turn(accounts)
    })?;
    let rows = turns.iter().map(|(accounts, turns)| {
        let pauses = PAUSES.iter().enumerate().map(|(which, name)| {
            Number::new(name, Unit::Seconds, turns.iter().map(|turn| turn.pauses[which].as_secs_f64()))
        });
        let rate = Number::new(RATE, Unit::PerSecond, turns.iter().map(|turn| turn.rate));
        let numbers = std::iter::once(rate).chain(pauses).collect();
        Row::new("cutover", format!("{accounts} accounts"), "Lantern", numbers)
    });
    Ok(rows.collect())
}

fn take_turn(accounts: u64) -> anyhow::Result<Turn> {
    let (source, redis) = (Source::log(), RedisServer::start());
    let topic = source.topic("account-events", PARTITIONS);
    source.append(&topic, &openings(accounts, PARTITIONS).collect::<Vec<Event>>());
    let operator = Operator::of(&redis).under(&ELSEWHERE);
    operator.deploy(PROJECTION, &artefacts::plugin("balances"), &topic, &[]);
    let mut host = Host::run(&source.url(), &redis).under(&ELSEWHERE).start();
    host.until("all accounts are open", || match redis.progress(PROJECTION) {
        opened if opened == accounts => Ok(()),
        opened => Err(format!("{opened} of {accounts} accounts are open")),
    });

    note("reading while nothing is rebuilt");
    let reader = Reader::start(&redis, accounts);
    let began = Instant::now();
    eventually("the time is over", NET, || if began.elapsed() < QUIET { Err(String::new()) } else { Ok(()) });
    let quiet = checked(reader.stop())?;

    note("reading while all is rebuilt");
    let reader = Reader::start(&redis, accounts);
    let began = Instant::now();
    operator.deploy(PROJECTION, &artefacts::plugin("balances-v2"), &topic, &[]);
    host.until("the new views are live", || match redis.generation(PROJECTION) {
        Some(2) => Ok(()),
        _ => Err(format!("{} of {accounts} events are applied", redis.built(PROJECTION, 2))),
    });
    let rate = accounts as f64 / began.elapsed().as_secs_f64();
    let busy = checked(reader.stop())?;
    ensure!(busy.of(1) > 0 && busy.of(2) > 0, "the reader has seen but one generation");

    note("reading while it cuts over and nothing else happens");
    let reader = Reader::start(&redis, accounts);
    let times = CUTOVERS.to_string();
    let again = [&ELSEWHERE[..], &AGAIN, &[&times]].concat();
    Operator::of(&redis).under(&again).does(&["rollback", PROJECTION]);
    let alone = checked(reader.stop())?;
    ensure!(alone.changes().len() == CUTOVERS, "the reader has seen {} cutovers", alone.changes().len());

    let (without, beside) = (quiet.pauses_elsewhere(), busy.pauses_elsewhere());
    let pauses = [
        alone.longest_pause_around_cutovers(),
        busy.longest_pause_around_cutovers(),
        per_mille(&beside, 999),
        beside.last().copied().unwrap_or_default(),
        per_mille(&without, 999),
        without.last().copied().unwrap_or_default(),
    ];
    Ok(Turn { rate, pauses })
}

fn checked(readings: Readings) -> anyhow::Result<Readings> {
    let torn = readings.torn.first();
    torn.map_or(Ok(()), |torn| Err(anyhow::anyhow!("{torn}")))
        .context("a reading that does not belong together")?;
    Ok(readings)
}
