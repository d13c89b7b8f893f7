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

/// A lane that a host runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LaneReport {
    /// The projection.
    pub projection: String,
    /// Its generation.
    pub generation: u64,
    /// The lane's share.
    pub share: String,
    /// Why it waits for something, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retrying: Option<String>,
    /// Whether it has read all there is.
    #[serde(default)]
    pub at_end: bool,
    /// Events that it committed in the last second or so.
    #[serde(default)]
    pub events_per_second: f64,
    /// Events that it left out because they can't be applied, since the host began.
    #[serde(default)]
    pub skipped: u64,
}
