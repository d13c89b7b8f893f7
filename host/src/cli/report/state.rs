//! In which state a projection is, and why: a pure function of its record, its faults and what the hosts report.

use std::fmt;

use serde::Serialize;

use crate::control::{Deployment, HostReport, Snapshot};

/// In which state a projection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::cli) enum State {
    /// Its first generation has not come to the end of its topics yet.
    Building,
    Live,
    Paused,
    /// It is live, and another generation is being built.
    Rebuilding,
    /// It can't go on.
    Stopped,
    /// It waits for something to come back.
    Retrying,
    Undeploying,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            State::Building => "building",
            State::Live => "live",
            State::Paused => "paused",
            State::Rebuilding => "rebuilding",
            State::Stopped => "stopped",
            State::Retrying => "retrying",
            State::Undeploying => "undeploying",
        })
    }
}

/// The state of a projection, and why it is stopped or retrying.
pub(in crate::cli) fn judge(
    deployment: &Deployment,
    snapshot: &Snapshot,
    hosts: &[HostReport],
) -> (State, Option<String>) {
    if deployment.removing {
        return (State::Undeploying, None);
    }
    if let Some(why) = stopped(deployment, snapshot, hosts) {
        return (State::Stopped, Some(why));
    }
    if deployment.paused {
        return (State::Paused, None);
    }
    let next = deployment.next().map(|(number, _)| number);
    let runs = |generation: u64| generation == deployment.live || Some(generation) == next;
    let lanes = hosts.iter().flat_map(|host| &host.lanes);
    let mut own = lanes.filter(|lane| lane.projection == deployment.name && runs(lane.generation));
    if let Some(why) = own.find_map(|lane| lane.retrying.clone()) {
        return (State::Retrying, Some(why));
    }
    if let Some(number) = deployment.moving.filter(|moving| Some(*moving) != next) {
        return (State::Rebuilding, Some(format!("generation {number} takes its place, structure by structure")));
    }
    let is_built = deployment.live().is_some_and(|live| live.built.is_some());
    match next {
        Some(_) => (State::Rebuilding, None),
        None if is_built => (State::Live, None),
        None => (State::Building, None),
    }
}

/// Why the live generation can't go on, if it can't.
fn stopped(deployment: &Deployment, snapshot: &Snapshot, hosts: &[HostReport]) -> Option<String> {
    let is_live =
        |at: &crate::control::FaultAt| (&at.projection, at.generation) == (&deployment.name, deployment.live);
    let noted = snapshot.faults.iter().find(|(at, _)| is_live(at)).map(|(_, why)| why.clone());
    let key = format!("{}:{}", deployment.name, deployment.live);
    noted.or_else(|| hosts.iter().find_map(|host| host.stopped.get(&key).cloned()))
}
