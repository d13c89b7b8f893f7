//! What every account holds, and what has moved in all: the plugin `balances`.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::native::counters::Counters;
use crate::native::table::Table;
use crate::native::{Commands, Job, Message, Origin};

/// The accounts and the totals.
pub struct Balances {
    accounts: Table<Account>,
    totals: Counters,
    /// What is to be added to the totals.
    moved: Moved,
}

/// An event of the topic. Flat, because serde buffers a tagged enum before it reads it.
#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    account: Cow<'a, str>,
    #[serde(borrow, default)]
    owner: Option<Cow<'a, str>>,
    #[serde(default)]
    amount: i64,
}

/// A document of the view.
#[derive(Default, Serialize, Deserialize)]
struct Account {
    account: String,
    owner: Option<String>,
    balance: i64,
    events: u64,
}

/// What has happened since the totals were written.
#[derive(Default)]
struct Moved {
    accounts: i64,
    events: i64,
    deposited: i64,
    withdrawn: i64,
    ignored: i64,
}

impl Balances {
    /// The job with its views under this name.
    pub fn open(projection: &str, origin: &Origin) -> anyhow::Result<Balances> {
        Ok(Balances {
            accounts: Table::open(format!("{projection}:accounts"), origin)?,
            totals: Counters::open(format!("{projection}:totals"), origin)?,
            moved: Moved::default(),
        })
    }
}

impl Job for Balances {
    fn apply(&mut self, message: &Message<'_>) -> anyhow::Result<()> {
        let event: Event<'_> = serde_json::from_slice(message.content()?)?;
        let change = match &*event.kind {
            "AccountOpened" => {
                self.moved.accounts += 1;
                0
            }
            "MoneyDeposited" => {
                self.moved.deposited += event.amount;
                event.amount
            }
            "MoneyWithdrawn" => {
                self.moved.withdrawn += event.amount;
                -event.amount
            }
            _ => {
                self.moved.ignored += 1;
                return Ok(());
            }
        };
        let account = self.accounts.change(&event.account)?;
        let account = account
            .get_or_insert_with(|| Account { account: event.account.clone().into_owned(), ..Account::default() });
        if let Some(owner) = event.owner {
            account.owner = Some(owner.into_owned());
        }
        account.balance += change;
        account.events += 1;
        self.moved.events += 1;
        Ok(())
    }

    fn take(&mut self, commands: &mut Commands) -> anyhow::Result<()> {
        let Moved { accounts, events, deposited, withdrawn, ignored } = std::mem::take(&mut self.moved);
        let totals = [
            ("accounts", accounts),
            ("events", events),
            ("deposited", deposited),
            ("withdrawn", withdrawn),
            ("ignored", ignored),
        ];
        let changed = totals.into_iter().filter(|(_, delta)| *delta != 0);
        changed.for_each(|(name, delta)| self.totals.add(name, delta));
        self.accounts.take(commands)?;
        self.totals.take(commands)
    }
}
