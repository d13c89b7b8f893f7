//! Checks of what is deployed: its topics, the hosts that run it, and whether it can go on.

use std::collections::{BTreeMap, BTreeSet};

use super::check::Check;
use crate::app::AnySource;
use crate::cli::report::{State, judge};
use crate::control::{Deployment, Generation, HostReport, Snapshot};
use crate::event::TopicPartition;
use crate::lane::chain;
use crate::projection::Ordering;
use crate::source::Error;

/// A topic that nobody has, to see whether the source answers.
const NO_TOPIC: &str = "lantern-doctor";

/// Checks the source, and there the topics of what is deployed.
pub(super) async fn source(source: &AnySource, snapshot: &Snapshot) -> Vec<Check> {
    if let AnySource::Log(log) = source
        && !log.dir().is_dir()
    {
        let finding = format!("{source:?} is no directory");
        return vec![Check::ok("source", finding).problem("check the path, or make a topic: lantern emit TOPIC")];
    }
    let mut checks = match source.partitions(NO_TOPIC).await {
        Err(error @ Error::Unavailable { .. }) => {
            return vec![Check::ok("source", chain(&error)).problem(error.hint())];
        }
        _ => vec![Check::ok("source", format!("{source:?} answers"))],
    };
    let mut known = BTreeMap::new();
    let generations: Vec<_> = generations(snapshot).collect();
    for topic in generations.iter().flat_map(|(_, generation)| &generation.topics) {
        if !known.contains_key(topic) {
            known.insert(topic.clone(), source.partitions(topic).await);
        }
    }
    for (deployment, generation) in generations {
        checks.push(topics(deployment, generation, &known));
    }
    for (topic, count) in &known {
        if let Ok(count) = count {
            checks.push(history(source, topic, *count).await);
        }
    }
    checks
}

/// All generations that are to run.
fn generations(snapshot: &Snapshot) -> impl Iterator<Item = (&Deployment, &Generation)> {
    let deployments = snapshot.deployments.values().map(|recorded| &recorded.deployment);
    deployments.flat_map(|d| d.generations.values().filter(|g| g.runs() || g.frozen).map(move |g| (d, g)))
}

/// Whether the topics exist, and have the same number of partitions if they must.
fn topics(
    deployment: &Deployment,
    generation: &Generation,
    known: &BTreeMap<String, Result<u32, Error>>,
) -> Check {
    let name = format!("topics of {}", deployment.name);
    let mut counts = Vec::new();
    for topic in &generation.topics {
        match known.get(topic) {
            Some(Ok(count)) => counts.push((topic, *count)),
            Some(Err(error)) => return Check::ok(name, chain(error)).problem(error.hint()),
            None => {}
        }
    }
    let text: Vec<_> = counts.iter().map(|(topic, count)| format!("{topic} has {count} partitions")).collect();
    let check = Check::ok(name, text.join(", "));
    let must_agree = generation.ordering == Ordering::Partition;
    match counts.windows(2).any(|pair| pair[0].1 != pair[1].1) {
        true if must_agree => {
            check.problem("give them the same number of partitions, or let the plugin say `ordering: global`")
        }
        _ => check,
    }
}

/// Whether a rebuild would see all events that the topic ever had.
async fn history(source: &AnySource, topic: &str, partitions: u32) -> Check {
    let name = format!("history of {topic}");
    let mut lost = 0;
    for partition in 0..partitions {
        match source.bounds(&TopicPartition::new(topic, partition)).await {
            Ok(bounds) => lost += bounds.first,
            Err(error) => return Check::ok(name, chain(&error)).problem(error.hint()),
        }
    }
    if lost == 0 {
        return Check::ok(name, "complete from offset zero");
    }
    match source.is_compacted(topic).await {
        Ok(true) => Check::ok(name, "compacted: the last event of each key is kept"),
        Ok(false) => Check::ok(name, format!("the first {lost} offsets are gone, and a rebuild would lack them"))
            .warn("keep the topic longer; such a rebuild must say --from-earliest"),
        Err(error) => Check::ok(name, chain(&error)).warn(error.hint()),
    }
}

/// Whether anybody does the work.
pub(super) fn hosts(hosts: &[HostReport], snapshot: &Snapshot) -> Check {
    let versions: BTreeSet<&str> = hosts.iter().map(|host| host.version.as_str()).collect();
    let versions = Vec::from_iter(versions).join(", ");
    match hosts.len() {
        0 if snapshot.deployments.is_empty() => Check::ok("hosts", "none is alive, and nothing is deployed"),
        0 => Check::ok("hosts", "none is alive: nothing moves").warn("start one: lantern run"),
        1 => Check::ok("hosts", format!("1 is alive, version {versions}")),
        count if versions.contains(", ") => Check::ok("hosts", format!("{count} are alive, versions {versions}"))
            .warn("finish the upgrade, so that all have the same"),
        count => Check::ok("hosts", format!("{count} are alive, version {versions}")),
    }
}

/// Whether each projection can go on.
pub(super) fn projections(hosts: &[HostReport], snapshot: &Snapshot) -> Vec<Check> {
    let deployments = snapshot.deployments.values().map(|recorded| &recorded.deployment);
    let check = |deployment: &Deployment| {
        let name = &deployment.name;
        let (state, why) = judge(deployment, snapshot, hosts);
        let why = why.map(|why| format!(": {why}")).unwrap_or_default();
        let check = Check::ok(format!("projection {name}"), format!("{state}{why}"));
        match state {
            State::Stopped => check.problem(format!("then `lantern resume {name}`, or deploy a mended plugin")),
            State::Retrying => check.warn("it goes on by itself when that is back"),
            State::Paused => check.warn(format!("`lantern resume {name}` lets it go on")),
            _ => check,
        }
    };
    deployments.map(check).collect()
}
