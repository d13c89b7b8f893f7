//! Decoding an event's payload as JSON.

mod peek;
mod tagged;
mod upcast;

pub use upcast::{Upcast, Upcasters};

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::error::type_name;
use crate::{Error, Event, Result};
use tagged::Tagged;

/// Decoding the payload as JSON.
///
/// Decoded values may borrow from the event: `&'a str` fails on text with escapes, so prefer
/// `Cow<'a, str>` under `#[serde(borrow)]`, which copies just then.
impl<'a> Event<'a> {
    /// The payload as `T`.
    ///
    /// # Errors
    ///
    /// When there is none, or it is not JSON for `T`.
    pub fn json<T: Deserialize<'a>>(&self) -> Result<T> {
        let payload = self.payload().ok_or_else(|| Error::msg("the event has no payload"))?;
        serde_json::from_slice(payload).map_err(not_json_for::<T>)
    }

    /// The payload as an enum whose variant is named by a field of it: `{"type": "MoneyDeposited",
    /// "amount": 5}` with `field` = `type` gives `MoneyDeposited { amount: 5 }`. The enum needs no
    /// serde attribute for that, and takes a third less work than one under `#[serde(tag =
    /// "type")]`, which [`Event::json`] takes as well.
    ///
    /// `None` if it is of a type that `T` does not have, or a tombstone, which has no type.
    ///
    /// # Errors
    ///
    /// When the payload is not JSON, lacks the field, or does not fit the variant.
    pub fn json_by_field<T: Deserialize<'a>>(&self, field: &str) -> Result<Option<T>> {
        let Some(payload) = self.payload() else {
            return Ok(None);
        };
        let tag = type_of::<T>(payload, field)?;
        let decoded = variant(&tag, payload)?;
        if decoded.is_none() {
            self.json::<IgnoredAny>()?;
        }
        Ok(decoded)
    }

    /// The payload as an enum whose variant is named by a header of the event. Of a header that is
    /// repeated the last counts.
    ///
    /// `None` if it is of a type that `T` does not have, whatever its payload is, or a tombstone.
    ///
    /// # Errors
    ///
    /// When the header is absent, or the payload is not JSON that fits the variant.
    pub fn json_by_header<T: Deserialize<'a>>(&self, header: &str) -> Result<Option<T>> {
        let Some(payload) = self.payload() else {
            return Ok(None);
        };
        let tag =
            self.header(header).ok_or_else(|| Error::msg(format_args!("the event has no header `{header}`")))?;
        variant(tag, payload)
    }
}

/// The variant of `T` by that name, from the whole payload. `None` if `T` has no such variant.
fn variant<'a, T: Deserialize<'a>>(name: &[u8], payload: &'a [u8]) -> Result<Option<T>> {
    let mut content = serde_json::Deserializer::from_slice(payload);
    let decoded = Tagged::new(name, &mut content).decode()?;
    if decoded.is_some() {
        content.end().map_err(not_json_for::<T>)?;
    }
    Ok(decoded)
}

/// The text in a payload's field that names its type, as UTF-8.
fn type_of<'a, T>(payload: &'a [u8], field: &str) -> Result<Cow<'a, [u8]>> {
    peek::text(payload, field)
        .map_err(not_json_for::<T>)?
        .ok_or_else(|| Error::msg(format_args!("the payload has no field `{field}`")))
}

fn not_json_for<T>(error: serde_json::Error) -> Error {
    Error::from(error).context(format_args!("the payload is not valid JSON for {}", type_name::<T>()))
}
