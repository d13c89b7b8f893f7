//! What a store in memory holds: views, lanes, records.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::control::{Entry, FaultAt, HostReport, Installation, Recorded};
use crate::letter::Letters;
use crate::op::{Cell, Structure, Value};
use crate::projection::{Ordering, View};
use crate::store::Checkpoint;

/// Names a generation: its projection and its number.
pub(super) type Build = (Arc<str>, u64);

/// Everything there is.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    /// How many sessions there were; survives every loss, so that no two are the same.
    pub(super) sessions: u64,
    /// Whether lanes may begin only where a change of a record has said so.
    pub(super) governed: bool,
    pub(super) structures: BTreeMap<Vec<u8>, Held>,
    /// The lanes that were ever started, by generation and share.
    pub(super) lanes: BTreeMap<Build, BTreeMap<String, Lane>>,
    pub(super) places: BTreeMap<Build, Place>,
    /// The keys of each keyed view that may have a structure.
    pub(super) keys: BTreeMap<(Build, String), BTreeSet<Vec<u8>>>,
    /// Those of them whose structure has moved already, during a cutover in chunks.
    pub(super) moved: BTreeMap<(Build, String), BTreeSet<Vec<u8>>>,
    /// What readers see: the live generation of each projection and how far it has come.
    pub(super) readers: BTreeMap<String, (u64, Checkpoint)>,
    pub(super) installation: Option<Installation>,
    /// How many changes of records there were.
    pub(super) changes: u64,
    pub(super) records: BTreeMap<String, Arc<Recorded>>,
    pub(super) faults: BTreeMap<FaultAt, String>,
    pub(super) modules: BTreeMap<String, Vec<u8>>,
    /// The hosts' reports, and when each was made.
    pub(super) hosts: BTreeMap<String, (i64, HostReport)>,
    pub(super) history: Vec<(i64, Entry)>,
}

/// A lane as the store knows it.
#[derive(Clone, Debug, Default)]
pub(super) struct Lane {
    pub(super) epoch: u64,
    /// The session that took the epoch.
    pub(super) owner: u64,
    pub(super) checkpoint: Checkpoint,
    pub(super) letters: Letters,
    /// Commits and settlements that have changed its letters.
    pub(super) letter_changes: u64,
}

/// Where the lanes of a generation may write; nowhere, if the prefix is empty.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) prefix: String,
    pub(super) begun: i64,
    pub(super) ordering: Option<Ordering>,
}

/// What one structure holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Held {
    /// Fields, members, or the one cell of a string under the empty name.
    pub cells: BTreeMap<Box<[u8]>, Value>,
    /// Entries of a list, newest first.
    pub entries: Vec<Box<[u8]>>,
}

impl Content {
    /// How far a generation has come in all its lanes.
    pub(super) fn marks(&self, projection: &str, generation: u64) -> Checkpoint {
        let lanes = self.lanes.get(&(projection.into(), generation)).into_iter().flatten();
        lanes.flat_map(|(_, lane)| lane.checkpoint.clone()).collect()
    }

    /// The record of a projection, if it says that.
    pub(super) fn record(&self, recorded: &Recorded) -> Option<&Arc<Recorded>> {
        self.records.get(&recorded.deployment.name).filter(|found| found.text == recorded.text)
    }

    /// Puts a structure in another's place.
    pub(super) fn rename(&mut self, from: &[u8], to: Vec<u8>) {
        match self.structures.remove(from) {
            Some(held) => drop(self.structures.insert(to, held)),
            None => drop(self.structures.remove(&to)),
        }
    }
}

impl Held {
    /// Makes the change; false if a number would overflow.
    pub(super) fn change(&mut self, change: &Structure, view: &View) -> bool {
        if change.cleared {
            *self = Held::default();
        }
        for (member, cell) in &change.cells {
            match cell {
                Cell::Put(value) => drop(self.cells.insert(member.clone(), value.clone())),
                Cell::Remove => drop(self.cells.remove(member)),
                Cell::Add(delta) => {
                    let sum = match self.cells.get(member) {
                        Some(value) => value.plus(*delta),
                        None => Some(view.kind.number(*delta)),
                    };
                    let Some(sum) = sum else { return false };
                    self.cells.insert(member.clone(), sum);
                }
            }
        }
        for entry in &change.pushed {
            self.entries.insert(0, entry.clone());
        }
        self.entries.truncate(view.capacity as usize);
        true
    }
}
