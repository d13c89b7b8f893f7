//! What the variants of `balances` have in common: an event, applied to its account.

use lantern_sdk::prelude::*;

/// What happens to an account. Amounts are in cents.
#[derive(Deserialize)]
enum AccountEvent {
    AccountOpened { account: String, owner: String },
    MoneyDeposited { account: String, amount: i64 },
    MoneyWithdrawn { account: String, amount: i64 },
}

const TYPES: EventTypes = EventTypes::in_field("type").ignore_others().ignore_tombstones();

/// An account as readers see it: as `balances` shows it, and in the next revision with its currency.
#[derive(Serialize, Deserialize)]
pub struct Account {
    account: String,
    owner: String,
    /// In cents.
    balance: i64,
    /// How many events were applied to it.
    events: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
}

/// Applies an event to its account, which gets the currency if it is new. Gives the counter of the totals that the event
/// adds to, and how much; none if it is of no interest.
pub fn apply(
    event: &Event<'_>,
    accounts: &mut Table<Account>,
    currency: Option<&str>,
) -> Result<Option<(&'static str, i64)>> {
    use AccountEvent::*;
    let (id, owner, moved, total) = match event.json_by(&TYPES)? {
        Some(AccountOpened { account, owner }) => (account, Some(owner), 0, ("accounts", 1)),
        Some(MoneyDeposited { account, amount }) => (account, None, amount, ("deposited", amount)),
        Some(MoneyWithdrawn { account, amount }) => (account, None, -amount, ("withdrawn", amount)),
        None => return Ok(None),
    };
    let mut account = accounts.get_or_insert_with(&id, || Account {
        account: id.clone(),
        owner: String::new(),
        balance: 0,
        events: 0,
        currency: currency.map(str::to_owned),
    })?;
    if let Some(owner) = owner {
        account.owner = owner;
    }
    account.balance += moved;
    account.events += 1;
    Ok(Some(total))
}
