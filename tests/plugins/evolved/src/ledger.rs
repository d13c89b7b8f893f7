//! The ledger's events in their latest version, and how the two before became it.

use std::collections::BTreeMap;

use lantern_sdk::prelude::*;
use serde_json::{Map, Value, json};

#[derive(Deserialize)]
pub(crate) enum LedgerEvent {
    AccountOpened { account: String },
    MoneyMoved { account: String, money: Money },
}

#[derive(Deserialize)]
pub(crate) struct Money {
    cents: i64,
    currency: String,
}

pub(crate) const LEDGER: EventTypes = EventTypes::in_field("type")
    .versions_in_field("version")
    .upcast(&[("MoneyMoved", 1, amount_in_cents), ("MoneyMoved", 2, with_currency)])
    .ignore(&["StatementPrinted"]);

/// Version 1 said `"amount": "12.50"`, version 2 `"cents": 1250`.
fn amount_in_cents(event: &mut Map<String, Value>) -> Result<()> {
    let amount = event.remove("amount");
    let amount = amount.as_ref().and_then(Value::as_str).unwrap_or_default();
    let cents = cents(amount).ok_or_else(|| Error::msg(format_args!("`{amount}` is not an amount")))?;
    event.insert("cents".into(), cents.into());
    Ok(())
}

/// Version 2 knew euros only, version 3 says `"money": {"cents": 1250, "currency": "EUR"}`.
fn with_currency(event: &mut Map<String, Value>) -> Result<()> {
    let cents = event.remove("cents").ok_or_else(|| Error::msg("it has no `cents`"))?;
    event.insert("money".into(), json!({"cents": cents, "currency": "EUR"}));
    Ok(())
}

/// The cents of an amount with just two decimals, never by way of a float.
fn cents(amount: &str) -> Option<i64> {
    let (whole, decimals) = amount.split_once('.')?;
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    let is_amount = decimals.len() == 2 && !digits.is_empty();
    let is_digits = digits.bytes().chain(decimals.bytes()).all(|byte| byte.is_ascii_digit());
    (is_amount && is_digits).then(|| format!("{whole}{decimals}").parse().ok())?
}

/// What an account holds, by currency, in cents.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Account {
    cents: BTreeMap<String, i64>,
    moves: u64,
}

impl Account {
    pub(crate) fn take(&mut self, money: Money) {
        *self.cents.entry(money.currency).or_default() += money.cents;
        self.moves += 1;
    }
}
