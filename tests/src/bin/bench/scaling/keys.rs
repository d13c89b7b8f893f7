//! More keys: the same number of events, spread evenly over ever more accounts, at once and at a rate.
//!
//! All accounts are opened before, so that in each case the measured events do the same: they change a document that is
//! there. What differs is what more keys bring along: fewer events for the same document in a batch, more documents that the
//! lane no longer has in memory and reads from Redis again, and a larger Redis. Each round is a further backlog of the same
//! host, so that accounts are opened but once.

use std::fmt::Write;

use anyhow::ensure;
use lantern_tests::bank::openings;
use lantern_tests::random::Random;
use lantern_tests::{Event, Operator, artefacts};
use redis::cmd;
use serde_json::Value;

use super::{backlog, counted, row, tell};
use crate::latency::Sender;
use crate::meter::{Cost, Meter};
use crate::report::note;
use crate::results::Row;
use crate::servers::{PARTITIONS, PROJECTION, Servers};

/// Accounts; the last only if there is time.
const COUNTS: [u64; 4] = [10_000, 100_000, 1_000_000, 10_000_000];
/// Events are made and produced so many at once.
const CHUNK: usize = 100_000;
/// Events a second, where they come at a rate.
const RATE: u64 = 10_000;
/// So many documents are compared, evenly spread; to compare all of ten million takes longer than to measure them.
const COMPARED: u64 = 10_000;
/// As long as an event in the other measures.
const FILLER: &str =
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

/// Measures backlogs of so many events, one a round, and then rates for so many seconds, over as many accounts as this and
/// fewer.
pub fn measure(rounds: usize, events: u64, seconds: u64, accounts_max: u64) -> anyhow::Result<Vec<Row>> {
    let servers = Servers::start()?;
    let (mut backlogs, mut rates) = (Vec::new(), Vec::new());
    for accounts in COUNTS.into_iter().filter(|accounts| *accounts <= accounts_max) {
        let [backlog, rate] = measure_one(&servers, accounts, rounds, events, seconds)?;
        backlogs.push(backlog);
        rates.push(rate);
    }
    Ok([backlogs, rates].concat())
}

fn measure_one(
    servers: &Servers,
    accounts: u64,
    rounds: usize,
    events: u64,
    seconds: u64,
) -> anyhow::Result<[Row; 2]> {
    let case = counted(accounts, "key");
    let topic = format!("{accounts}-accounts");
    servers.kafka.create_topic(&topic, PARTITIONS);
    servers.redis.flush_all();
    note(&format!("opening {accounts} accounts"));
    produce(servers, &topic, openings(accounts, PARTITIONS));
    backlog::deploy_paused(servers, &artefacts::plugin(PROJECTION), &topic);
    let mut hosts = backlog::start_hosts(servers, 1);
    let ends = servers.ends(&topic, PARTITIONS);
    backlog::take(servers, &mut hosts, &ends, accounts)?;

    let mut deposits = Deposits { random: Random::new(accounts), accounts: vec![(0, 1); accounts as usize] };
    let mut costs: Vec<Cost> = Vec::new();
    for round in 1..=rounds {
        Operator::of(&servers.redis).does(&["pause", PROJECTION]);
        produce(servers, &topic, deposits.by_ref().take(events as usize));
        let cost = backlog::take(servers, &mut hosts, &servers.ends(&topic, PARTITIONS), events)?;
        tell(&case, round, &cost);
        costs.push(cost);
    }
    let case_rate = format!("{case}, {RATE}/s");
    let mut costs_rate: Vec<Cost> = Vec::new();
    for round in 1..=rounds {
        let live: Vec<Event> = deposits.by_ref().take((RATE * seconds) as usize).collect();
        let sender = Sender::to(servers.kafka.servers(), &topic)?;
        let meter = Meter::start(servers, &[&*hosts[0]])?;
        sender.send(&live, RATE)?;
        servers.until_applied(&mut hosts[0], &servers.ends(&topic, PARTITIONS));
        let cost = meter.stop(servers, &[&*hosts[0]], RATE * seconds)?;
        tell(&case_rate, round, &cost);
        costs_rate.push(cost);
    }
    drop(hosts);
    deposits.hold(servers)?;
    servers.kafka.delete_topic(&topic);
    Ok([row("keys", case, &costs), row("keys", case_rate, &costs_rate)])
}

fn produce(servers: &Servers, topic: &str, mut events: impl Iterator<Item = Event>) {
    loop {
        let chunk: Vec<Event> = events.by_ref().take(CHUNK).collect();
        if chunk.is_empty() {
            return;
        }
        servers.kafka.produce(topic, &chunk);
    }
}

/// Deposits on accounts by chance, without an end, and what has become of the accounts.
struct Deposits {
    random: Random,
    /// Balance and events of each.
    accounts: Vec<(i64, u64)>,
}

impl Iterator for Deposits {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        let number = self.random.below(self.accounts.len() as u64);
        let amount = 1 + self.random.below(100_000) as i64;
        let (balance, events) = &mut self.accounts[number as usize];
        *balance += amount;
        *events += 1;
        let mut payload = String::with_capacity(200);
        let account = format!("acc-{number}");
        let written = write!(
            payload,
            r#"{{"type":"MoneyDeposited","account":"{account}","amount":{amount},"memo":"{FILLER}"}}"#
        );
        written.expect("a string takes any text");
        Some(Event::keyed(&account, PARTITIONS, payload))
    }
}

impl Deposits {
    /// Passes if Redis holds the accounts as they are now.
    fn hold(&self, servers: &Servers) -> anyhow::Result<()> {
        let (accounts, key) = (self.accounts.len() as u64, format!("{PROJECTION}:accounts"));
        let there: u64 = servers.redis.query(cmd("HLEN").arg(&key))?;
        ensure!(there == accounts, "{there} accounts are there of {accounts}");
        let total = servers.redis.field(&format!("{PROJECTION}:totals"), "deposited");
        let deposited: i64 = self.accounts.iter().map(|(balance, _)| balance).sum();
        ensure!(total == Some(deposited.to_string()), "{total:?} is deposited and not {deposited}");
        for number in (0..accounts).step_by((accounts / COMPARED).max(1) as usize) {
            let account = servers.redis.field(&key, &format!("acc-{number}")).unwrap_or_default();
            let (balance, events) = self.accounts[number as usize];
            let seen: Value = serde_json::from_str(&account)?;
            let same = seen["balance"] == balance && seen["events"] == events;
            ensure!(same, "acc-{number} has {balance} after {events} events and not {account}");
        }
        Ok(())
    }
}
