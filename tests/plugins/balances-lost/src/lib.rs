//! `balances`, which has lost its view `totals` and kept its revision.

use lantern_sdk::prelude::*;

#[path = "../../balances-v2/src/account.rs"]
mod account;

use account::Account;

struct Lost {
    accounts: Table<Account>,
}

impl Projection for Lost {
    const NAME: &'static str = "balances";
    const TOPICS: &'static [&'static str] = &["account-events"];

    fn new(views: &mut Views) -> Self {
        Self { accounts: views.table("accounts") }
    }

    fn apply(&mut self, event: &Event<'_>) -> Result<()> {
        account::apply(event, &mut self.accounts, None).map(drop)
    }
}

export!(Lost);
