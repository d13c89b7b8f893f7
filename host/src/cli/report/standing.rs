//! How far a generation has come in each partition, and how much is left. Pure functions.

use std::collections::{BTreeMap, BTreeSet};

use super::Lane;
use super::ends::Ends;
use crate::control::{Generation, HostReport, LaneReport};
use crate::event::TopicPartition;
use crate::projection::{Ordering, Share};
use crate::store::Checkpoint;

/// How far a generation has come in one partition. A number that is not known is none.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Standing {
    pub(super) at: TopicPartition,
    /// The first offset that there is to apply.
    pub(super) first: Option<u64>,
    /// The next offset to apply.
    pub(super) next: Option<u64>,
    pub(super) end: Option<u64>,
    /// The newest event time that was applied, in milliseconds since the Unix epoch.
    pub(super) newest: Option<i64>,
    pub(super) host: Option<String>,
    /// Whether its host says that nothing is left: there may be offsets that no event has.
    pub(super) at_end: bool,
}

/// What the hosts report of the lanes of a generation.
pub(super) fn lane_reports<'a>(
    hosts: &'a [HostReport],
    projection: &'a str,
    generation: u64,
) -> impl Iterator<Item = (&'a HostReport, &'a LaneReport)> {
    let lanes = hosts.iter().flat_map(|host| host.lanes.iter().map(move |lane| (host, lane)));
    lanes.filter(move |(_, lane)| lane.projection == projection && lane.generation == generation)
}

/// Events that a generation has committed in the last second or so.
pub(super) fn rate(hosts: &[HostReport], projection: &str, generation: u64) -> f64 {
    // From zero: a sum of no floats is -0.
    lane_reports(hosts, projection, generation).fold(0.0, |sum, (_, lane)| sum + lane.events_per_second)
}

/// Which lane takes the events of a partition.
pub(in crate::cli) fn share(ordering: Ordering, partition: u32) -> Share {
    match ordering {
        Ordering::Partition => Share::Partition(partition),
        Ordering::Global => Share::Whole,
    }
}

/// How far a generation has come in all partitions of its topics, or those that it has read if the source is away.
pub(super) fn standings(
    generation: &Generation,
    checkpoint: &Checkpoint,
    ends: &Ends,
    as_of: &BTreeMap<String, u64>,
    reports: &[(&HostReport, &LaneReport)],
) -> Vec<Standing> {
    let mut standings = Vec::new();
    for topic in &generation.topics {
        let read = checkpoint.keys().filter(|at| *at.topic == **topic).map(|at| at.partition);
        let partitions: BTreeSet<u32> = match ends.partitions.get(topic) {
            Some(count) => (0..*count).collect(),
            None => read.collect(),
        };
        for partition in partitions {
            let at = TopicPartition::new(topic.as_str(), partition);
            let (mark, bounds) = (checkpoint.get(&at), ends.bounds.get(&at));
            // What shows the past has nothing to apply behind it.
            let past = (!as_of.is_empty()).then(|| as_of.get(&at.to_string()).copied().unwrap_or(0));
            let end = past.or(bounds.map(|bounds| bounds.end));
            let start = generation.starts.get(&at.to_string()).copied();
            let first = start.max(bounds.map(|bounds| bounds.first));
            let share = share(generation.ordering, partition).to_string();
            let report = reports.iter().find(|(_, lane)| lane.share == share);
            standings.push(Standing {
                at,
                first,
                next: mark.map(|mark| mark.next).or(first),
                end,
                newest: mark.map(|mark| mark.newest).filter(|newest| *newest >= 0),
                host: report.map(|(host, _)| host.id.clone()),
                at_end: report.is_some_and(|(_, lane)| lane.at_end && lane.retrying.is_none()),
            });
        }
    }
    standings
}

impl Standing {
    pub(super) fn lag(&self) -> Option<u64> {
        if self.at_end { Some(0) } else { Some(self.end?.saturating_sub(self.next?)) }
    }

    pub(super) fn lane(self) -> Lane {
        let lag = self.lag();
        Lane {
            topic: self.at.topic.to_string(),
            partition: self.at.partition,
            checkpoint: self.next,
            end: self.end,
            lag,
            host: self.host,
            first: self.first,
        }
    }
}

/// Events that are not applied yet; none if that is not known of some partition.
pub(super) fn lag(standings: &[Standing]) -> Option<u64> {
    if standings.is_empty() { None } else { standings.iter().map(Standing::lag).sum() }
}

/// How old the newest applied event is where others wait for their turn; 0 where none waits.
pub(super) fn lag_seconds(standings: &[Standing], now: i64) -> Option<f64> {
    if lag(standings)? == 0 {
        return Some(0.0);
    }
    let behind = standings.iter().filter(|standing| standing.lag() != Some(0));
    let oldest = behind.filter_map(|standing| standing.newest).min()?;
    Some((now - oldest).max(0) as f64 / 1000.0)
}
