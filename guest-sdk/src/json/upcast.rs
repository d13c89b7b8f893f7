//! Upcasting: old versions of an event become the latest one before they are decoded.

use serde_json::{Map, Value};

use super::types::Versions;
use super::{EventTypes, Upcast};
use crate::error::quoted;
use crate::{Error, Result};

/// How an event of some version becomes one that can be decoded.
pub(super) enum Way {
    /// It is one.
    AsIs,
    /// By steps from that version on, of which this is the first.
    Steps { from: u32, first: Upcast },
    /// There is none, and that is why.
    None(Error),
}

impl EventTypes {
    /// How that version of a type becomes one that can be decoded.
    pub(super) fn way(&self, event_type: &[u8], version: u32) -> Way {
        if let Some(first) = self.step(event_type, version) {
            return Way::Steps { from: version, first };
        }
        let (oldest, latest) = self.decoded(event_type);
        if (oldest..=latest).contains(&version) {
            Way::AsIs
        } else {
            Way::None(self.unknown_version(event_type, version))
        }
    }

    fn unknown_version(&self, event_type: &[u8], version: u32) -> Error {
        let (decoded, latest) = self.decoded(event_type);
        let first = self.steps_of(event_type).map(|(from, _)| from).min().unwrap_or(decoded);
        let known = if first == latest { format!("only {latest}") } else { format!("{first} to {latest}") };
        let hint = if version > latest {
            format!("steps from version {latest} on")
        } else {
            format!("a step from version {version}")
        };
        Error::msg(format_args!(
            "unknown version {version} of {}: known is {known}; add {hint} (`EventTypes::upcast`), or say that it \
             reads as it is (`EventTypes::as_is`)",
            quoted(event_type)
        ))
    }

    /// The first and the last version of a type that are decoded as they are.
    fn decoded(&self, event_type: &[u8]) -> (u32, u32) {
        let as_is = self.as_is.iter().find(|(of, _, _)| of.as_bytes() == event_type);
        let latest = || self.steps_of(event_type).map(|(from, _)| from + 1).max().unwrap_or(1);
        as_is.map_or_else(|| (latest(), latest()), |(_, first, last)| (*first, *last))
    }

    fn step(&self, event_type: &[u8], version: u32) -> Option<Upcast> {
        self.steps_of(event_type).find(|(from, _)| *from == version).map(|(_, upcast)| upcast)
    }

    fn steps_of(&self, event_type: &[u8]) -> impl Iterator<Item = (u32, Upcast)> {
        let of_type = self.steps.iter().filter(move |(of, _, _)| of.as_bytes() == event_type);
        of_type.map(|(_, from, upcast)| (*from, *upcast))
    }
}

/// Takes an event from its version through all steps behind it.
pub(super) fn upcast(
    types: &EventTypes,
    event_type: &[u8],
    mut version: u32,
    mut step: Upcast,
    mut fields: Map<String, Value>,
) -> Result<Value> {
    loop {
        step(&mut fields).map_err(|error| {
            let event_type = String::from_utf8_lossy(event_type);
            error.context(format_args!("can't upcast {event_type} from version {version}"))
        })?;
        version += 1;
        if let Versions::Field(field) = types.versions {
            fields.insert(field.into(), version.into());
        }
        match types.step(event_type, version) {
            Some(next) => step = next,
            None => return Ok(Value::Object(fields)),
        }
    }
}
