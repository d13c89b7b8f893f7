//! How often each thing happened, so that nobody takes for proven what was never tried.

use std::collections::BTreeMap;
use std::fmt;

/// What has to happen in every large number of schedules.
pub const EXPECTED: [&str; 40] = [
    "appended: gaps",
    "appended: tombstones",
    "commits: made",
    "commits: refused as fenced",
    "commits: refused as rewound",
    "crashes: before a commit took effect",
    "crashes: after a commit took effect",
    "faults: commit lost",
    "faults: reply of a commit lost",
    "faults: commit slow",
    "faults: read failed",
    "faults: change lost",
    "faults: reply of a change lost",
    "faults: source away",
    "faults: store away",
    "hosts: assigned other partitions",
    "hosts: assigned the same partition twice",
    "hosts: frozen",
    "hosts: killed",
    "hosts: stopped",
    "late: lost with their host",
    "late: made after their host had died",
    "late: made although their lane had given up",
    "late: refused after their host had died",
    "late: refused, of a zombie that woke up",
    "records: cancelled",
    "records: compared and cut over",
    "records: cut over",
    "records: deployed",
    "records: held",
    "records: moved in chunks",
    "records: paused",
    "records: promoted",
    "records: rebuilt",
    "records: restored by a host",
    "records: rolled back",
    "records: undeployed",
    "repeated: events given again",
    "store: emptied",
    "store: set back",
];

/// Counts by what happened.
#[derive(Clone, Debug, Default)]
pub struct Coverage(BTreeMap<&'static str, u64>);

impl Coverage {
    pub fn add(&mut self, what: &'static str, times: u64) {
        *self.0.entry(what).or_default() += times;
    }

    pub fn merge(&mut self, other: &Coverage) {
        other.0.iter().for_each(|(what, times)| self.add(what, *times));
    }

    /// Whether it happened.
    pub fn has(&self, what: &str) -> bool {
        self.0.contains_key(what)
    }

    /// What was expected and never happened.
    pub fn missing(&self) -> Vec<&'static str> {
        EXPECTED.into_iter().filter(|what| !self.0.contains_key(what)).collect()
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(what, times)| writeln!(f, "{times:>10}  {what}"))
    }
}
