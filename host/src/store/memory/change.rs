//! A change of a record with all that follows from it, in one step: what `change.lua` and `chunk.lua` do in Redis.

use std::sync::Arc;

use super::content::{Content, Place};
use super::registry::MemoryRegistry;
use crate::control::{Change, Deployment, Move, Outcome, Reached, Recorded};

impl MemoryRegistry {
    pub(super) fn make(&self, change: &Change) -> Outcome {
        let mut content = self.memory.lock();
        let name = change.entry.projection.as_str();
        if content.records.get(name).map(|found| &found.text) != change.before.as_ref().map(|before| &before.text)
        {
            return Outcome::Changed;
        }
        if let Some(behind) = change.reached.and_then(|reached| behind(&content, name, reached)) {
            return behind;
        }
        let effects = change.effects();
        let structures = effects.moves.iter().map(|step| count(&content, name, step)).sum();
        if structures > self.keyed_max {
            return Outcome::TooMany { structures, limit: self.keyed_max };
        }
        let build = |number: u64| (name.into(), number);
        // Fence first: a lane whose epoch has moved or that is gone can't commit any more.
        let placed = effects.place.iter().map(|lanes| lanes.generation);
        for number in placed.chain(effects.close.iter().copied()) {
            content.lanes.entry(build(number)).or_default().values_mut().for_each(|lane| lane.epoch += 1);
        }
        let opened = effects.place.iter().map(|lanes| (lanes.generation, lanes.prefix.clone()));
        for (number, prefix) in opened.chain(effects.close.iter().map(|number| (*number, String::new()))) {
            let generation = change.after.as_ref().and_then(|after| after.generations.get(&number));
            let ordering = generation.map(|generation| generation.ordering);
            let begun = generation.map_or(-1, |generation| generation.begun);
            content.places.insert(build(number), Place { prefix, begun, ordering });
        }
        for number in &effects.forget {
            content.lanes.remove(&build(*number));
            content.places.remove(&build(*number));
        }
        effects.moves.iter().for_each(|step| make_move(&mut content, name, step));
        for (number, view) in &effects.unlist {
            content.keys.remove(&(build(*number), view.clone()));
        }
        if let Some(live) = effects.readers {
            let marks = content.marks(name, live);
            content.readers.insert(name.to_owned(), (live, marks));
        } else if change.after.is_none() {
            content.readers.remove(name);
        }
        let forgiven = |number: &u64| effects.forget.contains(number) || effects.forgive.contains(number);
        content.faults.retain(|at, _| at.projection != name || !forgiven(&at.generation));
        match &change.after {
            Some(after) => drop(content.records.insert(name.to_owned(), recorded(after))),
            None => drop(content.records.remove(name)),
        }
        content.changes += 1;
        content.history.push((self.memory.now(), change.entry.clone()));
        drop(content);
        self.tell();
        Outcome::Done
    }

    /// Some structures of the keyed views change places, as many as one change may move. None if the record has changed.
    pub(super) fn move_chunk(&self, recorded: &Recorded) -> Option<u64> {
        let mut content = self.memory.lock();
        content.record(recorded)?;
        let deployment = &recorded.deployment;
        let (Some(number), Some(live)) = (deployment.moving, deployment.live()) else { return Some(0) };
        let Some(next) = deployment.generations.get(&number) else { return Some(0) };
        for view in live.views.iter().chain(&next.views).filter(|view| view.keyed) {
            let away = Side::new(deployment, deployment.live, &view.name, &live.prefix);
            let into =
                Side { to: deployment.prefix.clone(), ..Side::new(deployment, number, &view.name, &next.prefix) };
            let some = into.some(&content, self.keyed_max);
            for key in &some {
                away.take(&mut content, key);
                into.take(&mut content, key);
            }
            if !some.is_empty() {
                return Some(some.len() as u64);
            }
            // What has no successor goes last.
            let some = away.some(&content, self.keyed_max);
            some.iter().for_each(|key| away.take(&mut content, key));
            if !some.is_empty() {
                return Some(some.len() as u64);
            }
        }
        Some(0)
    }
}

/// What a generation has of a keyed view, and where it goes.
struct Side<'a> {
    generation: (&'a str, u64),
    view: &'a str,
    from: &'a str,
    to: String,
}

impl<'a> Side<'a> {
    fn new(deployment: &'a Deployment, number: u64, view: &'a str, from: &'a str) -> Self {
        Self { generation: (&deployment.name, number), view, from, to: deployment.hidden_prefix(number) }
    }

    fn index(&self) -> ((Arc<str>, u64), String) {
        ((self.generation.0.into(), self.generation.1), self.view.to_owned())
    }

    fn some(&self, content: &Content, count: u64) -> Vec<Vec<u8>> {
        content.keys.get(&self.index()).into_iter().flatten().take(count as usize).cloned().collect()
    }

    fn take(&self, content: &mut Content, key: &[u8]) {
        let is_there = content.keys.get_mut(&self.index()).is_some_and(|keys| keys.remove(key));
        if is_there {
            content.moved.entry(self.index()).or_default().insert(key.to_vec());
            content.rename(&structure(self.from, self.view, key), structure(&self.to, self.view, key));
        }
    }
}

/// The partition in which a generation has not come far enough, if there is one.
fn behind(content: &Content, name: &str, reached: Reached) -> Option<Outcome> {
    let by = content.marks(name, reached.by);
    let of = content.marks(name, reached.of);
    of.into_iter().find_map(|(at, mark)| {
        let found = by.get(&at).map_or(0, |mark| mark.next);
        (found < mark.next).then(|| Outcome::Behind { partition: at.to_string(), wanted: mark.next, found })
    })
}

/// How many structures of keyed views a move has to move.
fn count(content: &Content, name: &str, step: &Move) -> u64 {
    let index = |view: &String| ((name.into(), step.generation), view.clone());
    step.keyed.iter().filter_map(|view| content.keys.get(&index(view))).map(|keys| keys.len() as u64).sum()
}

fn make_move(content: &mut Content, name: &str, step: &Move) {
    for view in &step.views {
        let side = |prefix: &str| format!("{prefix}{view}").into_bytes();
        content.rename(&side(&step.from), side(&step.to));
    }
    for view in &step.keyed {
        let index = ((name.into(), step.generation), view.clone());
        for key in content.keys.get(&index).cloned().unwrap_or_default() {
            content.rename(&structure(&step.from, view, &key), structure(&step.to, view, &key));
        }
        // Those that moved before, in chunks, are listed again.
        if let Some(moved) = content.moved.remove(&index) {
            content.keys.entry(index).or_default().extend(moved);
        }
    }
}

/// The Redis key of a structure of a keyed view.
fn structure(prefix: &str, view: &str, key: &[u8]) -> Vec<u8> {
    [prefix.as_bytes(), view.as_bytes(), b":", key].concat()
}

fn recorded(deployment: &Deployment) -> Arc<Recorded> {
    let text = serde_json::to_string(deployment).expect("a record is plain data");
    Arc::new(Recorded { deployment: deployment.clone(), text })
}
