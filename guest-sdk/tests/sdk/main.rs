//! The SDK as a plugin's author sees it, on views in memory.

mod cloud_events;
mod config;
mod debezium;
mod events;
mod json;
mod upcast;
mod views;

use lantern_sdk::Projection;
use lantern_sdk::testing::{Failure, Harness, TestEvent};

/// What a plugin has put into a list at an event, or why it could not apply it.
fn listed<P: Projection>(view: &str, event: TestEvent) -> String {
    let mut harness = Harness::<P>::new();
    match harness.apply(event) {
        Ok(()) => harness.list(view).remove(0),
        Err(Failure { message, .. }) => format!("error: {message}"),
    }
}
