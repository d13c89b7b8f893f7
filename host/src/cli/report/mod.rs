//! How the projections are: collected from the records, the hosts' reports and the source, for `list`, `status` and
//! whoever shows progress. Changes nothing and prints nothing.

mod ends;
mod rebuild;
mod standing;
mod state;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::UserError;
use super::operate::{Operator, failure};
use crate::app::AnySource;
use crate::control::{Deployment, Error, FaultAt, Generation, HostReport, LaneReport, Registry, Snapshot};
use crate::lane::chain;
use crate::limits::{self, LIMITS, Limits};
use crate::store::redis::Role;
use crate::store::{Checkpoint, Unwilling};
use ends::Ends;
pub(super) use standing::share;
use standing::{Standing, lane_reports};
pub(super) use state::{State, judge};

/// How an installation is at one moment. Serialized, it is what `lantern status --json` prints.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Report {
    pub(super) projections: Vec<Projection>,
    /// The hosts that live.
    #[serde(skip)]
    pub(super) hosts: Vec<HostReport>,
    /// Why the ends of some topics are not known, if they are not.
    #[serde(skip)]
    pub(super) away: Option<String>,
    /// Why Redis takes no writes, if it takes none.
    #[serde(skip)]
    pub(super) unwilling: Option<String>,
}

/// How a projection is: its live generation, and the one that is being built. A number that is not known is none.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Projection {
    pub(super) name: String,
    pub(super) state: State,
    /// Why it is in that state, if it should not be.
    pub(super) error: Option<String>,
    pub(super) revision: u32,
    pub(super) generation: u64,
    /// Digest of the module.
    pub(super) module: String,
    pub(super) topics: Vec<String>,
    /// Events that are not applied yet.
    pub(super) lag: Option<u64>,
    /// How old the newest applied event is where others wait; 0 if none waits.
    pub(super) lag_seconds: Option<f64>,
    pub(super) events_per_second: f64,
    pub(super) dead_letters: u64,
    /// What the plugin may use: bytes, milliseconds or numbers.
    pub(super) limits: limits::Settings,
    pub(super) lanes: Vec<Lane>,
    pub(super) rebuild: Option<Rebuild>,
    /// The offsets at which the past ended that it shows; none if it follows its topics.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) as_of: BTreeMap<String, u64>,
    /// Which of the limits were set.
    #[serde(skip)]
    pub(super) limits_set: limits::Settings,
    /// Events left out because they can't be applied, since the hosts began.
    #[serde(skip)]
    pub(super) skipped: u64,
}

/// How far a projection has come in one partition.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Lane {
    pub(super) topic: String,
    pub(super) partition: u32,
    /// The next offset to apply.
    pub(super) checkpoint: Option<u64>,
    /// The offset behind the last event.
    pub(super) end: Option<u64>,
    pub(super) lag: Option<u64>,
    /// The host that runs it.
    pub(super) host: Option<String>,
    /// The first offset that there is to apply.
    #[serde(skip)]
    pub(super) first: Option<u64>,
}

/// A generation that is being built, waits to be promoted, or could not be built.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Rebuild {
    pub(super) generation: u64,
    pub(super) state: Phase,
    pub(super) applied: Option<u64>,
    /// The events that there are to apply, or offsets where the log has gaps.
    pub(super) total: Option<u64>,
    pub(super) events_per_second: f64,
    pub(super) eta_seconds: Option<u64>,
    /// Why it has failed, or what a comparison has found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) finding: Option<String>,
}

/// How a rebuild is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Phase {
    Building,
    /// It stands at the same offsets as the live one, or comes there, for a comparison.
    Comparing,
    /// It is taking the live one's place, structure by structure.
    Moving,
    /// Others go first.
    Waiting,
    /// It is built; an operator promotes or cancels it.
    Held,
    Failed,
}

/// Says how the projections are, or the one that is named.
pub(super) async fn collect(
    operator: &Operator,
    source: Option<&AnySource>,
    only: Option<&str>,
) -> Result<Report, UserError> {
    let snapshot = match only {
        Some(name) => operator.find(name).await?.0,
        None => operator.snapshot().await?,
    };
    let registry = &operator.registry;
    let hosts = registry.hosts().await.map_err(|e| failure(&e))?;
    let unwilling = unwilling(operator).await;
    let wanted = snapshot.deployments.values().map(|recorded| &recorded.deployment);
    let wanted: Vec<&Deployment> = wanted.filter(|d| only.is_none_or(|name| d.name == name)).collect();
    let shown = wanted.iter().flat_map(|d| d.generations.values()).filter(|g| g.runs() || g.frozen);
    let topics: BTreeSet<String> = shown.flat_map(|generation| generation.topics.clone()).collect();
    // Before the checkpoints: what is applied meanwhile is no lag.
    let ends = ends::ask(source, &topics).await;
    let mut projections = Vec::new();
    for deployment in wanted {
        let mut progress = Vec::new();
        let letters = registry.count_letters(&deployment.name, deployment.live).await.map_err(|e| failure(&e))?;
        for number in [Some(deployment.live), deployment.next().map(|(number, _)| number)].into_iter().flatten() {
            let lanes = registry.lanes(&deployment.name, number).await.map_err(|e| failure(&e))?;
            progress.push(lanes.into_values().flatten().collect::<Checkpoint>());
        }
        let mut progress = progress.into_iter();
        let view =
            View { snapshot: &snapshot, hosts: &hosts, ends: &ends, unwilling: unwilling.as_ref(), deployment };
        let (live, next) = (progress.next().unwrap_or_default(), progress.next().unwrap_or_default());
        projections.push(Projection { dead_letters: letters.0, ..view.projection(live, next) });
    }
    Ok(Report { projections, hosts, away: ends.away, unwilling })
}

/// All limits, by name, as they are.
fn in_force(deployment: &Deployment) -> limits::Settings {
    let limits = Limits::of(&deployment.limits);
    LIMITS.iter().map(|limit| (limit.name.to_owned(), limit.value(&limits))).collect()
}

/// Why nobody can write in Redis, if nobody can. What this user may not do says nothing of the hosts.
async fn unwilling(operator: &Operator) -> Option<String> {
    match operator.registry.try_all(&[Role::Operator], &[]).await {
        Err(error @ Error::Unwilling { why: Unwilling::Full | Unwilling::ReadOnly, .. }) => {
            Some(format!("{} (hint: {})", chain(&error), error.hint()))
        }
        _ => None,
    }
}

/// What is known when a projection is judged.
struct View<'a> {
    snapshot: &'a Snapshot,
    hosts: &'a [HostReport],
    ends: &'a Ends,
    /// Why nobody can write.
    unwilling: Option<&'a String>,
    deployment: &'a Deployment,
}

impl View<'_> {
    fn projection(&self, live: Checkpoint, next: Checkpoint) -> Projection {
        let Self { snapshot, hosts, deployment, .. } = self;
        let (name, number) = (&deployment.name, deployment.live);
        // While it is undeployed, there may be no live one any more.
        let generation = deployment.live().or_else(|| deployment.generations.values().next_back());
        let standings = generation.map(|g| self.standings(number, g, &live)).unwrap_or_default();
        let (state, error) = match (judge(deployment, snapshot, hosts), self.unwilling) {
            // No host has a way to say so.
            ((State::Building | State::Live | State::Rebuilding, _), Some(why)) => {
                (State::Retrying, Some(why.clone()))
            }
            (judged, _) => judged,
        };
        let lag = standing::lag(&standings);
        Projection {
            name: name.clone(),
            state,
            error,
            revision: generation.map_or(0, |generation| generation.revision),
            generation: number,
            module: generation.map(|generation| generation.module.clone()).unwrap_or_default(),
            topics: generation.map(|generation| generation.topics.clone()).unwrap_or_default(),
            lag,
            lag_seconds: standing::lag_seconds(&standings, snapshot.now),
            events_per_second: standing::rate(hosts, name, number),
            dead_letters: 0,
            limits: in_force(deployment),
            limits_set: deployment.limits.clone(),
            as_of: deployment.as_of.clone(),
            skipped: lane_reports(hosts, name, number).map(|(_, lane)| lane.skipped).sum(),
            rebuild: self.rebuild(&next),
            lanes: standings.into_iter().map(Standing::lane).collect(),
        }
    }

    fn standings(&self, number: u64, generation: &Generation, checkpoint: &Checkpoint) -> Vec<Standing> {
        let name = &self.deployment.name;
        let at = |share: &str| FaultAt { projection: name.clone(), generation: number, share: share.to_owned() };
        // What a lane that has stopped reported last may be from before the event that it can't apply.
        let runs = |lane: &LaneReport| !self.snapshot.faults.contains_key(&at(&lane.share));
        let reports: Vec<_> = lane_reports(self.hosts, name, number).filter(|(_, lane)| runs(lane)).collect();
        standing::standings(generation, checkpoint, self.ends, &self.deployment.as_of, &reports)
    }

    fn rebuild(&self, next: &Checkpoint) -> Option<Rebuild> {
        let Some((number, generation)) = self.deployment.next() else { return rebuild::failed(self.deployment) };
        let standings = self.standings(number, generation, next);
        Some(rebuild::going_on(self.deployment, number, generation, &standings, self.hosts))
    }
}
