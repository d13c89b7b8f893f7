//! What every account holds, and what has moved in all: `HGET balances:accounts acc-42`, `HGETALL
//! balances:totals`.

use std::borrow::Cow;
use std::ops::DerefMut;

use lantern_sdk::prelude::*;

/// What happens to an account. Amounts are in cents.
#[derive(Deserialize)]
enum AccountEvent<'a> {
    AccountOpened {
        #[serde(borrow)]
        account: Cow<'a, str>,
        #[serde(borrow)]
        owner: Cow<'a, str>,
    },
    MoneyDeposited {
        #[serde(borrow)]
        account: Cow<'a, str>,
        amount: i64,
    },
    MoneyWithdrawn {
        #[serde(borrow)]
        account: Cow<'a, str>,
        amount: i64,
    },
}

/// Nothing else that happens to an account moves money. It is counted.
const TYPES: EventTypes = EventTypes::in_field("type").ignore_others().ignore_tombstones();

/// An account as readers see it.
#[derive(Serialize, Deserialize)]
struct Account {
    account: String,
    /// Empty while money has moved but the opening has not been seen.
    owner: String,
    /// In cents.
    balance: i64,
    /// How many events were applied to it.
    events: u64,
}

struct Balances {
    accounts: Table<Account>,
    totals: Counters,
}

impl Projection for Balances {
    const NAME: &'static str = "balances";
    const TOPICS: &'static [&'static str] = &["account-events"];

    fn new(views: &mut Views) -> Self {
        Self { accounts: views.table("accounts"), totals: views.counters("totals") }
    }

    fn prefetch(&mut self, events: &Events<'_>) {
        self.accounts.prefetch(events.keys());
    }

    fn apply(&mut self, event: &Event<'_>) -> Result<()> {
        use AccountEvent::*;
        match event.json_by(&TYPES)? {
            Some(AccountOpened { account, owner }) => {
                self.account(&account)?.owner = owner.into_owned();
                self.totals.add("accounts", 1);
            }
            Some(MoneyDeposited { account, amount }) => {
                self.account(&account)?.balance += amount;
                self.totals.add("deposited", amount);
            }
            Some(MoneyWithdrawn { account, amount }) => {
                self.account(&account)?.balance -= amount;
                self.totals.add("withdrawn", amount);
            }
            None => {
                self.totals.add("ignored", 1);
                return Ok(());
            }
        }
        self.totals.add("events", 1);
        Ok(())
    }
}

impl Balances {
    /// The account that an event applies to.
    fn account(&mut self, id: &str) -> Result<impl DerefMut<Target = Account>> {
        let mut account = self.accounts.get_or_insert_with(id, || Account {
            account: id.into(),
            owner: String::new(),
            balance: 0,
            events: 0,
        })?;
        account.events += 1;
        Ok(account)
    }
}

export!(Balances);

#[cfg(test)]
mod tests;
