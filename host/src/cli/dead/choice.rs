//! Which dead letters are meant.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use crate::cli::UserError;
use crate::cli::operate::{Operator, failure};
use crate::control::{Deployment, Generation};
use crate::letter::{Bytes, Letter, PARKED};

/// Which letters are meant: those of which all is true that is said.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Choice {
    /// Only those of this key
    #[arg(long)]
    pub(super) key: Option<String>,

    /// Only those with this reason, such as panic, or parked for those that only wait behind another
    #[arg(long)]
    pub(super) reason: Option<String>,

    /// Only those that were set aside, or failed last, within this time, such as 2h
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(super) since: Option<Duration>,

    /// Those of this generation, live or not [default: the live one]
    #[arg(long, value_name = "N")]
    pub(super) generation: Option<u64>,
}

/// A letter, and where it is kept.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) share: String,
    pub(super) number: u64,
    pub(super) letter: Letter,
}

/// The letters of a generation.
pub(super) struct Letters {
    pub(super) deployment: Deployment,
    pub(super) generation: u64,
    /// All of them, lane by lane, in the order of their events.
    pub(super) all: Vec<Found>,
    /// The store's clock, in milliseconds since the Unix epoch.
    now: i64,
}

impl Letters {
    /// Reads those of a projection that the choice may mean.
    pub(super) async fn read(operator: &Operator, name: &str, choice: &Choice) -> Result<Self, UserError> {
        let (snapshot, recorded) = operator.find(name).await?;
        let deployment = recorded.deployment.clone();
        let generation = choice.generation.unwrap_or(deployment.live);
        if !deployment.generations.contains_key(&generation) {
            let numbers: Vec<_> = deployment.generations.keys().map(u64::to_string).collect();
            let hint = format!("it has {}", numbers.join(", "));
            return Err(UserError::failure(format!("projection `{name}` has no generation {generation}"), hint));
        }
        let lanes = operator.registry.letters(name, generation).await.map_err(|error| failure(&error))?;
        Ok(Self { deployment, generation, all: flat(lanes), now: snapshot.now })
    }

    /// Those that are meant. If events are named, each of them must be there.
    pub(super) fn chosen(&self, choice: &Choice, events: &[String]) -> Result<Vec<&Found>, UserError> {
        let named: BTreeSet<&str> = events.iter().map(String::as_str).collect();
        let is_named = |found: &&Found| named.is_empty() || named.contains(&*found.letter.reference().to_string());
        let chosen: Vec<_> = self.all.iter().filter(is_named).collect();
        if let Some(missing) = events.iter().find(|event| {
            let is_it = |found: &&Found| found.letter.reference().to_string() == **event;
            !chosen.iter().any(is_it)
        }) {
            let name = &self.deployment.name;
            return Err(UserError::failure(
                format!("projection `{name}` has not set aside event {missing}"),
                format!("an event is written TOPIC/PARTITION@OFFSET; `lantern dead list {name}` shows them"),
            ));
        }
        Ok(chosen.into_iter().filter(|found| choice.means(&found.letter, self.now)).collect())
    }

    /// When the generation was begun, which tells it from another of its number.
    pub(super) fn begun(&self) -> i64 {
        self.deployment.generations.get(&self.generation).map_or(0, |generation| generation.begun)
    }

    /// Fails if the generation does not run: nothing would be tried.
    pub(super) fn must_run(&self) -> Result<(), UserError> {
        let Self { deployment, generation, .. } = self;
        if deployment.generations.get(generation).is_some_and(Generation::runs) {
            return Ok(());
        }
        let name = &deployment.name;
        let message = format!("generation {generation} of projection `{name}` does not run");
        Err(UserError::refused(
            message,
            format!("the live one is {}; see lantern rollback --help", deployment.live),
        ))
    }

    /// How many wait behind one.
    pub(super) fn behind(&self, one: &Found) -> usize {
        let is_behind = |found: &&Found| found.sequence() == one.sequence() && found.number > one.number;
        self.all.iter().filter(|found| one.letter.key.is_some() && is_behind(found)).count()
    }

    /// All that is tried if these are wanted: whatever comes before one of them in its key, too.
    pub(super) fn tried(&self, wanted: &[&Found]) -> Vec<&Found> {
        let mut last: HashMap<_, u64> = HashMap::new();
        for found in wanted {
            let last = last.entry(found.sequence()).or_default();
            *last = found.number.max(*last);
        }
        let is_tried = |found: &&Found| last.get(&found.sequence()).is_some_and(|last| found.number <= *last);
        self.all.iter().filter(is_tried).collect()
    }

    /// What stays of the keys of these, if these are dropped.
    pub(super) fn rest(&self, dropped: &[&Found]) -> usize {
        let numbers: HashSet<_> = dropped.iter().map(|found| (&found.share, found.number)).collect();
        let keyed = dropped.iter().filter(|found| found.letter.key.is_some());
        let sequences: HashSet<_> = keyed.map(|found| found.sequence()).collect();
        let stays = |found: &&Found| {
            sequences.contains(&found.sequence()) && !numbers.contains(&(&found.share, found.number))
        };
        self.all.iter().filter(stays).count()
    }
}

impl Choice {
    /// Whether nothing is said that narrows it.
    pub(super) fn is_open(&self) -> bool {
        self.key.is_none() && self.reason.is_none() && self.since.is_none()
    }

    fn means(&self, letter: &Letter, now: i64) -> bool {
        let is_key = |key: &String| letter.key.as_ref() == Some(&Bytes::from(key.as_bytes()));
        let is_new = |since: Duration| {
            u128::try_from(now.saturating_sub(letter.time)).is_ok_and(|age| age <= since.as_millis())
        };
        self.key.as_ref().is_none_or(is_key)
            && self.reason.as_ref().is_none_or(|reason| *reason == letter.reason)
            // What is from the future is new.
            && self.since.is_none_or(|since| letter.time > now || is_new(since))
    }
}

impl Found {
    /// What it has an order with: the letters of its key in its lane; if it has no key, it is alone.
    fn sequence(&self) -> (&str, Result<&Bytes, u64>) {
        (&self.share, self.letter.key.as_ref().ok_or(self.number))
    }
}

/// The letters of all lanes. Those that are parked say behind which they wait now: the first that is left of their key.
fn flat(lanes: BTreeMap<String, BTreeMap<u64, Letter>>) -> Vec<Found> {
    let mut lanes: Vec<_> = lanes.into_iter().collect();
    lanes.sort_by_key(|(share, _)| share.parse::<u32>().ok());
    let mut all = Vec::new();
    for (share, letters) in lanes {
        let mut first: HashMap<Bytes, String> = HashMap::new();
        for (number, mut letter) in letters {
            let event = letter.reference().to_string();
            let first = letter.key.clone().map(|key| first.entry(key).or_insert_with(|| event.clone()).clone());
            if letter.reason == PARKED {
                letter.parked_behind = first.filter(|first| *first != event);
                letter.message = match &letter.parked_behind {
                    Some(behind) => format!("it comes after {behind} of its key, which is set aside"),
                    None => "it came after an event of its key that is not set aside any more".to_owned(),
                };
            }
            all.push(Found { share: share.clone(), number, letter });
        }
    }
    all
}
