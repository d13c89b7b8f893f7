//! Decoding an event's payload as JSON: plainly, or by the name of its type.

mod content;
mod decode;
mod peek;
mod tagged;
mod types;
mod upcast;

pub(crate) use content::Content;
pub use types::{EventTypes, Upcast};

use std::borrow::Cow;

use serde::Deserialize;

use crate::error::type_name;
use crate::{Error, Event, Result};
use types::NamedBy;

/// Decoding the payload as JSON.
///
/// Decoded values may borrow from the event: `&'a str` fails on text with escapes, so prefer
/// `Cow<'a, str>` under `#[serde(borrow)]`, which copies just then.
///
/// A type that was not expected, a version that is too new and a tombstone are errors, so that the
/// operator's policy decides what becomes of the event. What is to be passed over is declared, in
/// [`EventTypes`].
impl<'a> Event<'a> {
    /// The payload as `T`.
    ///
    /// # Errors
    ///
    /// When there is none (see [`Event::json_unless_tombstone`]), or it is not JSON for `T`.
    pub fn json<T: Deserialize<'a>>(&self) -> Result<T> {
        let payload = self.payload().ok_or_else(|| {
            Error::msg("the event has no payload: it is a tombstone, which `is_tombstone` tells beforehand")
        })?;
        serde_json::from_slice(payload).map_err(not_json_for::<T>)
    }

    /// The payload as `T`, or `None` for a tombstone: for topics in which an event without a payload
    /// ends its key.
    ///
    /// ```
    /// use lantern_sdk::prelude::*;
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Customer {
    ///     name: String,
    /// }
    ///
    /// fn apply(customers: &mut Table<Customer>, event: &Event<'_>) -> Result<()> {
    ///     let key = event.key_str()?;
    ///     match event.json_unless_tombstone::<Customer>()? {
    ///         Some(customer) => customers.set(key, customer),
    ///         None => customers.remove(key),
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// When there is a payload that is not JSON for `T`.
    pub fn json_unless_tombstone<T: Deserialize<'a>>(&self) -> Result<Option<T>> {
        if self.is_tombstone() { Ok(None) } else { self.json().map(Some) }
    }

    /// The payload as an enum whose variant is named by a field of it: `{"type": "MoneyDeposited",
    /// "amount": 5}` with `field` = `type` gives `MoneyDeposited { amount: 5 }`. The enum needs no
    /// serde attribute for that, and takes a third less work than one under `#[serde(tag =
    /// "type")]`, which [`Event::json`] takes as well.
    ///
    /// # Errors
    ///
    /// When the payload is not JSON, lacks the field, is of a type that `T` does not have, or does
    /// not fit the variant; and when it is a tombstone, which has no type. To ignore some of that,
    /// declare it: [`Event::json_by`].
    pub fn json_by_field<T: Deserialize<'a>>(&self, field: &'static str) -> Result<T> {
        self.json_by(&EventTypes::in_field(field)).and_then(never_ignored)
    }

    /// The payload as an enum whose variant is named by a header of the event. Of a header that is
    /// repeated the last counts.
    ///
    /// # Errors
    ///
    /// As [`Event::json_by_field`]; and when the header is absent.
    pub fn json_by_header<T: Deserialize<'a>>(&self, header: &'static str) -> Result<T> {
        self.json_by(&EventTypes::in_header(header)).and_then(never_ignored)
    }

    /// The payload as an enum whose variant is named as `types` says: with old versions upcast, and
    /// `None` for what `types` declares to be ignored, and for nothing else.
    ///
    /// # Errors
    ///
    /// When the payload is not JSON, has no type, is of a type or a version that is neither known
    /// nor ignored, can't be upcast, or does not fit the variant; when it is a tombstone, unless
    /// tombstones are ignored.
    pub fn json_by<T: Deserialize<'a>>(&self, types: &EventTypes) -> Result<Option<T>> {
        let name = match types.named_by {
            NamedBy::CloudEvent if self.is_cloud_event() => return self.cloud_event()?.json_by(types),
            _ if self.is_tombstone() => return types.tombstone().map(|()| None),
            NamedBy::CloudEvent => return Err(self.not_a_cloud_event()),
            NamedBy::Field(field) => type_of::<T>(self.payload().unwrap_or_default(), field)?,
            NamedBy::Header(header) => Cow::Borrowed(
                self.header(header)
                    .ok_or_else(|| Error::msg(format_args!("the event has no header `{header}`")))?,
            ),
        };
        let version = types.version_header().and_then(|header| self.header(header));
        let content = Content::Borrowed(self.payload().unwrap_or_default());
        types.decode(&name, version, content)
    }
}

/// The text in a payload's field that names its type, as UTF-8.
fn type_of<'a, T>(payload: &'a [u8], field: &str) -> Result<Cow<'a, [u8]>> {
    peek::text(payload, field)
        .map_err(not_json_for::<T>)?
        .ok_or_else(|| Error::msg(format_args!("the payload has no field `{field}`")))
}

fn never_ignored<T>(decoded: Option<T>) -> Result<T> {
    decoded.ok_or_else(|| Error::msg("the event is ignored"))
}

pub(crate) fn not_json_for<T>(error: serde_json::Error) -> Error {
    Error::from(error).context(format_args!("the payload is not valid JSON for {}", type_name::<T>()))
}
