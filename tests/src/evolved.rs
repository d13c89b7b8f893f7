//! What the `evolved` plugin reads: facts, generated from a seed, told in whatever version, content mode or envelope the seed
//! says; and what they come to, which does not depend on how they were told.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::event::Event;
use crate::random::Random;
use crate::redis_server::RedisServer;
use crate::view;

/// A bank whose producers were changed more than once, and never all together.
#[derive(Debug, Default)]
pub struct EvolvedBank {
    /// For the topic `ledger-events`: three versions, mixed all through the topic, and tombstones.
    pub ledger: Vec<Event>,
    /// For the topic `transfers`: CloudEvents of two versions in both content modes.
    pub transfers: Vec<Event>,
    /// For the topic `bank.public.owners`: Debezium, with schemas and without.
    pub owners: Vec<Event>,
    accounts: BTreeMap<String, Value>,
    booked: BTreeMap<String, i64>,
    names: BTreeMap<String, Value>,
}

impl EvolvedBank {
    /// So many facts in each topic.
    pub fn generate(seed: u64, facts: u64, accounts: u64, partitions: u32) -> EvolvedBank {
        let mut random = Random::new(seed);
        let mut bank = EvolvedBank::default();
        for n in 0..facts {
            let account = format!("a-{}", random.below(accounts));
            let (events, key) = (&mut bank.ledger, account.as_str());
            match random.below(50) {
                0 => events.push(Event::tombstone(key, partitions)),
                1 => events.push(Event::keyed(key, partitions, json!({"type": "StatementPrinted"}).to_string())),
                _ => events.push(Event::keyed(key, partitions, moved(&mut random, key, &mut bank.accounts))),
            }
            if events.last().is_some_and(|event| event.payload.is_none()) {
                bank.accounts.remove(key);
            }
            bank.transfers.push(transfer(&mut random, n, key, partitions, &mut bank.booked));
            bank.tell_owner(&mut random, key, n, partitions);
        }
        bank
    }

    fn tell_owner(&mut self, random: &mut Random, account: &str, n: u64, partitions: u32) {
        let row = |name: &str| json!({"account": account, "name": name});
        let name = format!("owner-{n}");
        let known = self.names.get(account).cloned();
        let mut happens = |envelope: Option<Value>, with_schema: bool| {
            let wrap = |value: Value| {
                if with_schema {
                    json!({"schema": {"type": "struct", "fields": []}, "payload": value})
                } else {
                    value
                }
            };
            let key = wrap(json!({"account": account})).to_string();
            let event = Event::keyed(account, partitions, "").key_of(key.as_bytes());
            let payload = envelope.map(|envelope| wrap(envelope).to_string().into_bytes());
            self.owners.push(Event { payload, ..event });
        };
        let with_schema = random.below(2) == 0;
        match (known, random.below(4)) {
            (Some(before), 0) => {
                happens(Some(json!({"op": "d", "before": before, "after": null, "ts_ms": n})), with_schema);
                happens(None, with_schema);
                self.names.remove(account);
                return;
            }
            (before @ Some(_), _) => {
                happens(Some(json!({"op": "u", "before": before, "after": row(&name), "ts_ms": n})), with_schema);
            }
            (None, how) => {
                let op = if how == 0 { "r" } else { "c" };
                happens(Some(json!({"op": op, "before": null, "after": row(&name), "ts_ms": n})), with_schema);
            }
        }
        self.names.insert(account.to_owned(), row(&name));
    }

    /// Passes if the views of a projection hold what these facts come to.
    pub fn views_hold(&self, redis: &RedisServer, projection: &str) -> Result<(), String> {
        let documents = |view: &str| {
            let rows = redis.hash(&format!("{projection}:{view}")).into_iter();
            rows.map(|(id, text)| (id, serde_json::from_str(&text).expect("a document is JSON"))).collect()
        };
        let counters = redis.hash(&format!("{projection}:booked")).into_iter();
        let counters = counters.map(|(id, text)| (id, text.parse().expect("a counter is a number"))).collect();
        view::same("accounts", &self.accounts, &documents("accounts"))?;
        view::same("booked", &self.booked, &counters)?;
        view::same("owners", &self.names, &documents("owners"))
    }

    /// How many events there are in all topics.
    pub fn len(&self) -> u64 {
        (self.ledger.len() + self.transfers.len() + self.owners.len()) as u64
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A move in one of three versions; only the latest knows of other currencies.
fn moved(random: &mut Random, account: &str, accounts: &mut BTreeMap<String, Value>) -> String {
    let cents = random.below(200_000) as i64 - 100_000;
    let (version, currency) = match random.below(4) {
        0 => (1, "EUR"),
        1 => (2, "EUR"),
        2 => (3, "EUR"),
        _ => (3, "CHF"),
    };
    let held = accounts.entry(account.to_owned()).or_insert_with(|| json!({"cents": {}, "moves": 0}));
    let sum = held["cents"][currency].as_i64().unwrap_or(0) + cents;
    held["cents"][currency] = json!(sum);
    held["moves"] = json!(held["moves"].as_u64().unwrap_or(0) + 1);
    match version {
        1 => {
            let (sign, size) = (if cents < 0 { "-" } else { "" }, cents.unsigned_abs());
            let amount = format!("{sign}{}.{:02}", size / 100, size % 100);
            json!({"type": "MoneyMoved", "account": account, "amount": amount})
        }
        2 => json!({"type": "MoneyMoved", "version": 2, "account": account, "cents": cents}),
        _ => json!({
            "type": "MoneyMoved", "version": 3, "account": account, "money": {"cents": cents, "currency": currency},
        }),
    }
    .to_string()
}

/// A transfer as a CloudEvent of either version in either content mode, now and then one that is only planned.
fn transfer(
    random: &mut Random,
    n: u64,
    account: &str,
    partitions: u32,
    booked: &mut BTreeMap<String, i64>,
) -> Event {
    let euros = random.below(1_000) as i64;
    let (event_type, data, cents) = match random.below(8) {
        0 => ("com.example.transfer.planned", json!({"whatever": n}), None),
        1..4 => ("com.example.transfer.booked", json!({"account": account, "euros": euros}), Some(euros * 100)),
        _ => ("com.example.transfer.booked.v2", json!({"account": account, "cents": euros}), Some(euros)),
    };
    if let Some(cents) = cents {
        *booked.entry(account.to_owned()).or_default() += cents;
    }
    let id = n.to_string();
    let attributes = [
        ("specversion", "1.0"),
        ("id", &id),
        ("source", "/bank"),
        ("type", event_type),
        ("time", "2018-04-05T17:31:00Z"),
    ];
    if random.below(2) == 0 {
        let event = Event::keyed(account, partitions, data.to_string()).header("content-type", "application/json");
        return attributes.iter().fold(event, |event, (name, value)| event.header(&format!("ce_{name}"), value));
    }
    let mut document = json!({"data": data});
    attributes.iter().for_each(|(name, value)| document[*name] = json!(value));
    let event = Event::keyed(account, partitions, document.to_string());
    event.header("content-type", "application/cloudevents+json; charset=UTF-8")
}
