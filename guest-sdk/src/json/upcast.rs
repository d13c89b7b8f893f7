//! Upcasters: old versions of an event become the latest one before they are decoded.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::tagged::Tagged;
use super::{not_json_for, peek, type_of};
use crate::{Event, Result};

/// Makes of an event's fields those of the next version.
pub type Upcast = fn(&mut Map<String, Value>) -> Result<()>;

/// How old versions of events become new ones: for each type and version the step to the next
/// version.
///
/// The version stands in a field of the payload, 1 if it is absent. The latest version of a type is
/// the one behind its last step.
///
/// ```
/// use lantern_sdk::prelude::*;
/// use serde_json::{Map, Value};
///
/// const UPCASTERS: Upcasters = Upcasters::new("type", "version", &[("Renamed", 1, name_as_title)]);
///
/// fn name_as_title(event: &mut Map<String, Value>) -> Result<()> {
///     let name = event.remove("name").ok_or_else(|| Error::msg("no name"))?;
///     event.insert("title".into(), name);
///     Ok(())
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Upcasters {
    type_field: &'static str,
    version_field: &'static str,
    steps: &'static [(&'static str, u32, Upcast)],
}

impl Upcasters {
    /// Steps by type and the version that they start from; the fields that hold type and version.
    pub const fn new(
        type_field: &'static str,
        version_field: &'static str,
        steps: &'static [(&'static str, u32, Upcast)],
    ) -> Self {
        Self { type_field, version_field, steps }
    }

    fn has(&self, event_type: &[u8]) -> bool {
        self.steps.iter().any(|(of, _, _)| of.as_bytes() == event_type)
    }

    fn step(&self, event_type: &[u8], version: u32) -> Option<Upcast> {
        self.steps
            .iter()
            .find(|(of, from, _)| of.as_bytes() == event_type && *from == version)
            .map(|(_, _, upcast)| *upcast)
    }
}

impl<'a> Event<'a> {
    /// As [`Event::json_by_field`], with old versions upcast. An event of the latest version is
    /// decoded straight from the payload.
    ///
    /// # Errors
    ///
    /// Also when a step fails.
    pub fn json_upcast<T: Deserialize<'a>>(&self, upcasters: &Upcasters) -> Result<Option<T>> {
        let Some(payload) = self.payload() else {
            return Ok(None);
        };
        let event_type = type_of::<T>(payload, upcasters.type_field)?;
        if !upcasters.has(&event_type) {
            return self.json_by_field(upcasters.type_field);
        }
        let mut version = peek::value(payload, upcasters.version_field).map_err(not_json_for::<T>)?.unwrap_or(1);
        let Some(mut step) = upcasters.step(&event_type, version) else {
            return self.json_by_field(upcasters.type_field);
        };
        let mut fields: Map<String, Value> = self.json()?;
        loop {
            step(&mut fields).map_err(|error| {
                let event_type = String::from_utf8_lossy(&event_type);
                error.context(format_args!("can't upcast {event_type} from version {version}"))
            })?;
            version += 1;
            fields.insert(upcasters.version_field.into(), version.into());
            match upcasters.step(&event_type, version) {
                Some(next) => step = next,
                None => break,
            }
        }
        Tagged::new(&event_type, Value::Object(fields)).decode()
    }
}
