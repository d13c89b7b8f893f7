//! A projection whose topics have a history: events of three versions in one topic, CloudEvents in both content modes in
//! another, and Debezium's change events in a third.

mod ledger;
mod transfers;

use lantern_sdk::debezium::Change;
use lantern_sdk::prelude::*;

use ledger::{Account, LEDGER, LedgerEvent};
use transfers::{TRANSFERS, Transfer};

/// A row of the table `owners`.
#[derive(Serialize, Deserialize)]
struct Owner {
    account: String,
    name: String,
}

/// The key of that table.
#[derive(Deserialize)]
struct OwnerKey {
    account: String,
}

struct Evolved {
    accounts: Table<Account>,
    booked: Counters,
    owners: Table<Owner>,
}

impl Projection for Evolved {
    const NAME: &'static str = "evolved";
    const TOPICS: &'static [&'static str] = &["ledger-events", "transfers", "bank.public.owners"];

    fn new(views: &mut Views) -> Self {
        Self { accounts: views.table("accounts"), booked: views.counters("booked"), owners: views.table("owners") }
    }

    fn apply(&mut self, event: &Event<'_>) -> Result<()> {
        match event.topic_index() {
            0 => self.apply_ledger(event),
            1 => self.apply_transfer(event),
            _ => self.apply_owner(event),
        }
    }
}

impl Evolved {
    /// The topic is compacted: a tombstone ends its account.
    fn apply_ledger(&mut self, event: &Event<'_>) -> Result<()> {
        if event.is_tombstone() {
            self.accounts.remove(event.key_str()?);
            return Ok(());
        }
        match event.json_by(&LEDGER)? {
            Some(LedgerEvent::AccountOpened { account }) => _ = self.accounts.get_or_default(account)?,
            Some(LedgerEvent::MoneyMoved { account, money }) => self.accounts.get_or_default(account)?.take(money),
            None => {}
        }
        Ok(())
    }

    fn apply_transfer(&mut self, event: &Event<'_>) -> Result<()> {
        if let Some(Transfer::Booked { account, cents }) = event.json_by(&TRANSFERS)? {
            self.booked.add(account.as_bytes(), cents);
        }
        Ok(())
    }

    fn apply_owner(&mut self, event: &Event<'_>) -> Result<()> {
        match event.debezium::<Owner>()?.change {
            Change::Snapshot(row) | Change::Created(row) | Change::Updated { after: row, .. } => {
                self.owners.set(row.account.clone(), row);
            }
            Change::Deleted { .. } | Change::Tombstone => {
                self.owners.remove(event.debezium_key::<OwnerKey>()?.account);
            }
            Change::Truncated => {
                return Err(Error::msg("the table was truncated, and nobody knows of which rows"));
            }
            Change::Message(_) => {}
        }
        Ok(())
    }
}

export!(Evolved);

#[cfg(test)]
mod tests;
