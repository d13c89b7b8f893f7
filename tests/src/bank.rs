//! The bank of the `balances` and `leaderboard` plugins: its events, generated from a seed, and an independent fold of
//! them, which says what both views must hold.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value, json};

use crate::event::{EPOCH_MS, Event};
use crate::random::Random;
use crate::redis_server::RedisServer;
use crate::view;

const OWNERS: [&str; 8] = ["Ada", "Grace", "Barbara", "Edsger", "Donald", "Frances", "Niklaus", "Radia"];

/// What events to make. Equal values make equal events.
#[derive(Clone, Debug)]
pub struct Bank {
    /// Where the stream of random numbers starts.
    pub seed: u64,
    /// How many events there are in all.
    pub events: u64,
    /// How many accounts they are about, at most.
    pub accounts: u64,
    /// How many partitions the topic has.
    pub partitions: u32,
    /// The exponent of a Zipf distribution over the accounts; 0 = all alike.
    pub skew: f64,
    /// Payloads shorter than this are filled up to it.
    pub payload_bytes_min: usize,
}

impl Default for Bank {
    fn default() -> Bank {
        Bank { seed: 1, events: 100_000, accounts: 2_000, partitions: 8, skew: 0.0, payload_bytes_min: 0 }
    }
}

impl Bank {
    /// The events, in the order in which they are to be appended. The first of each account opens it.
    pub fn events(&self) -> impl Iterator<Item = Event> + use<> {
        let bank = self.clone();
        let mut random = Random::new(self.seed);
        let weights = cumulative_weights(self.accounts, self.skew);
        let mut opened = vec![false; self.accounts as usize];
        (0..self.events).map(move |n| {
            let point = random.unit() * weights.last().expect("a bank has accounts");
            let account = weights.partition_point(|weight| *weight <= point).min(opened.len() - 1);
            let first = !std::mem::replace(&mut opened[account], true);
            bank.event(n, &format!("acc-{account}"), first, &mut random)
        })
    }

    fn event(&self, n: u64, account: &str, first: bool, random: &mut Random) -> Event {
        let mut payload = String::with_capacity(self.payload_bytes_min.max(96));
        let amount = 1 + random.below(100_000);
        let owner = OWNERS[random.below(OWNERS.len() as u64) as usize];
        let written = match random.below(100) {
            _ if first => write!(payload, r#"{{"type":"AccountOpened","account":"{account}","owner":"{owner}""#),
            0..55 => write!(payload, r#"{{"type":"MoneyDeposited","account":"{account}","amount":{amount}"#),
            55..95 => write!(payload, r#"{{"type":"MoneyWithdrawn","account":"{account}","amount":{amount}"#),
            _ => write!(payload, r#"{{"type":"StatementSent","account":"{account}","pages":{}"#, 1 + amount % 9),
        };
        written.expect("a string takes any text");
        const FILLER: &str = r#","memo":""}"#;
        if let Some(missing) = self.payload_bytes_min.checked_sub(payload.len() + FILLER.len()) {
            payload.push_str(r#","memo":""#);
            payload.extend(std::iter::repeat_n('x', missing));
            payload.push('"');
        }
        payload.push('}');
        Event::keyed(account, self.partitions, payload).at(EPOCH_MS + n as i64)
    }
}

/// The events by which so many accounts are opened, and no other.
pub fn openings(accounts: u64, partitions: u32) -> impl Iterator<Item = Event> {
    (0..accounts).map(move |number| {
        let (account, owner) = (format!("acc-{number}"), OWNERS[number as usize % OWNERS.len()]);
        let payload = format!(r#"{{"type":"AccountOpened","account":"{account}","owner":"{owner}"}}"#);
        Event::keyed(&account, partitions, payload)
    })
}

fn cumulative_weights(accounts: u64, skew: f64) -> Vec<f64> {
    let weights = (1..=accounts).map(|rank| (rank as f64).powf(-skew));
    let mut sum = 0.0;
    weights
        .map(|weight| {
            sum += weight;
            sum
        })
        .collect()
}

/// The views of `balances` and `leaderboard`.
#[derive(Debug, Default, PartialEq)]
pub struct BankViews {
    /// `balances:accounts`, documents parsed.
    pub accounts: BTreeMap<String, Value>,
    /// `balances:totals`, without zeros.
    pub totals: BTreeMap<String, i64>,
    /// `leaderboard:by-balance`.
    pub by_balance: BTreeMap<String, f64>,
}

impl BankViews {
    /// What the views must hold after these events, each account's in its order.
    pub fn fold<'a>(events: impl IntoIterator<Item = &'a Event>) -> BankViews {
        let mut accounts: BTreeMap<String, Account> = BTreeMap::new();
        let mut totals: BTreeMap<String, i64> = BTreeMap::new();
        let mut add = |name: &str, amount: i64| *totals.entry(name.to_owned()).or_default() += amount;
        for event in events {
            let event = event.json().expect("the bank's events are JSON");
            let (amount, sign, total) = match event["type"].as_str() {
                Some("AccountOpened") => (0, 0, "accounts"),
                Some("MoneyDeposited") => {
                    (event["amount"].as_i64().expect("a deposit has an amount"), 1, "deposited")
                }
                Some("MoneyWithdrawn") => {
                    (event["amount"].as_i64().expect("a withdrawal has one"), -1, "withdrawn")
                }
                _ => {
                    add("ignored", 1);
                    continue;
                }
            };
            let id = event["account"].as_str().expect("every event of the bank names its account");
            let account = accounts.entry(id.to_owned()).or_default();
            if let Some(owner) = event["owner"].as_str() {
                account.owner = owner.to_owned();
            }
            account.balance += sign * amount;
            account.events += 1;
            add("events", 1);
            add(total, if sign == 0 { 1 } else { amount });
        }
        let by_balance = accounts.iter().map(|(id, account)| (id.clone(), account.balance as f64)).collect();
        let document = |id: &String, account: &Account| {
            let Account { owner, balance, events } = account;
            json!({ "account": id, "owner": owner, "balance": balance, "events": events })
        };
        let accounts = accounts.iter().map(|(id, account)| (id.clone(), document(id, account))).collect();
        BankViews { accounts, totals, by_balance }
    }

    /// The same as the next revision of `balances` shows it: every account in this currency, and counted once more.
    pub fn revised(mut self, currency: &str) -> BankViews {
        self.accounts.values_mut().for_each(|account| account["currency"] = json!(currency));
        if let Some(opened) = self.totals.get("accounts").copied() {
            self.totals.insert("v2".to_owned(), opened);
        }
        self
    }

    /// Passes if `balances` holds just this.
    pub fn balances_hold(&self, redis: &RedisServer) -> Result<(), String> {
        self.hold_under("balances", redis)
    }

    /// Passes if the plugin `balances`, deployed under this name, holds just this.
    pub fn hold_under(&self, name: &str, redis: &RedisServer) -> Result<(), String> {
        let (accounts_key, totals_key) = (format!("{name}:accounts"), format!("{name}:totals"));
        let parse = |text: &String| serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone()));
        let accounts = redis.hash(&accounts_key).iter().map(|(id, text)| (id.clone(), parse(text))).collect();
        view::same(&accounts_key, &self.accounts, &accounts)?;
        let totals = redis.hash(&totals_key).into_iter();
        let totals = totals.map(|(name, count)| (name, count.parse().expect("a counter is an integer")));
        let totals = totals.filter(|(_, count)| *count != 0).collect();
        view::same(&totals_key, &self.totals, &totals)
    }

    /// Passes if `leaderboard` holds just this.
    pub fn leaderboard_holds(&self, redis: &RedisServer) -> Result<(), String> {
        view::same("leaderboard:by-balance", &self.by_balance, &redis.ranking("leaderboard:by-balance"))
    }
}

#[derive(Default)]
struct Account {
    owner: String,
    balance: i64,
    events: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_banks_make_equal_events() {
        let bank = Bank { events: 500, accounts: 20, skew: 1.0, payload_bytes_min: 200, ..Bank::default() };
        let events: Vec<Event> = bank.events().collect();
        assert_eq!(events, bank.events().collect::<Vec<_>>());
        assert!(events.iter().all(|event| { event.payload.as_ref().is_some_and(|payload| payload.len() >= 200) }));
        assert!(events.iter().all(|event| event.json().is_some()));
    }

    #[test]
    fn the_fold_adds_up() {
        let events: Vec<Event> = Bank { events: 2_000, accounts: 30, ..Bank::default() }.events().collect();
        let views = BankViews::fold(&events);
        let sum: i64 = views.accounts.values().filter_map(|account| account["balance"].as_i64()).sum();
        assert_eq!(sum, views.totals["deposited"] - views.totals["withdrawn"]);
        assert_eq!(views.totals["events"] + views.totals["ignored"], 2_000);
        assert_eq!(views.totals["accounts"], views.accounts.len() as i64);
    }
}
