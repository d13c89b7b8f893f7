//! The leaderboard on views in memory.

use lantern_sdk::testing::{Failure, Harness, TestEvent, event, same_views_for_any_batches, tombstone};

use super::Leaderboard;

fn events() -> [TestEvent; 5] {
    [
        r#"{"type":"AccountOpened","account":"ada","owner":"Ada"}"#,
        r#"{"type":"AccountOpened","account":"bob","owner":"Bob"}"#,
        r#"{"type":"MoneyDeposited","account":"ada","amount":1250}"#,
        r#"{"type":"MoneyWithdrawn","account":"ada","amount":250}"#,
        r#"{"type":"AccountFrozen"}"#,
    ]
    .map(|payload| event("any", payload))
}

#[test]
fn ranks_accounts_by_balance() -> Result<(), Failure> {
    let mut harness = Harness::<Leaderboard>::new();
    harness.batch(events())?;
    harness.apply(tombstone("ada"))?;
    assert_eq!(harness.ranking("by-balance"), [("bob".to_string(), 0.0), ("ada".to_string(), 1000.0)]);
    Ok(())
}

#[test]
fn does_not_depend_on_batches() {
    same_views_for_any_batches::<Leaderboard>(&events());
}
