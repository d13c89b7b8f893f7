//! The next revision of `balances`: accounts have a currency, which the operator sets. Its views can be told from those
//! of the first: every account has a `currency`, and `totals` has the counter `v2`, which says how many were opened.

use lantern_sdk::prelude::*;

mod account;

use account::Account;

struct Balances {
    accounts: Table<Account>,
    totals: Counters,
    currency: String,
}

impl Projection for Balances {
    const NAME: &'static str = "balances";
    const TOPICS: &'static [&'static str] = &["account-events"];
    const REVISION: u32 = 2;

    fn new(views: &mut Views) -> Self {
        Self {
            accounts: views.table("accounts"),
            totals: views.counters("totals"),
            currency: lantern_sdk::config("currency").unwrap_or_else(|| "EUR".to_owned()),
        }
    }

    fn prefetch(&mut self, events: &Events<'_>) {
        self.accounts.prefetch(events.keys());
    }

    fn apply(&mut self, event: &Event<'_>) -> Result<()> {
        let Some((total, amount)) = account::apply(event, &mut self.accounts, Some(&self.currency))? else {
            self.totals.add("ignored", 1);
            return Ok(());
        };
        self.totals.add(total, amount);
        if total == "accounts" {
            self.totals.add("v2", 1);
        }
        self.totals.add("events", 1);
        Ok(())
    }
}

export!(Balances);

#[cfg(test)]
mod tests;
