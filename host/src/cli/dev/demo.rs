//! The demonstration: three example projections, and a bank and a shop whose events they read.
//!
//! The events are drawn from a fixed seed, so that everybody sees the same views.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::samples::is_empty;
use super::screen::Screen;
use crate::app::Named;
use crate::cli::UserError;
use crate::lane::chain;
use crate::source::embedded::{Appender, EmbeddedLog, Record};

const PROJECTIONS: [&str; 3] = ["balances", "leaderboard", "orders"];
const BANK_EVENTS: usize = 100_000;
const ACCOUNTS: u64 = 1_000;
const ORDERS: u64 = 2_000;
/// Events that are appended together.
const CHUNK: usize = 10_000;
const TRICKLE_EVERY: Duration = Duration::from_millis(200);
/// When the sample events begin: 2026-01-01T00:00:00Z.
const BEGIN_MS: i64 = 1_767_225_600_000;
const OWNERS: [&str; 8] = ["Ada", "Grace", "Edsger", "Barbara", "Tony", "Niklaus", "Leslie", "Donald"];

/// An event of the demonstration.
struct Sample {
    topic: &'static str,
    key: String,
    payload: Value,
}

/// The example projections. Unless a directory is named, their plugins stand in `plugins` beside the binary or its
/// directory, where `./x build` puts them.
pub(super) fn projections(named: Option<PathBuf>) -> anyhow::Result<Vec<Named>> {
    let binary = std::env::current_exe()?;
    let beside = binary.ancestors().skip(1).take(2).map(|directory| directory.join("plugins"));
    let directories: Vec<_> = named.map_or_else(|| beside.collect(), |directory| vec![directory]);
    let found = directories.into_iter().find(|directory| directory.join("balances.wasm").is_file());
    let directory = found.ok_or_else(|| {
        UserError::failure("the example plugins are not built", "run ./x demo, or ./x build first")
    })?;
    let named =
        |name: &str| Named { name: name.to_owned(), file: directory.join(format!("{name}.wasm")), topics: None };
    Ok(PROJECTIONS.map(named).into())
}

/// Appends the sample events to topics that have none yet.
pub(super) async fn append_all(log: &EmbeddedLog, screen: &Screen) -> anyhow::Result<()> {
    let mut random = Random(42);
    let bank: Vec<_> = bank(&mut random).take(BANK_EVENTS).collect();
    let shop: Vec<_> = (0..ORDERS).flat_map(|number| order(&mut random, number)).collect();
    let mut time = BEGIN_MS;
    for (topic, samples) in by_topic(bank.into_iter().chain(shop)) {
        let mut appender = appender(log, topic)?;
        if !is_empty(log, topic).await? {
            screen.note(format_args!("topic {topic} has its sample events already"));
            continue;
        }
        for chunk in samples.chunks(CHUNK) {
            append(&mut appender, chunk, &mut time)?;
        }
        screen.note(format_args!("appended {} sample events to {topic}", samples.len()));
    }
    Ok(())
}

/// Appends an event now and then, until dropped.
pub(super) async fn trickle(log: &EmbeddedLog) -> anyhow::Result<()> {
    let mut random = Random(43);
    let mut time = BEGIN_MS + 86_400_000;
    let mut appender = appender(log, "account-events")?;
    // Their accounts are open already.
    let mut events = bank(&mut random).skip_while(|sample| sample.payload["type"] == "AccountOpened");
    let mut interval = tokio::time::interval(TRICKLE_EVERY);
    loop {
        interval.tick().await;
        let Some(sample) = events.find(|sample| sample.payload["type"] != "AccountOpened") else { return Ok(()) };
        append(&mut appender, &[sample], &mut time)?;
    }
}

fn by_topic(samples: impl Iterator<Item = Sample>) -> Vec<(&'static str, Vec<Sample>)> {
    let mut topics: Vec<(&'static str, Vec<Sample>)> = Vec::new();
    for sample in samples {
        match topics.iter_mut().find(|(topic, _)| *topic == sample.topic) {
            Some((_, samples)) => samples.push(sample),
            None => topics.push((sample.topic, vec![sample])),
        }
    }
    topics
}

fn appender(log: &EmbeddedLog, topic: &str) -> anyhow::Result<Appender> {
    log.appender(topic).map_err(|e| UserError::failure(chain(&e), e.hint()).into())
}

fn append(appender: &mut Appender, samples: &[Sample], time: &mut i64) -> anyhow::Result<()> {
    let payloads: Vec<_> = samples.iter().map(|sample| sample.payload.to_string()).collect();
    let records = samples.iter().zip(&payloads).map(|(sample, payload)| {
        *time += 250;
        Record {
            key: Some(sample.key.as_bytes()),
            timestamp: *time,
            headers: &[],
            payload: Some(payload.as_bytes()),
        }
    });
    appender.append(records).map(drop).map_err(|e| UserError::failure(chain(&e), e.hint()).into())
}

/// Accounts that are opened when they are first used, and money that comes and goes.
fn bank(random: &mut Random) -> impl Iterator<Item = Sample> + '_ {
    let mut opened = HashSet::new();
    std::iter::repeat_with(move || {
        let number = random.below(ACCOUNTS);
        let account = format!("acc-{number}");
        let amount = 1 + random.below(50_000);
        let payload = if opened.insert(number) {
            let owner = OWNERS[random.below(OWNERS.len() as u64) as usize];
            json!({"type": "AccountOpened", "account": account, "owner": owner})
        } else if random.below(3) > 0 {
            json!({"type": "MoneyDeposited", "account": account, "amount": amount})
        } else {
            json!({"type": "MoneyWithdrawn", "account": account, "amount": amount})
        };
        Sample { topic: "account-events", key: account, payload }
    })
}

/// An order, placed in one of the two versions of its event, and what becomes of it.
fn order(random: &mut Random, number: u64) -> Vec<Sample> {
    let order = format!("o-{number}");
    let (quantity, price) = (1 + random.below(3), 100 + random.below(5_000));
    let total = quantity * price;
    let lines = json!([{"sku": format!("sku-{}", random.below(50)), "quantity": quantity, "price_cents": price}]);
    let customer = OWNERS[random.below(OWNERS.len() as u64) as usize];
    let placed = if number.is_multiple_of(2) {
        let total = format!("{}.{:02}", total / 100, total % 100);
        json!({"type": "OrderPlaced", "version": 1, "order": order, "customer": customer, "lines": lines, "total": total})
    } else {
        json!({"type": "OrderPlaced", "version": 2, "order": order, "customer": customer, "lines": lines,
               "total_cents": total})
    };
    let sample = |topic, payload| Sample { topic, key: order.clone(), payload };
    let mut samples = vec![sample("order-events", placed)];
    match random.below(4) {
        0 => samples.push(sample("order-events", json!({"type": "OrderCancelled", "order": order}))),
        1 => {}
        fate => {
            let paid = json!({"type": "PaymentReceived", "order": order, "amount_cents": total});
            samples.push(sample("payment-events", paid));
            if fate == 3 {
                samples.push(sample("order-events", json!({"type": "OrderShipped", "order": order})));
            }
        }
    }
    samples
}

/// A small generator of numbers (xorshift64*): only here so that everybody sees the same events.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % bound
    }
}
