//! The store in memory, with the semantics of the one in Redis: for tests, and for replays that must touch nothing.

use std::collections::{BTreeMap, HashMap};
use std::future::{Future, ready};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Cells, Checkpoint, Commit, Error, Session, Store};
use crate::op::{Cell, CellRef, Structure, Value};
use crate::projection::{LaneId, Projection, Share, View};

/// A store in memory. Clones share their content.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    content: Arc<Mutex<Content>>,
}

#[derive(Debug, Default)]
struct Content {
    /// How many sessions there were; survives a flush, so that no two are the same.
    sessions: u64,
    lanes: HashMap<String, Lane>,
    structures: BTreeMap<Vec<u8>, Held>,
}

#[derive(Debug, Default)]
struct Lane {
    epoch: u64,
    /// The session that took the epoch.
    owner: u64,
    checkpoint: Checkpoint,
}

/// What one structure holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Held {
    /// Fields, members, or the one cell of a string under the empty name.
    pub cells: BTreeMap<Box<[u8]>, Value>,
    /// Entries of a list, newest first.
    pub entries: Vec<Box<[u8]>>,
}

impl Memory {
    /// Everything there is, by Redis key.
    pub fn structures(&self) -> BTreeMap<Vec<u8>, Held> {
        self.lock().structures.clone()
    }

    /// Loses everything, as `FLUSHALL` does.
    pub fn flush(&self) {
        let mut content = self.lock();
        *content = Content { sessions: content.sessions, ..Content::default() };
    }

    fn lock(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for Memory {
    type Session = MemorySession;

    fn open(
        &self,
        projection: &Projection,
        share: Share,
    ) -> impl Future<Output = Result<MemorySession, Error>> + Send {
        let id = LaneId { projection: projection.name.clone(), generation: projection.generation, share };
        let mut content = self.lock();
        content.sessions += 1;
        let owner = content.sessions;
        let lane = content.lanes.entry(id.to_string()).or_default();
        (lane.epoch, lane.owner) = (lane.epoch + 1, owner);
        ready(Ok(MemorySession {
            store: self.clone(),
            projection: projection.clone(),
            epoch: lane.epoch,
            owner,
            checkpoint: lane.checkpoint.clone(),
            id,
        }))
    }
}

/// A lane's hold on a [`Memory`].
#[derive(Debug)]
pub struct MemorySession {
    store: Memory,
    projection: Projection,
    id: LaneId,
    epoch: u64,
    owner: u64,
    checkpoint: Checkpoint,
}

impl MemorySession {
    fn check(&self, content: &Content) -> Result<(), Error> {
        let rewound = || Error::Rewound { lane: self.id.clone() };
        let lane = content.lanes.get(&self.id.to_string()).ok_or_else(rewound)?;
        if lane.epoch > self.epoch || (lane.epoch == self.epoch && lane.owner != self.owner) {
            return Err(Error::Fenced { lane: self.id.clone(), ours: self.epoch, theirs: lane.epoch });
        }
        if lane.epoch < self.epoch || lane.checkpoint != self.checkpoint { Err(rewound()) } else { Ok(()) }
    }

    fn apply(&mut self, commit: &Commit) -> Result<(), Error> {
        let mut content = self.store.lock();
        self.check(&content)?;
        for (view, key, change) in commit.changes.structures() {
            let name = self.projection.key(view, key);
            let mut held = content.structures.remove(&name).unwrap_or_default();
            if !held.change(change, &self.projection.views[view as usize]) {
                let reason = format!("a counter of view {view} would overflow");
                return Err(Error::Refused { lane: self.id.clone(), reason, hint: "count in larger units" });
            }
            if held != Held::default() {
                content.structures.insert(name, held);
            }
        }
        self.checkpoint.extend(commit.checkpoint.clone());
        if let Some(lane) = content.lanes.get_mut(&self.id.to_string()) {
            lane.checkpoint = self.checkpoint.clone();
        }
        Ok(())
    }
}

impl Held {
    /// Makes the change; false if a number would overflow.
    fn change(&mut self, change: &Structure, view: &View) -> bool {
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

impl Session for MemorySession {
    type Cells = MemoryCells;

    fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    fn commit(&mut self, commit: Commit) -> impl Future<Output = Result<(), Error>> + Send {
        ready(self.apply(&commit))
    }

    fn look(&mut self) -> impl Future<Output = Result<(), Error>> + Send {
        ready(self.check(&self.store.lock()))
    }

    fn cells(&self) -> MemoryCells {
        MemoryCells { store: self.store.clone(), projection: self.projection.clone() }
    }
}

/// Reads cells of a [`Memory`].
#[derive(Clone, Debug)]
pub struct MemoryCells {
    store: Memory,
    projection: Projection,
}

impl Cells for MemoryCells {
    fn read(&mut self, cells: &[CellRef<'_>]) -> impl Future<Output = Result<Vec<Option<Value>>, Error>> + Send {
        let content = self.store.lock();
        let value = |cell: &CellRef<'_>| {
            let held = content.structures.get(&self.projection.key(cell.view, cell.key))?;
            held.cells.get(cell.member).cloned()
        };
        ready(Ok(cells.iter().map(value).collect()))
    }
}
