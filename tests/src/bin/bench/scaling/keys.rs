//! More keys: the same number of events, spread evenly over ever more accounts, at once and at a rate.
//!
//! All accounts are opened before, so that in each case the measured events do the same: they change a document that is
//! there. What differs is what more keys bring along: fewer events for the same document in a batch, more documents that the
//! lane no longer has in memory and reads from Redis again, and a larger Redis. Each case has a host and a Redis of its own,
//! which stay, so that accounts are opened but once; all measure in turns, each round a further backlog or some more seconds.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::ensure;
use lantern_tests::bank::openings;
use lantern_tests::random::Random;
use lantern_tests::{Event, Host, Operator, artefacts};
use redis::cmd;
use serde_json::Value;

use super::{backlog, counted, row, tell};
use crate::latency::Sender;
use crate::meter::{Cost, Meter};
use crate::report::note;
use crate::results::Row;
use crate::rotation;
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
    let broker = Servers::start()?;
    let counts = COUNTS.into_iter().filter(|accounts| *accounts <= accounts_max);
    let mut cases =
        counts.map(|accounts| Case::open(broker.with_another_redis(), accounts)).collect::<Result<Vec<_>, _>>()?;
    let places: Vec<usize> = (0..cases.len()).collect();
    let backlogs = rotation::play(&places, rounds, |place, round| cases[place].take_backlog(events, round))?;
    let rates = rotation::play(&places, rounds, |place, round| cases[place].take_rate(seconds, round))?;
    let backlogs = backlogs.iter().map(|(place, costs)| row("keys", cases[*place].name(), costs));
    let rates = rates.iter().map(|(place, costs)| row("keys", cases[*place].name_rate(), costs));
    let rows = backlogs.chain(rates).collect();
    cases.iter().try_for_each(Case::holds)?;
    Ok(rows)
}

/// So many accounts: a topic, and who keeps their documents.
struct Case {
    accounts: u64,
    topic: String,
    deposits: Deposits,
    hosts: Vec<Host>,
    servers: Servers,
}

impl Case {
    fn open(servers: Servers, accounts: u64) -> anyhow::Result<Case> {
        let topic = format!("{accounts}-accounts");
        servers.kafka.create_topic(&topic, PARTITIONS);
        note(&format!("opening {accounts} accounts"));
        produce(&servers, &topic, openings(accounts, PARTITIONS));
        backlog::deploy_paused(&servers, &artefacts::plugin(PROJECTION), &topic);
        let mut hosts = backlog::start_hosts(&servers, 1);
        backlog::take(&servers, &mut hosts, &servers.ends(&topic, PARTITIONS), accounts)?;
        let deposits = Deposits { random: Random::new(accounts), accounts: vec![(0, 1); accounts as usize] };
        Ok(Case { accounts, topic, deposits, hosts, servers })
    }

    fn name(&self) -> String {
        counted(self.accounts, "key")
    }

    fn name_rate(&self) -> String {
        format!("{}, {RATE}/s", self.name())
    }

    fn ends(&self) -> BTreeMap<String, u64> {
        self.servers.ends(&self.topic, PARTITIONS)
    }

    fn take_backlog(&mut self, events: u64, round: usize) -> anyhow::Result<Cost> {
        Operator::of(&self.servers.redis).does(&["pause", PROJECTION]);
        produce(&self.servers, &self.topic, self.deposits.by_ref().take(events as usize));
        let ends = self.ends();
        let cost = backlog::take(&self.servers, &mut self.hosts, &ends, events)?;
        tell(&self.name(), round, &cost);
        Ok(cost)
    }

    fn take_rate(&mut self, seconds: u64, round: usize) -> anyhow::Result<Cost> {
        let live: Vec<Event> = self.deposits.by_ref().take((RATE * seconds) as usize).collect();
        let sender = Sender::to(self.servers.kafka.servers(), &self.topic)?;
        let meter = Meter::start(&self.servers, &[&*self.hosts[0]])?;
        sender.send(&live, RATE)?;
        let ends = self.ends();
        self.servers.until_applied(&mut self.hosts[0], &ends);
        let cost = meter.stop(&self.servers, &[&*self.hosts[0]], RATE * seconds)?;
        tell(&self.name_rate(), round, &cost);
        Ok(cost)
    }

    /// Passes if Redis holds the accounts as they are now.
    fn holds(&self) -> anyhow::Result<()> {
        let (redis, key) = (&self.servers.redis, format!("{PROJECTION}:accounts"));
        let accounts = self.accounts;
        let there: u64 = redis.query(cmd("HLEN").arg(&key))?;
        ensure!(there == accounts, "{there} accounts are there of {accounts}");
        let total = redis.field(&format!("{PROJECTION}:totals"), "deposited");
        let deposited: i64 = self.deposits.accounts.iter().map(|(balance, _)| balance).sum();
        ensure!(total == Some(deposited.to_string()), "{total:?} is deposited and not {deposited}");
        for number in (0..accounts).step_by((accounts / COMPARED).max(1) as usize) {
            let account = redis.field(&key, &format!("acc-{number}")).unwrap_or_default();
            let (balance, events) = self.deposits.accounts[number as usize];
            let seen: Value = serde_json::from_str(&account)?;
            let same = seen["balance"] == balance && seen["events"] == events;
            ensure!(same, "acc-{number} has {balance} after {events} events and not {account}");
        }
        Ok(())
    }
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
