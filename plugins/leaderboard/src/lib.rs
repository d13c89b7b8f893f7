//! Who has the most? `ZREVRANGE leaderboard:by-balance 0 9 WITHSCORES` shows the ten richest
//! accounts.

use lantern_sdk::prelude::*;

#[derive(Deserialize)]
enum AccountEvent {
    AccountOpened { account: String },
    MoneyDeposited { account: String, amount: i64 },
    MoneyWithdrawn { account: String, amount: i64 },
}

/// Nothing else moves money.
const TYPES: EventTypes = EventTypes::in_field("type").ignore_others().ignore_tombstones();

struct Leaderboard(Ranking);

impl Projection for Leaderboard {
    const NAME: &'static str = "leaderboard";
    const TOPICS: &'static [&'static str] = &["account-events"];

    fn new(views: &mut Views) -> Self {
        Self(views.ranking("by-balance"))
    }

    fn apply(&mut self, event: &Event<'_>) -> Result<()> {
        match event.json_by(&TYPES)? {
            Some(AccountEvent::AccountOpened { account }) => self.0.add(account, 0),
            Some(AccountEvent::MoneyDeposited { account, amount }) => self.0.add(account, amount),
            Some(AccountEvent::MoneyWithdrawn { account, amount }) => self.0.add(account, -amount),
            None => {}
        }
        Ok(())
    }
}

export!(Leaderboard);

#[cfg(test)]
mod tests;
