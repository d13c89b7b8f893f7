//! One lane's hold on a store in memory: its epoch, its commits, its reads.

use std::future::{Future, ready};

use super::Memory;
use super::content::{Build, Content, Lane};
use crate::letter::{Letter, SetAside};
use crate::op::{CellRef, Value};
use crate::projection::{LaneId, Projection, Share};
use crate::store::{Cells, Checkpoint, Commit, Error, Session};

/// A lane's hold on a [`Memory`].
#[derive(Debug)]
pub struct MemorySession {
    store: Memory,
    projection: Projection,
    id: LaneId,
    epoch: u64,
    owner: u64,
    checkpoint: Checkpoint,
    letter_changes: u64,
}

impl MemorySession {
    pub(super) fn open(store: Memory, projection: Projection, share: Share) -> Result<Self, Error> {
        let id = LaneId { projection: projection.name.clone(), generation: projection.generation, share };
        let mut content = store.lock();
        check_place(&content, &projection, &id)?;
        content.sessions += 1;
        let owner = content.sessions;
        let lane = content.lanes.entry(build(&id)).or_default().entry(share.to_string()).or_default();
        (lane.epoch, lane.owner) = (lane.epoch + 1, owner);
        let (epoch, checkpoint, letter_changes) = (lane.epoch, lane.checkpoint.clone(), lane.letter_changes);
        drop(content);
        Ok(Self { store, projection, id, epoch, owner, checkpoint, letter_changes })
    }

    /// Whether the lane is as this session left it.
    fn check(&self, content: &Content) -> Result<(), Error> {
        let rewound = || Error::Rewound { lane: self.id.clone() };
        let lane = lane(content, &self.id).ok_or_else(rewound)?;
        if lane.epoch > self.epoch || (lane.epoch == self.epoch && lane.owner != self.owner) {
            return Err(Error::Fenced { lane: self.id.clone(), ours: self.epoch, theirs: lane.epoch });
        }
        if lane.epoch < self.epoch
            || lane.checkpoint != self.checkpoint
            || lane.letter_changes < self.letter_changes
        {
            return Err(rewound());
        }
        if lane.letter_changes > self.letter_changes {
            return Err(Error::Settled { lane: self.id.clone() });
        }
        Ok(())
    }

    fn apply(&mut self, commit: &Commit) -> Result<(), Error> {
        let mut content = self.store.lock();
        self.check(&content)?;
        for (view, key, change) in commit.changes.structures() {
            let name = self.projection.key(view, key);
            let declared = &self.projection.views[view as usize];
            let mut held = content.structures.remove(&name).unwrap_or_default();
            if !held.change(change, declared) {
                let reason = format!("a counter of view `{}` would overflow", declared.name);
                return Err(Error::Refused { lane: self.id.clone(), reason, hint: "count in larger units" });
            }
            if !held.cells.is_empty() || !held.entries.is_empty() {
                content.structures.insert(name, held);
            }
            if declared.keyed {
                let keys = content.keys.entry((build(&self.id), declared.name.clone())).or_default();
                keys.insert(key.to_vec());
            }
        }
        self.checkpoint.extend(commit.checkpoint.clone());
        let lane = content.lanes.get_mut(&build(&self.id)).and_then(|l| l.get_mut(&self.id.share.to_string()));
        if let Some(lane) = lane {
            lane.checkpoint = self.checkpoint.clone();
            if !commit.letters.is_empty() {
                lane.letter_changes += 1;
                self.letter_changes += 1;
                lane.letters.change(&commit.letters);
            }
        }
        if self.projection.live {
            let readers = content.readers.entry(self.projection.name.to_string()).or_default();
            readers.0 = self.projection.generation;
            readers.1.extend(commit.checkpoint.clone());
        }
        Ok(())
    }
}

/// Checks where the generation's lanes may write.
fn check_place(content: &Content, projection: &Projection, id: &LaneId) -> Result<(), Error> {
    if !content.governed {
        return Ok(());
    }
    match content.places.get(&build(id)) {
        Some(place) if (&*place.prefix, place.begun) != (&*projection.prefix, projection.begun) => {
            Err(Error::Moved { lane: id.clone() })
        }
        Some(place) if place.ordering != Some(projection.ordering) => Err(Error::Refused {
            lane: id.clone(),
            reason: "its views were built with another ordering".into(),
            hint: "rebuild the projection",
        }),
        Some(_) => Ok(()),
        None => Err(Error::Moved { lane: id.clone() }),
    }
}

fn build(id: &LaneId) -> Build {
    (id.projection.clone(), id.generation)
}

fn lane<'a>(content: &'a Content, id: &LaneId) -> Option<&'a Lane> {
    content.lanes.get(&build(id))?.get(&id.share.to_string())
}

impl Session for MemorySession {
    type Cells = MemoryCells;

    fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    fn set_aside(&mut self) -> impl Future<Output = Result<SetAside, Error>> + Send {
        let content = self.store.lock();
        let next = SetAside::first_number(self.letter_changes);
        let set_aside = |lane: &Lane| SetAside {
            heads: lane.letters.all.iter().map(|(number, letter)| (*number, letter.head())).collect(),
            retry: lane.letters.retry.clone(),
            next,
            now: 0,
        };
        ready(Ok(lane(&content, &self.id)
            .map(set_aside)
            .unwrap_or_else(|| SetAside { next, ..SetAside::default() })))
    }

    fn letters(&mut self, numbers: &[u64]) -> impl Future<Output = Result<Vec<(u64, Letter)>, Error>> + Send {
        let content = self.store.lock();
        let all = lane(&content, &self.id).map(|lane| &lane.letters.all);
        let letter = |number: &u64| Some((*number, all?.get(number)?.clone()));
        ready(Ok(numbers.iter().filter_map(letter).collect()))
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
