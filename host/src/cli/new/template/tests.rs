//! `{{name}}` on views in memory: plain `cargo test`, without WebAssembly, Redis or Kafka.

use lantern_sdk::testing::{Failure, Harness, TestEvent, event, same_views_for_any_batches};

use super::{{Type}};

fn viewed(visitor: &str, page: &str) -> TestEvent {
    event(visitor, format!(r#"{{"type":"PageViewed","page":"{page}","visitor":"{visitor}"}}"#))
}

#[test]
fn counts_views_of_pages_and_visitors() -> Result<(), Failure> {
    let mut harness = Harness::<{{Type}}>::new();
    harness.batch([viewed("ada", "/home"), viewed("bob", "/home"), viewed("ada", "/docs")])?;
    assert_eq!(harness.ranking("pages"), [("/docs".to_owned(), 1.0), ("/home".to_owned(), 2.0)]);
    assert_eq!(harness.table("visitors")["ada"]["views"], 2);
    assert_eq!(harness.table("visitors")["ada"]["last_page"], "/docs");
    Ok(())
}

#[test]
fn does_not_depend_on_batches() {
    same_views_for_any_batches::<{{Type}}>(&[viewed("ada", "/home"), viewed("ada", "/docs"), viewed("bob", "/docs")]);
}
