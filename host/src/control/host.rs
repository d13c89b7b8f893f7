//! What a host tells of itself, again and again, for as long as it lives.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A host's report.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HostReport {
    /// A name that no other host has.
    pub id: String,
    /// Version of the program.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// The number of this report, from 1: so who has seen one knows which are later.
    #[serde(default)]
    pub number: u64,
    /// The lanes that it runs.
    pub lanes: Vec<LaneReport>,
    /// What it can't run, `projection:generation`, and why.
    pub stopped: BTreeMap<String, String>,
    /// Rebuilds that wait for others to end, likewise named.
    pub waiting: Vec<String>,
}

/// A lane that a host runs. What is as it is for most is left out of the text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LaneReport {
    /// The projection.
    pub projection: String,
    /// Its generation.
    pub generation: u64,
    /// The lane's share.
    pub share: String,
    /// Why it waits for something, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retrying: Option<String>,
    /// Whether it has read all there is.
    #[serde(skip_serializing_if = "is_default")]
    pub at_end: bool,
    /// Events that it committed in the last second or so.
    #[serde(skip_serializing_if = "is_default")]
    pub events_per_second: f64,
    /// Events that it left out because they can't be applied, since the host began.
    #[serde(skip_serializing_if = "is_default")]
    pub skipped: u64,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
