//! One step of the control plane: a record's next state, and what must happen in the store in the same instant.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Deployment, Generation, Recorded, Stage};
use crate::projection::View;

/// A change of one record.
#[derive(Clone, Debug)]
pub struct Change {
    /// The record as it was read; none if there must not be one.
    pub before: Option<Arc<Recorded>>,
    /// The record as it is to be; none if it is to go.
    pub after: Option<Deployment>,
    /// What must hold of two generations' checkpoints at that instant.
    pub reached: Option<Reached>,
    /// What the history says of it.
    pub entry: Entry,
}

/// A generation must have come at least as far as another, in every partition of topics that are the same to both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    /// The one that must have come far.
    pub by: u64,
    /// The one that says how far.
    pub of: u64,
}

/// A line of the history.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Who wanted it, such as `ada@laptop` or a host's name.
    pub who: String,
    /// What was wanted, such as `deploy`. Empty for what nobody wanted, which leaves no line.
    pub action: String,
    /// The projection.
    pub projection: String,
    /// From what to what, in words.
    pub what: String,
}

/// How a change went.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It is made.
    Done,
    /// Somebody else has changed the record meanwhile. Nothing was done.
    Changed,
    /// The checkpoints are not as they must be. Nothing was done.
    Behind {
        /// The partition that is behind.
        partition: String,
        /// Where it must be.
        wanted: u64,
        /// Where it is.
        found: u64,
    },
    /// Keyed views have too many structures to be moved in one step. Nothing was done.
    TooMany {
        /// How many they have.
        structures: u64,
        /// How many may be moved.
        limit: u64,
    },
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Outcome::Done => f.write_str("it is done"),
            Outcome::Changed => f.write_str("somebody else has changed the record meanwhile"),
            Outcome::Behind { partition, wanted, found } => {
                write!(f, "it has come to {partition}@{found}, and the live generation to {partition}@{wanted}")
            }
            Outcome::TooMany { structures, limit } => write!(
                f,
                "keyed views have {structures} structures in all, more than the {limit} that may move in one step"
            ),
        }
    }
}

/// What follows from a change, besides the record itself. All of it happens in the same atomic step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Effects {
    /// Views that go from one place to another.
    pub moves: Vec<Move>,
    /// Generations whose lanes may begin from now on, and where their views stand. Lanes that run are fenced.
    pub place: Vec<Lanes>,
    /// Generations whose lanes are fenced and may not begin.
    pub close: Vec<u64>,
    /// Generations that are forgotten: their lanes are fenced, and their checkpoints are gone.
    pub forget: Vec<u64>,
    /// Generations whose faults are forgiven.
    pub forgive: Vec<u64>,
    /// Keyed views whose keys need not be known any more: the generation, the view's name.
    pub unlist: Vec<(u64, String)>,
    /// The generation whose checkpoints readers see from now on.
    pub readers: Option<u64>,
}

/// The lanes of a generation, and where they write.
#[derive(Clone, Debug, PartialEq)]
pub struct Lanes {
    /// The generation.
    pub generation: u64,
    /// Before the names of its views.
    pub prefix: String,
}

/// All views of a generation go to another place.
#[derive(Clone, Debug, PartialEq)]
pub struct Move {
    /// The generation.
    pub generation: u64,
    /// Names of its unkeyed views.
    pub views: Vec<String>,
    /// Names of its keyed views.
    pub keyed: Vec<String>,
    /// The prefix that they have.
    pub from: String,
    /// The prefix that they get.
    pub to: String,
}

impl Change {
    /// The topics of which the generations that are compared have read different ones: how far either has come in them
    /// does not count.
    pub fn incomparable(&self) -> Vec<&str> {
        let (Some(before), Some(reached)) = (&self.before, self.reached) else { return Vec::new() };
        before.deployment.unlike_topics(reached.of, reached.by)
    }

    /// What follows from it. Moves are in an order in which none overwrites what another has yet to take away.
    pub fn effects(&self) -> Effects {
        let mut effects = Effects::default();
        let before = self.before.as_ref().map(|recorded| &recorded.deployment);
        for (number, generation) in self.after.iter().flat_map(|after| &after.generations) {
            let was = before.and_then(|before| before.generations.get(number));
            effects.add(*number, was, generation);
        }
        if let (Some(before), None) = (before, &self.after) {
            effects.forget.extend(before.generations.keys());
        }
        if let (Some(before), Some(after)) = (before, &self.after)
            && (before.resumed, before.on_error, before.max_parked, &before.limits)
                != (after.resumed, after.on_error, after.max_parked, &after.limits)
        {
            // An event that was in the way may be left out now, or be within the limits.
            effects.forgive = after.generations.keys().copied().collect();
        }
        let live = |deployment: &Deployment| deployment.live;
        if before.map(live) != self.after.as_ref().map(live) {
            effects.readers = self.after.as_ref().map(live);
        }
        // Who gives up the readers' place goes first.
        effects.moves.sort_by_key(|a_move| a_move.to == self.after.as_ref().map_or("", |after| &after.prefix));
        effects
    }
}

impl Effects {
    fn add(&mut self, number: u64, was: Option<&Generation>, is: &Generation) {
        let moved = was.filter(|was| was.prefix != is.prefix);
        if let Some(was) = moved {
            let names = |keyed: bool| is.views.iter().filter(move |view| view.keyed == keyed).map(name).collect();
            self.moves.push(Move {
                generation: number,
                views: names(false),
                keyed: names(true),
                from: was.prefix.clone(),
                to: is.prefix.clone(),
            });
        }
        let is_gone = |stage| matches!(stage, Stage::Dropped | Stage::Failed);
        let stood = was.is_none_or(|was| was.frozen || !was.runs());
        if is_gone(is.stage) {
            if was.is_some_and(|was| !is_gone(was.stage)) {
                self.forget.push(number);
            }
        } else if is.runs() && (stood || moved.is_some() || was.is_some_and(|was| was.until != is.until)) {
            self.place.push(Lanes { generation: number, prefix: is.prefix.clone() });
        } else if !is.runs() && !stood {
            self.close.push(number);
        }
        // A new generation may have the number of one that a store has lost, or that was undeployed.
        if was.is_none_or(|was| (&was.module, &was.config) != (&is.module, &is.config)) {
            self.forgive.push(number);
        }
        let gone = was.iter().flat_map(|was| &was.views).filter(|view| view.keyed && !is.views.contains(view));
        self.unlist.extend(gone.map(|view| (number, name(view))));
    }
}

fn name(view: &View) -> String {
    view.name.clone()
}

#[cfg(test)]
mod tests;
