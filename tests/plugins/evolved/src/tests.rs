//! Versions, modes and envelopes on views in memory.

use lantern_sdk::testing::{Failure, Harness, TestEvent, event, same_views_for_any_batches, tombstone};
use serde_json::{Value, json};

use super::Evolved;

fn ledger(payload: Value) -> TestEvent {
    event("a-1", payload.to_string())
}

/// One move in each version, not in their order.
fn moves() -> [TestEvent; 4] {
    [
        ledger(json!({"type": "MoneyMoved", "version": 2, "account": "a-1", "cents": 200})),
        ledger(json!({"type": "MoneyMoved", "account": "a-1", "amount": "-0.50"})),
        ledger(json!({
            "type": "MoneyMoved", "version": 3, "account": "a-1", "money": {"cents": 7, "currency": "CHF"},
        })),
        ledger(json!({"type": "MoneyMoved", "version": 1, "account": "a-1", "amount": "10.00"})),
    ]
}

#[test]
fn three_versions_make_one_account() -> Result<(), Failure> {
    let mut harness = Harness::<Evolved>::new();
    harness.apply(ledger(json!({"type": "AccountOpened", "account": "a-2"})))?;
    harness.batch(moves())?;
    harness.apply(ledger(json!({"type": "StatementPrinted", "version": 8})))?;
    let expected =
        json!({"a-1": {"cents": {"CHF": 7, "EUR": 1150}, "moves": 4}, "a-2": {"cents": {}, "moves": 0}});
    assert_eq!(json!(harness.table("accounts")), expected);
    harness.apply(tombstone("a-1"))?;
    assert_eq!(json!(harness.table("accounts")), json!({"a-2": {"cents": {}, "moves": 0}}));
    Ok(())
}

#[test]
fn what_is_newer_than_this_is_refused() {
    let refused = |payload| Harness::<Evolved>::new().apply(ledger(payload)).expect_err("it is newer").message;
    let newer = json!({"type": "MoneyMoved", "version": 4, "account": "a-1", "movement": {}});
    assert!(
        refused(newer)
            .starts_with("unknown version 4 of `MoneyMoved`: known is 1 to 3; add steps from version 3 on")
    );
    let unknown = json!({"type": "AccountFrozen", "account": "a-1"});
    assert!(refused(unknown).starts_with("unknown event type `AccountFrozen`: LedgerEvent has `AccountOpened`, "));
    for amount in ["12", "12.5", "1.-5", ".50", "-.50", "1e2.00", "12.50 "] {
        let message = refused(json!({"type": "MoneyMoved", "account": "a-1", "amount": amount}));
        assert_eq!(message, format!("can't upcast MoneyMoved from version 1: `{amount}` is not an amount"));
    }
}

#[test]
fn does_not_depend_on_batches() {
    same_views_for_any_batches::<Evolved>(&moves());
}
