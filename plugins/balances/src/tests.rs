//! The balances on views in memory.

use lantern_sdk::testing::{Failure, Harness, TestEvent, event, same_views_for_any_batches, tombstone};
use serde_json::json;

use super::{Account, Balances};

fn opened(account: &str, owner: &str) -> TestEvent {
    let payload = json!({"type": "AccountOpened", "account": account, "owner": owner});
    event(account, payload.to_string())
}

fn moved(event_type: &str, account: &str, amount: i64) -> TestEvent {
    let payload = json!({"type": event_type, "account": account, "amount": amount});
    event(account, payload.to_string())
}

fn events() -> [TestEvent; 6] {
    [
        opened("acc-1", "Ada"),
        moved("MoneyDeposited", "acc-1", 1250),
        opened("acc-2", "Bob \"B\" \u{e9}"),
        moved("MoneyWithdrawn", "acc-1", 250),
        moved("MoneyDeposited", "acc-2", 5),
        moved("AccountFrozen", "acc-1", 0),
    ]
}

#[test]
fn keeps_accounts_and_totals() -> Result<(), Failure> {
    let mut harness = Harness::<Balances>::new();
    harness.batch(events())?;
    let accounts = harness.table("accounts");
    assert_eq!(accounts["acc-1"], json!({"account": "acc-1", "owner": "Ada", "balance": 1000, "events": 3}));
    assert_eq!(accounts["acc-2"]["owner"], "Bob \"B\" \u{e9}");
    assert_eq!(
        json!(harness.counters("totals")),
        json!({"accounts": 2, "events": 5, "deposited": 1255, "withdrawn": 250, "ignored": 1})
    );
    Ok(())
}

#[test]
fn does_not_depend_on_batches() {
    same_views_for_any_batches::<Balances>(&events());
}

#[test]
fn applies_a_deposit_to_an_account_that_was_never_opened() -> Result<(), Failure> {
    let mut harness = Harness::<Balances>::new();
    harness.apply(moved("MoneyDeposited", "acc-9", 7))?;
    assert_eq!(
        harness.table("accounts")["acc-9"],
        json!({"account": "acc-9", "owner": "", "balance": 7, "events": 1})
    );
    Ok(())
}

#[test]
fn ignores_a_tombstone() -> Result<(), Failure> {
    let mut harness = Harness::<Balances>::new();
    harness.batch([opened("acc-1", "Ada"), tombstone("acc-1")])?;
    assert_eq!(harness.table("accounts").len(), 1);
    assert_eq!(harness.counters("totals")["ignored"], 1);
    Ok(())
}

#[test]
fn names_the_event_that_it_cannot_read_and_writes_nothing() {
    let mut harness = Harness::<Balances>::new();
    for (payload, reason) in [
        ("{", "the payload is not valid JSON for AccountEvent: EOF while parsing"),
        ("{}", "the payload has no field `type`"),
        (
            r#"{"type":"MoneyDeposited","account":"acc-1"}"#,
            "the payload is not valid JSON for AccountEvent: missing field `amount`",
        ),
        (
            r#"{"type":"MoneyDeposited","account":"acc-1","amount":1.5}"#,
            "the payload is not valid JSON for AccountEvent: invalid type: floating point",
        ),
    ] {
        let failure = harness
            .batch([opened("acc-1", "Ada"), event("acc-1", payload)])
            .expect_err("the second event can't be read");
        assert_eq!(failure.event, 1);
        assert!(failure.message.starts_with(reason), "{}", failure.message);
        assert!(harness.table("accounts").is_empty());
    }
}

#[test]
fn writes_the_fields_in_the_documented_order() -> serde_json::Result<()> {
    let account = Account { account: "acc-1".into(), owner: "Ada".into(), balance: -5, events: 2 };
    assert_eq!(serde_json::to_string(&account)?, r#"{"account":"acc-1","owner":"Ada","balance":-5,"events":2}"#);
    Ok(())
}
