//! The events of both topics in their latest version, and how old ones become it.

use lantern_sdk::prelude::*;
use serde_json::{Map, Value};

use crate::order::Line;

/// Topic `order-events`.
#[derive(Deserialize)]
#[expect(clippy::enum_variant_names, reason = "the events are called so")]
pub(crate) enum OrderEvent {
    OrderPlaced { order: String, customer: String, lines: Vec<Line>, total_cents: i64 },
    OrderCancelled { order: String },
    OrderShipped { order: String },
}

/// Topic `payment-events`.
#[derive(Deserialize)]
pub(crate) enum PaymentEvent {
    PaymentReceived { order: String, amount_cents: i64 },
    PaymentRefunded { order: String, amount_cents: i64 },
}

/// Where an order stands does not depend on anything else that becomes of it.
pub(crate) const ORDER_EVENTS: EventTypes = EventTypes::in_field("type")
    .versions_in_field("version")
    .upcast(&[("OrderPlaced", 1, total_in_cents)])
    .ignore_others()
    .ignore_tombstones();

/// Nothing else is money.
pub(crate) const PAYMENT_EVENTS: EventTypes = EventTypes::in_field("type").ignore_others().ignore_tombstones();

/// Version 1 said `"total": "12.50"`, version 2 says `"total_cents": 1250`.
fn total_in_cents(event: &mut Map<String, Value>) -> Result<()> {
    let total = event.remove("total");
    let total = total.as_ref().and_then(Value::as_str).unwrap_or_default();
    let cents = cents(total).ok_or_else(|| Error::msg(format_args!("`{total}` is not an amount")))?;
    event.insert("total_cents".into(), cents.into());
    Ok(())
}

/// The cents of a decimal amount with at most two decimals. Exact, so never by way of a float.
pub(crate) fn cents(amount: &str) -> Option<i64> {
    let (sign, digits) = match amount.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, amount),
    };
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "00"));
    let decimals = match decimals.len() {
        1 => number(decimals)? * 10,
        2 => number(decimals)?,
        _ => return None,
    };
    number(whole)?.checked_mul(100)?.checked_add(decimals)?.checked_mul(sign)
}

/// A number of digits only: `parse` alone would take a sign as well.
fn number(digits: &str) -> Option<i64> {
    let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    all_digits.then(|| digits.parse().ok())?
}
