//! How a rebuild goes on: how much of the history it has applied, and how long the rest will take. Pure functions.

use super::standing::{Standing, rate};
use super::{Phase, Rebuild};
use crate::control::{Deployment, Generation, HostReport, Stage};

/// A rebuild that is under way or held.
pub(super) fn going_on(
    deployment: &Deployment,
    number: u64,
    generation: &Generation,
    standings: &[Standing],
    hosts: &[HostReport],
) -> Rebuild {
    let name = deployment.name.as_str();
    let key = format!("{name}:{number}");
    let state = match generation.stage {
        _ if deployment.moving == Some(number) => Phase::Moving,
        _ if generation.frozen || !generation.until.is_empty() => Phase::Comparing,
        Stage::Held => Phase::Held,
        _ if hosts.iter().any(|host| host.waiting.contains(&key)) => Phase::Waiting,
        _ => Phase::Building,
    };
    let rate = rate(hosts, name, number);
    let known = !standings.is_empty();
    let applied = standings.iter().map(applied).sum::<Option<u64>>().filter(|_| known);
    let total = standings.iter().map(total).sum::<Option<u64>>().filter(|_| known);
    let left = total.zip(applied).map(|(total, applied)| total.saturating_sub(applied));
    let eta =
        left.filter(|_| state == Phase::Building && rate > 0.0).map(|left| (left as f64 / rate).ceil() as u64);
    Rebuild {
        generation: number,
        state,
        applied,
        total,
        events_per_second: rate,
        eta_seconds: eta,
        finding: generation.finding.clone(),
    }
}

/// The last rebuild, if it has failed.
pub(super) fn failed(deployment: &Deployment) -> Option<Rebuild> {
    let mut generations = deployment.generations.iter().rev();
    let (number, generation) = generations.find(|(_, generation)| generation.stage == Stage::Failed)?;
    Some(Rebuild {
        generation: *number,
        state: Phase::Failed,
        applied: None,
        total: None,
        events_per_second: 0.0,
        eta_seconds: None,
        finding: generation.finding.clone(),
    })
}

fn total(standing: &Standing) -> Option<u64> {
    Some(standing.end?.saturating_sub(standing.first?))
}

fn applied(standing: &Standing) -> Option<u64> {
    let whole = total(standing);
    if standing.at_end && whole.is_some() {
        return whole;
    }
    // Most logs begin at zero, should nobody say.
    let applied = standing.next?.saturating_sub(standing.first.unwrap_or(0));
    Some(whole.map_or(applied, |whole| applied.min(whole)))
}
