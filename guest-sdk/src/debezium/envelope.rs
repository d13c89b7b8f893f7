//! The fields of an envelope, out of the Connect JSON converter's wrapper if there is one.

use std::borrow::Cow;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::{Error, Result};

/// The fields of an envelope; those that are null are as if they were absent.
pub(super) struct Fields<'a> {
    pub(super) op: Cow<'a, str>,
    pub(super) before: Option<&'a RawValue>,
    pub(super) after: Option<&'a RawValue>,
    pub(super) source: Option<&'a RawValue>,
    pub(super) ts_ms: Option<i64>,
    pub(super) message: Option<&'a RawValue>,
}

/// An envelope, or the converter's wrapper around one.
#[derive(Deserialize)]
struct Outer<'a> {
    #[serde(borrow)]
    op: Option<Cow<'a, str>>,
    #[serde(borrow)]
    before: Option<&'a RawValue>,
    #[serde(borrow)]
    after: Option<&'a RawValue>,
    #[serde(borrow)]
    source: Option<&'a RawValue>,
    ts_ms: Option<i64>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    /// Of the wrapper: not looked at.
    #[serde(default, deserialize_with = "present")]
    schema: Option<Option<IgnoredAny>>,
    /// Of the wrapper: the envelope.
    #[serde(borrow, default, deserialize_with = "present")]
    payload: Option<Option<&'a RawValue>>,
}

/// A key in the converter's wrapper.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Key<'a> {
    #[serde(rename = "schema")]
    _schema: IgnoredAny,
    #[serde(borrow)]
    payload: &'a RawValue,
}

impl<'a> Fields<'a> {
    /// The fields; `None` for a wrapper around nothing, which is a tombstone too.
    pub(super) fn read(payload: &'a [u8]) -> Result<Option<Self>> {
        let outer: Outer<'a> = serde_json::from_slice(payload).map_err(not_an_envelope)?;
        match (outer.op.is_some(), outer.schema, outer.payload) {
            (false, Some(_), Some(None)) => Ok(None),
            (false, Some(_), Some(Some(inner))) => {
                serde_json::from_str(inner.get()).map_err(not_an_envelope).and_then(Self::of).map(Some)
            }
            _ => Self::of(outer).map(Some),
        }
    }

    fn of(outer: Outer<'a>) -> Result<Self> {
        let Outer { op, before, after, source, ts_ms, message, .. } = outer;
        let op = op.ok_or_else(|| {
            Error::msg(
                "the payload is not a Debezium envelope: it has no `op`; rows that the connector has flattened are \
                 plain JSON (`json_unless_tombstone`)",
            )
        })?;
        Ok(Self { op, before, after, source, ts_ms, message })
    }
}

/// What a key has in the converter's wrapper. `None` if it has none, so if it has any other field.
pub(super) fn unwrap_key(key: &[u8]) -> Option<&[u8]> {
    serde_json::from_slice::<Key<'_>>(key).ok().map(|key| key.payload.get().as_bytes())
}

fn not_an_envelope(error: serde_json::Error) -> Error {
    Error::from(error).context("the payload is not a Debezium envelope")
}

/// A field that is there, even if it is null.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(field: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(field).map(Some)
}
