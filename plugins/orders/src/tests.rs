//! The orders on views in memory.

use lantern_sdk::testing::{Failure, Harness, TestEvent, event, same_views_for_any_batches};
use serde_json::{Value, json};

use super::{Orders, events::cents};

fn order_event(payload: Value) -> TestEvent {
    event("o-1", payload.to_string())
}

fn payment(event_type: &str, cents: i64) -> TestEvent {
    let payload = json!({"type": event_type, "order": "o-1", "amount_cents": cents});
    event("o-1", payload.to_string()).topic("payment-events")
}

fn lines() -> Value {
    json!([{"sku": "tea", "quantity": 5, "price_cents": 250}])
}

fn placed_v1() -> TestEvent {
    order_event(json!({
        "type": "OrderPlaced", "order": "o-1", "customer": "Ada", "lines": lines(), "total": "12.50",
    }))
}

fn placed_v2() -> TestEvent {
    order_event(json!({
        "type": "OrderPlaced", "version": 2, "order": "o-1", "customer": "Ada", "lines": lines(),
        "total_cents": 1250,
    }))
}

fn of_order(event_type: &str) -> TestEvent {
    order_event(json!({"type": event_type, "order": "o-1"}))
}

fn document_after(events: &[TestEvent]) -> Result<Value, Failure> {
    let mut harness = Harness::<Orders>::new();
    harness.batch(events.iter().cloned())?;
    Ok(harness.table("orders")["o-1"].clone())
}

fn status_after(events: &[TestEvent]) -> Result<Value, Failure> {
    Ok(document_after(events)?["status"].clone())
}

#[test]
fn both_versions_of_placed_give_the_same_order() -> Result<(), Failure> {
    let order = json!({
        "order": "o-1", "customer": "Ada", "lines": lines(), "total_cents": 1250, "paid_cents": 0,
        "status": "placed",
    });
    assert_eq!(document_after(&[placed_v1()])?, order);
    assert_eq!(document_after(&[placed_v2()])?, order);
    Ok(())
}

#[test]
fn the_topics_may_interleave_in_any_way() -> Result<(), Failure> {
    let order_events = [placed_v1(), of_order("OrderShipped")];
    let payments =
        [payment("PaymentReceived", 1000), payment("PaymentReceived", 300), payment("PaymentRefunded", 50)];
    let payments_last = [&order_events[..], &payments].concat();
    let expected = document_after(&payments_last)?;
    assert_eq!(expected["paid_cents"], 1250);
    assert_eq!(expected["status"], "shipped");

    let [placed, shipped] = order_events;
    for first in 0..=payments.len() {
        for second in first..=payments.len() {
            let mut events = payments.to_vec();
            events.insert(second, shipped.clone());
            events.insert(first, placed.clone());
            assert_eq!(document_after(&events)?, expected);
            same_views_for_any_batches::<Orders>(&events);
        }
    }
    Ok(())
}

#[test]
fn the_status_follows_from_the_facts() -> Result<(), Failure> {
    let paid = payment("PaymentReceived", 1250);
    let refunded = payment("PaymentRefunded", 1);
    assert_eq!(status_after(std::slice::from_ref(&paid))?, "pending");
    assert_eq!(status_after(&[paid.clone(), placed_v2()])?, "paid");
    assert_eq!(status_after(&[placed_v2(), paid.clone(), refunded])?, "placed");
    assert_eq!(status_after(&[placed_v2(), of_order("OrderCancelled"), paid])?, "cancelled");
    Ok(())
}

#[test]
fn refuses_a_total_that_is_not_an_amount() {
    let event = order_event(json!({"type": "OrderPlaced", "total": "12.505"}));
    let failure = Harness::<Orders>::new().apply(event).expect_err("three decimals are no cents");
    assert_eq!(failure.message, "can't upcast OrderPlaced from version 1: `12.505` is not an amount");
}

#[test]
fn reads_amounts_exactly() {
    for (amount, expected) in [
        ("12.50", Some(1250)),
        ("12.5", Some(1250)),
        ("12", Some(1200)),
        ("0.07", Some(7)),
        ("-0.07", Some(-7)),
        ("92233720368547758.07", Some(i64::MAX)),
        ("92233720368547758.08", None),
        ("", None),
        (".5", None),
        ("1.", None),
        ("1.-5", None),
        ("+1", None),
        ("1,50", None),
    ] {
        assert_eq!(cents(amount), expected, "{amount}");
    }
}
