//! The next revision on views in memory.

use lantern_sdk::testing::{Failure, Harness, TestEvent, event, same_views_for_any_batches};
use serde_json::json;

use super::Balances;

fn events() -> [TestEvent; 4] {
    [
        r#"{"type":"AccountOpened","account":"acc-1","owner":"Ada"}"#,
        r#"{"type":"MoneyDeposited","account":"acc-1","amount":1250}"#,
        r#"{"type":"MoneyWithdrawn","account":"acc-1","amount":250}"#,
        r#"{"type":"AccountFrozen","account":"acc-1"}"#,
    ]
    .map(|payload| event("acc-1", payload))
}

#[test]
fn accounts_have_the_currency_that_is_set() -> Result<(), Failure> {
    for (mut harness, currency) in
        [(Harness::<Balances>::new(), "EUR"), (Harness::with_config([("currency", "CHF")]), "CHF")]
    {
        harness.batch(events())?;
        assert_eq!(
            json!(harness.table("accounts")),
            json!({"acc-1": {"account": "acc-1", "owner": "Ada", "balance": 1000, "events": 3, "currency": currency}})
        );
        assert_eq!(
            json!(harness.counters("totals")),
            json!({"accounts": 1, "v2": 1, "events": 3, "deposited": 1250, "withdrawn": 250, "ignored": 1})
        );
    }
    Ok(())
}

#[test]
fn does_not_depend_on_batches() {
    same_views_for_any_batches::<Balances>(&events());
}
