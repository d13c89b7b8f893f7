//! What must hold: in every state of the store, the views of every generation are the fold of the log up to its
//! checkpoint. Asked after every commit of the lane, and after every change of a record of all.

use std::collections::BTreeMap;

use lantern::control::{Change, Deployment, Generation};
use lantern::event::TopicPartition;
use lantern::op::Value;
use lantern::projection::Projection;
use lantern::store::memory::Held;
use lantern::store::{Checkpoint, Mark};

use super::fold::{Folded, Key};
use super::log::keys;
use super::operator::NAME;
use super::plugin::{CHAIN, COUNTS, LAST, TOTALS, has_totals};
use super::world::World;

impl World {
    /// The views of the partitions that a lane has just committed.
    pub fn check_lane(&self, projection: &Projection, checkpoint: &Checkpoint) {
        let Some(deployment) = self.memory.deployment(&projection.name) else {
            return self.fail(format!("a commit of {}, which is not deployed", projection.name));
        };
        match deployment.generations.get(&projection.generation) {
            Some(generation) => self.check(&deployment, projection.generation, generation, checkpoint),
            None => self.fail(format!("a commit of generation {}, which is not there", projection.generation)),
        }
    }

    /// The views of all generations, and what readers see of their progress.
    pub fn check_all(&self) {
        let Some(deployment) = self.memory.deployment(NAME) else { return };
        for (number, generation) in &deployment.generations {
            if !generation.is_litter() {
                let marks = self.memory.marks(NAME, *number);
                self.check(&deployment, *number, generation, &marks);
            }
        }
        let live = (!deployment.removing).then(|| (deployment.live, self.memory.marks(NAME, deployment.live)));
        let shown = self.memory.readers(NAME);
        if live.is_some() && shown != live {
            self.fail(format!("readers see {shown:?}, and the lanes stand at {live:?}"));
        }
    }

    fn check(&self, deployment: &Deployment, number: u64, generation: &Generation, checkpoint: &Checkpoint) {
        for (at, mark) in checkpoint {
            let found = |(view, name): &(u32, Vec<u8>)| self.found(generation, *view, name);
            let mut wanted = self.wanted(generation, at, mark);
            if deployment.moving.is_some() {
                // Its structures are on the move, and come together again when all have moved.
                wanted.retain(|(view, _), _| *view != LAST);
            }
            let wrong = wanted.iter().find(|(cell, value)| found(cell) != **value);
            if let Some((cell, value)) = wrong {
                return self.fail(format!(
                    "generation {number} stands at {at}@{}, and view {} has {:?} for {}, which must be {value:?}",
                    mark.next,
                    cell.0,
                    found(cell),
                    String::from_utf8_lossy(&cell.1),
                ));
            }
            let newest = self.folded(generation, at, mark).newest;
            if newest != mark.newest {
                return self
                    .fail(format!("generation {number} stands at {at}@{}: newest is {}", mark.next, mark.newest));
            }
        }
    }

    fn folded(&self, generation: &Generation, at: &TopicPartition, mark: &Mark) -> Folded {
        let records = self.log.lock();
        self.state().folds.before(generation.revision, at, &records[at], mark.next).clone()
    }

    /// Each cell of a partition, by view and by member or key, and what it must hold.
    fn wanted(
        &self,
        generation: &Generation,
        at: &TopicPartition,
        mark: &Mark,
    ) -> BTreeMap<(u32, Vec<u8>), Option<String>> {
        let folded = self.folded(generation, at, mark);
        let mut wanted = BTreeMap::from([((CHAIN, at.to_string().into_bytes()), folded.chain.clone())]);
        for key in keys(at) {
            let Key { count, total, last } = folded.keys.get(&key).cloned().unwrap_or_default();
            let last = last.map(|last| String::from_utf8_lossy(&last).into_owned());
            wanted.insert((COUNTS, key.clone()), (count > 0).then(|| count.to_string()));
            wanted.insert((LAST, key.clone()), last);
            if has_totals(generation.revision) {
                wanted.insert((TOTALS, key), total.map(|total| total.to_string()));
            }
        }
        wanted
    }

    /// What a cell holds.
    fn found(&self, generation: &Generation, view: u32, name: &[u8]) -> Option<String> {
        let (structure, member) = place(generation, view, name);
        match self.memory.cell(&structure, member)? {
            Value::Bytes(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
            other => Some(format!("{other:?}")),
        }
    }

    /// Everything that stands in the store must be a view that is to be there, with what is to be in it.
    pub fn check_whole(&self) {
        let mut wanted: BTreeMap<Vec<u8>, Held> = BTreeMap::new();
        let deployment = self.memory.deployment(NAME);
        for (number, generation) in deployment.iter().flat_map(|deployment| &deployment.generations) {
            for (at, mark) in &self.memory.marks(NAME, *number) {
                for ((view, name), value) in self.wanted(generation, at, mark) {
                    let Some(value) = value else { continue };
                    let (structure, member) = place(generation, view, &name);
                    let held = wanted.entry(structure).or_default();
                    held.cells.insert(member.into(), Value::Bytes(value.into_bytes().into()));
                }
            }
        }
        let mut found = self.memory.structures();
        if self.state().coverage.has("store: set back") {
            // A sweep and the change that notes it are two steps. If the store loses the first but not the second, which
            // comes a moment later, a hidden view stays behind that nobody reads.
            found.retain(|name, _| !name.starts_with(b"lantern:views:") || wanted.contains_key(name));
        }
        let differs = |name: &&Vec<u8>| found.get(*name) != wanted.get(*name);
        if let Some(name) = found.keys().chain(wanted.keys()).find(differs) {
            let (found, wanted) = (found.get(name), wanted.get(name));
            self.fail(format!("{} holds {found:?}, which must be {wanted:?}", String::from_utf8_lossy(name)));
        }
    }

    /// Counts what kind of change was made.
    pub fn count_change(&self, change: &Change) {
        let compared = change.before.as_ref().and_then(|before| before.deployment.next());
        let was_compared = compared.and_then(|(_, next)| next.rebuild.as_ref()).is_some_and(|way| way.verify);
        let kind = match change.entry.action.as_str() {
            "cutover" if was_compared => "records: compared and cut over",
            "cutover" => "records: cut over",
            "hold" => "records: held",
            "restore" => "records: restored by a host",
            _ => return,
        };
        self.count(kind);
    }
}

/// Where a cell stands: the structure, and the member in it.
fn place<'a>(generation: &Generation, view: u32, name: &'a [u8]) -> (Vec<u8>, &'a [u8]) {
    let structure = format!("{}{}", generation.prefix, generation.views[view as usize].name).into_bytes();
    if view == LAST { ([&*structure, b":", name].concat(), b"") } else { (structure, name) }
}
