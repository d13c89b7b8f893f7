//! What `retry` and `discard` share: which letters are meant, and how the store is told.

use std::collections::{BTreeMap, BTreeSet};

use super::choice::{Choice, Found, Letters};
use crate::cli::UserError;
use crate::cli::figures::grouped;
use crate::cli::operate::{Operator, failure};
use crate::store::redis::Settlement;

/// Events of a lane that the history names.
const NAMED: usize = 100;

/// Which letters are meant. Something must be said, if only that it is all of them.
#[derive(clap::Args)]
pub(super) struct Meant {
    /// The projection
    pub(super) name: String,

    /// These events: TOPIC/PARTITION@OFFSET
    #[arg(value_name = "EVENT")]
    pub(super) events: Vec<String>,

    /// All there are
    #[arg(long, conflicts_with_all = ["events", "key", "reason", "since"])]
    pub(super) all: bool,

    #[command(flatten)]
    pub(super) choice: Choice,
}

impl Meant {
    pub(super) fn chosen<'a>(&self, letters: &'a Letters) -> Result<Vec<&'a Found>, UserError> {
        if !self.all && self.events.is_empty() && self.choice.is_open() {
            return Err(UserError::usage(
                "it is not said which dead letters are meant",
                "name events, or narrow them by --key, --reason or --since; or say --all",
            ));
        }
        letters.chosen(&self.choice, &self.events)
    }
}

/// How many there are, of how many keys.
pub(super) fn count(chosen: &[&Found]) -> String {
    let keys: BTreeSet<_> = chosen.iter().filter_map(|found| found.letter.key.as_ref()).collect();
    let events = grouped(chosen.len() as u64);
    let some = |number: &str, what: &str| format!("{number} {what}{}", if number == "1" { "" } else { "s" });
    let are = if chosen.len() == 1 { "is" } else { "are" };
    match keys.len() {
        0 => format!("{} {are}", some(&events, "event")),
        keys => format!("{} of {} {are}", some(&events, "event"), some(&grouped(keys as u64), "key")),
    }
}

/// Tells the store, lane by lane, what is to become of letters. Gives how many of them there still were.
pub(super) async fn settle(
    operator: &Operator,
    letters: &Letters,
    chosen: &[&Found],
    discards: bool,
) -> Result<u64, UserError> {
    let mut lanes: BTreeMap<&str, Vec<&Found>> = BTreeMap::new();
    chosen.iter().for_each(|found| lanes.entry(&found.share).or_default().push(found));
    let (name, generation) = (&letters.deployment.name, letters.generation);
    let (action, done) = if discards { ("discard", "dropped") } else { ("retry", "to be tried again") };
    let mut sum = 0;
    for (share, of_lane) in lanes {
        let what = format!("{} {done}: {} (generation {generation})", count(&of_lane), events(&of_lane));
        let numbers: Vec<u64> = of_lane.iter().map(|found| found.number).collect();
        let settlement = Settlement {
            projection: name,
            generation,
            begun: letters.begun(),
            share,
            letters: &numbers,
            discards,
            entry: &operator.entry(name, action, what),
        };
        sum += operator.registry.settle(&settlement).await.map_err(|error| failure(&error))?;
    }
    Ok(sum)
}

/// The first events by name, for the history.
fn events(chosen: &[&Found]) -> String {
    let mut named: Vec<String> =
        chosen.iter().take(NAMED).map(|found| found.letter.reference().to_string()).collect();
    if chosen.len() > NAMED {
        named.push(format!("{} more", grouped((chosen.len() - NAMED) as u64)));
    }
    named.join(", ")
}
