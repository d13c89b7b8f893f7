//! Debezium: change events of a database's rows, in JSON, with the Connect converter's
//! `schema`/`payload` around them or without.
//!
//! Records that the connector has flattened (`ExtractNewRecordState`) are no envelopes but plain rows:
//! read them by [`Event::json_unless_tombstone`].

mod envelope;

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::{quoted, type_name};
use crate::{Error, Event, Result};
use envelope::Fields;

/// A change event: what has happened to a row, when and where.
#[derive(Clone, Debug)]
pub struct Envelope<'a, T> {
    /// What has happened.
    pub change: Change<'a, T>,
    /// When the connector saw it, in milliseconds since 1970; when the database made the change is in
    /// its [source](Envelope::source).
    pub ts_ms: Option<i64>,
    source: Option<&'a RawValue>,
}

/// What has happened to a row of a table.
///
/// All of it is to be matched, so that nothing is missed by accident.
#[derive(Clone, Debug)]
pub enum Change<'a, T> {
    /// The row was there when the connector looked (op `r`), which it may do again and again: it
    /// replaces what is known of the row.
    Snapshot(T),
    /// The row is new (op `c`).
    Created(T),
    /// The row has changed (op `u`).
    Updated {
        /// The row as it was, as far as the database tells.
        before: Before<'a>,
        /// The row as it is.
        after: T,
    },
    /// The row is gone (op `d`).
    Deleted {
        /// The row as it was, as far as the database tells.
        before: Before<'a>,
    },
    /// All rows of the table are gone (op `t`). It comes without a key, and so in one partition only.
    Truncated,
    /// A message that somebody has put into the database's log, and no row (op `m`).
    Message(Message<'a>),
    /// The row of the event's key is gone: what Debezium sends behind each delete. On a compacted
    /// topic the delete itself may be missing, so this must do the same.
    Tombstone,
}

/// A row as it was before a change. How much of it there is depends on the database: PostgreSQL sends
/// the key alone, or nothing, unless the table has `REPLICA IDENTITY FULL`. So it is decoded only if
/// asked for, and as what is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Before<'a>(Option<&'a RawValue>);

/// A logical decoding message of PostgreSQL.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    /// What its writer has put before it to tell it from others.
    pub prefix: Cow<'a, str>,
    /// What it says.
    pub content: Vec<u8>,
}

impl<'a> Event<'a> {
    /// The event as a Debezium envelope around rows that are `T`.
    ///
    /// ```
    /// use lantern_sdk::debezium::Change;
    /// use lantern_sdk::prelude::*;
    ///
    /// #[derive(Deserialize)]
    /// struct Key {
    ///     id: i64,
    /// }
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Customer {
    ///     id: i64,
    ///     name: String,
    /// }
    ///
    /// fn apply(customers: &mut Table<Customer>, event: &Event<'_>) -> Result<()> {
    ///     match event.debezium::<Customer>()?.change {
    ///         Change::Snapshot(row) | Change::Created(row) | Change::Updated { after: row, .. } => {
    ///             customers.set(row.id.to_string(), row);
    ///         }
    ///         Change::Deleted { .. } | Change::Tombstone => {
    ///             customers.remove(event.debezium_key::<Key>()?.id.to_string());
    ///         }
    ///         Change::Truncated => return Err(Error::msg("the table was truncated: rebuild")),
    ///         Change::Message(_) => {}
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// When it is no envelope, has an `op` that is not known, lacks the row that its `op` must have,
    /// or the row is not JSON for `T`.
    pub fn debezium<T: Deserialize<'a>>(&self) -> Result<Envelope<'a, T>> {
        let Some(payload) = self.payload() else {
            return Ok(Envelope { change: Change::Tombstone, ts_ms: None, source: None });
        };
        match Fields::read(payload)? {
            None => Ok(Envelope { change: Change::Tombstone, ts_ms: None, source: None }),
            Some(fields) => {
                let (ts_ms, source) = (fields.ts_ms, fields.source);
                Ok(Envelope { change: change(fields)?, ts_ms, source })
            }
        }
    }

    /// The event's key as Debezium writes it: a JSON object of the columns that are the row's key,
    /// with the Connect converter's `schema`/`payload` around it or without.
    ///
    /// # Errors
    ///
    /// When there is no key, or it is not JSON for `K`.
    pub fn debezium_key<K: Deserialize<'a>>(&self) -> Result<K> {
        let key = self.key().ok_or_else(|| Error::msg("the event has no key"))?;
        let key = envelope::unwrap_key(key).unwrap_or(key);
        serde_json::from_slice(key).map_err(|error| {
            Error::from(error).context(format_args!("the event's key is not valid JSON for {}", type_name::<K>()))
        })
    }
}

impl<'a, T> Envelope<'a, T> {
    /// Where the change was made: `db`, `table`, a position in the log and so on, which differ from
    /// connector to connector. `None` if the envelope does not say.
    ///
    /// # Errors
    ///
    /// When it is not JSON for `S`.
    pub fn source<S: Deserialize<'a>>(&self) -> Result<Option<S>> {
        decode("source", self.source)
    }
}

impl<'a> Before<'a> {
    /// As `B`, which may well be less than a whole row. `None` if there is nothing.
    ///
    /// # Errors
    ///
    /// When it is not JSON for `B`.
    pub fn json<B: Deserialize<'a>>(&self) -> Result<Option<B>> {
        decode("before", self.0)
    }
}

fn change<'a, T: Deserialize<'a>>(fields: Fields<'a>) -> Result<Change<'a, T>> {
    let before = Before(fields.before);
    let after = |what: &str| -> Result<T> {
        decode("after", fields.after)?
            .ok_or_else(|| Error::msg(format_args!("the Debezium envelope of {what} has no `after`")))
    };
    Ok(match &*fields.op {
        "r" => Change::Snapshot(after("a read (op `r`)")?),
        "c" => Change::Created(after("a create (op `c`)")?),
        "u" => Change::Updated { before, after: after("an update (op `u`)")? },
        "d" => Change::Deleted { before },
        "t" => Change::Truncated,
        "m" => Change::Message(message(fields.message)?),
        other => {
            return Err(Error::msg(format_args!(
                "unknown op {} in the Debezium envelope: known are `r`, `c`, `u`, `d`, `t` and `m`",
                quoted(other.as_bytes())
            )));
        }
    })
}

fn message(raw: Option<&RawValue>) -> Result<Message<'_>> {
    #[derive(Deserialize)]
    struct Raw<'a> {
        #[serde(borrow)]
        prefix: Cow<'a, str>,
        #[serde(borrow)]
        content: Cow<'a, str>,
    }
    let Raw { prefix, content } = decode("message", raw)?
        .ok_or_else(|| Error::msg("the Debezium envelope of a message (op `m`) has no `message`"))?;
    let content = STANDARD.decode(content.as_bytes()).map_err(|error| {
        Error::from(error).context("the content of the Debezium envelope's `message` is not base64")
    })?;
    Ok(Message { prefix, content })
}

fn decode<'a, T: Deserialize<'a>>(field: &str, raw: Option<&'a RawValue>) -> Result<Option<T>> {
    raw.map(|raw| serde_json::from_str(raw.get())).transpose().map_err(|error| {
        let of = type_name::<T>();
        Error::from(error).context(format_args!("the Debezium envelope's `{field}` is not valid JSON for {of}"))
    })
}
