//! The job of the plugin `balances`, as it is written without Lantern.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// The hash of documents.
pub const ACCOUNTS: &str = "balances:accounts";
/// The hash of totals.
pub const TOTALS: &str = "balances:totals";
/// The hash of checkpoints, where the benchmark looks: `<topic>/<partition>` → next offset.
pub const CHECKPOINTS: &str = "lantern:checkpoints:balances";

/// An event of the topic. Flat, because serde buffers a tagged enum before it reads it.
#[derive(Deserialize)]
pub struct Event<'a> {
    /// What happened.
    #[serde(borrow, rename = "type")]
    pub kind: Cow<'a, str>,
    /// To which account.
    #[serde(borrow)]
    pub account: Cow<'a, str>,
    #[serde(borrow, default)]
    owner: Option<Cow<'a, str>>,
    #[serde(default)]
    amount: i64,
}

/// A document of the view.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Account {
    account: String,
    owner: Option<String>,
    balance: i64,
    events: u64,
}

impl Account {
    /// An account that nothing has happened to.
    pub fn new(id: &str) -> Account {
        Account { account: id.to_owned(), ..Account::default() }
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.account
    }

    /// Applies an event.
    pub fn apply(&mut self, event: &Event<'_>, effect: Effect) {
        match effect {
            Effect::Opened => self.owner = event.owner.as_deref().map(str::to_owned),
            Effect::Moved(amount) => self.balance += amount,
        }
        self.events += 1;
    }
}

/// What an event does to its account.
#[derive(Clone, Copy)]
pub enum Effect {
    /// It begins.
    Opened,
    /// Its balance changes by so much.
    Moved(i64),
}

impl Event<'_> {
    /// What it does; nothing, if it is of a kind that this job does not know.
    pub fn effect(&self) -> Option<Effect> {
        match &*self.kind {
            "AccountOpened" => Some(Effect::Opened),
            "MoneyDeposited" => Some(Effect::Moved(self.amount)),
            "MoneyWithdrawn" => Some(Effect::Moved(-self.amount)),
            _ => None,
        }
    }
}

/// The totals of the view, or what a batch adds to them.
#[derive(Clone, Copy, Default)]
pub struct Totals {
    accounts: i64,
    events: i64,
    deposited: i64,
    withdrawn: i64,
    ignored: i64,
}

impl Totals {
    /// The totals as they were stored.
    pub fn restored(fields: &HashMap<String, i64>) -> Totals {
        let field = |name: &str| fields.get(name).copied().unwrap_or_default();
        Totals {
            accounts: field("accounts"),
            events: field("events"),
            deposited: field("deposited"),
            withdrawn: field("withdrawn"),
            ignored: field("ignored"),
        }
    }

    /// Counts an event.
    pub fn count(&mut self, effect: Option<Effect>) {
        match effect {
            None => self.ignored += 1,
            Some(Effect::Opened) => self.accounts += 1,
            Some(Effect::Moved(amount)) if amount < 0 => self.withdrawn -= amount,
            Some(Effect::Moved(amount)) => self.deposited += amount,
        }
        self.events += i64::from(effect.is_some());
    }

    /// The totals by name.
    pub fn fields(&self) -> [(&'static str, i64); 5] {
        [
            ("accounts", self.accounts),
            ("events", self.events),
            ("deposited", self.deposited),
            ("withdrawn", self.withdrawn),
            ("ignored", self.ignored),
        ]
    }
}
