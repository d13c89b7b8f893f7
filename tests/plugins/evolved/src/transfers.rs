//! Transfers, told as CloudEvents: their versions stand in the type's name.

use std::borrow::Cow;

use lantern_sdk::prelude::*;
use serde_json::{Map, Value};

#[derive(Deserialize)]
pub(crate) enum Transfer<'a> {
    #[serde(rename = "com.example.transfer.booked")]
    Booked {
        #[serde(borrow)]
        account: Cow<'a, str>,
        cents: i64,
    },
}

pub(crate) const TRANSFERS: EventTypes = EventTypes::of_cloud_events()
    .versions_in_type(".v")
    .upcast(&[("com.example.transfer.booked", 1, euros_in_cents)])
    .ignore(&["com.example.transfer.planned"]);

/// Version 1 knew whole euros only.
fn euros_in_cents(event: &mut Map<String, Value>) -> Result<()> {
    let euros = event.remove("euros").and_then(|euros| euros.as_i64()).and_then(|euros| euros.checked_mul(100));
    event.insert("cents".into(), euros.ok_or_else(|| Error::msg("it has no `euros`"))?.into());
    Ok(())
}
