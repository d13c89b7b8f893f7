//! Which lanes this host is to run, given the records, what the group gives it, and what the topics are. A pure function.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use super::Stop;
use super::topics::{self, Topics};
use crate::control::{Deployment, FaultAt, Generation, OnError, Snapshot, Stage, partition};
use crate::event::TopicPartition;
use crate::lane::{Course, Policy};
use crate::limits;
use crate::projection::{Ordering, Projection, Share};
use crate::source;

/// Names a lane.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct LaneKey {
    pub(super) projection: String,
    pub(super) generation: u64,
    /// None is the lane that takes all partitions.
    pub(super) partition: Option<u32>,
}

/// A lane as it is to run. One that runs otherwise is stopped and started anew.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LanePlan {
    pub(super) projection: Projection,
    pub(super) module: ModuleKey,
    pub(super) partitions: Vec<(u32, TopicPartition)>,
    pub(super) course: Course,
}

/// A module, its configuration, and what it may use.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ModuleKey {
    pub(super) digest: String,
    pub(super) config: Arc<BTreeMap<String, String>>,
    pub(super) limits: Arc<limits::Settings>,
}

/// Names a generation.
pub(super) type GenerationKey = (String, u64);

/// What a host is to do.
#[derive(Debug, Default)]
pub(super) struct Desired {
    pub(super) lanes: BTreeMap<LaneKey, LanePlan>,
    /// Generations that can't run, and why.
    pub(super) stopped: BTreeMap<GenerationKey, Stop>,
    /// The topics that the group is to share out.
    pub(super) topics: BTreeSet<Arc<str>>,
    /// Rebuilds that wait for others to end.
    pub(super) waiting: BTreeSet<GenerationKey>,
    /// Ids of topics that are to be written into the record before any lane runs.
    pub(super) unnamed: BTreeMap<GenerationKey, BTreeMap<String, String>>,
    /// How many lanes each generation has, on all hosts together.
    pub(super) shares: BTreeMap<GenerationKey, usize>,
}

/// How far the topics of a generation are known.
enum Known {
    /// Not all of them yet.
    Unknown,
    /// The record does not have these ids yet.
    Unnamed(BTreeMap<String, String>),
    /// All; they have so many partitions.
    Counts(Vec<u32>),
}

/// Which lanes are to run on a host that was given these partitions.
pub(super) fn desired(
    snapshot: &Snapshot,
    topics: &Topics,
    assigned: &BTreeSet<TopicPartition>,
    rebuilds_max: usize,
) -> Desired {
    let mut desired = Desired::default();
    let running: Vec<_> = snapshot.deployments.values().map(|r| &r.deployment).filter(|d| !d.removing).collect();
    let mut rebuilds: Vec<(i64, GenerationKey)> = Vec::new();
    for deployment in &running {
        for (number, generation) in deployment.generations.iter().filter(|(_, g)| g.runs() || g.frozen) {
            desired.topics.extend(generation.topics.iter().map(|topic| Arc::from(topic.as_str())));
            if generation.stage == Stage::Building && !deployment.paused {
                rebuilds.push((generation.begun, (deployment.name.clone(), *number)));
            }
        }
    }
    // Every host sees the same records, so every host lets the same ones go first.
    rebuilds.sort();
    desired.waiting = rebuilds.into_iter().skip(rebuilds_max).map(|(_, key)| key).collect();
    for deployment in running.into_iter().filter(|deployment| !deployment.paused) {
        for (number, generation) in deployment.generations.iter().filter(|(_, g)| g.runs()) {
            let key = (deployment.name.clone(), *number);
            if desired.waiting.contains(&key) {
                continue;
            }
            let projection = deployment.projection(*number, generation);
            match fault(&key, snapshot).and_then(|()| known(&projection, generation, topics)) {
                Ok(Known::Unknown) => {}
                Ok(Known::Unnamed(ids)) => drop(desired.unnamed.insert(key, ids)),
                Ok(Known::Counts(counts)) => {
                    let shares = shares(&projection, &counts);
                    desired.shares.insert(key, shares.len());
                    desired.lanes.extend(lanes(deployment, &projection, generation, shares, assigned));
                }
                Err(stop) => drop(desired.stopped.insert(key, stop)),
            }
        }
    }
    desired
}

/// Whether a lane of the generation can't go on, as a host has noted.
fn fault((name, generation): &GenerationKey, snapshot: &Snapshot) -> Result<(), Stop> {
    let is_its = |at: &&FaultAt| (&at.projection, at.generation) == (name, *generation);
    snapshot.faults.keys().find(is_its).map_or(Ok(()), |at| Err(Stop::Noted(snapshot.faults[at].clone())))
}

/// The lanes of a generation that are to run here.
fn lanes(
    deployment: &Deployment,
    projection: &Projection,
    generation: &Generation,
    shares: Vec<(Share, Vec<(u32, TopicPartition)>)>,
    assigned: &BTreeSet<TopicPartition>,
) -> Vec<(LaneKey, LanePlan)> {
    let rate = generation.rebuild.as_ref().and_then(|rebuild| rebuild.rate);
    let rate = rate.filter(|_| generation.stage == Stage::Building).map(|rate| rate as f64 / shares.len() as f64);
    let offsets = |offsets: &BTreeMap<String, u64>| {
        offsets.iter().filter_map(|(at, offset)| Some((partition(at)?, *offset))).collect::<BTreeMap<_, _>>()
    };
    let course = Course {
        ids: generation.topic_ids.iter().map(|(topic, id)| (topic.as_str().into(), id.as_str().into())).collect(),
        starts: offsets(&generation.starts),
        // A comparison never goes beyond what there is.
        until: [&generation.until, &deployment.as_of].into_iter().find(|until| !until.is_empty()).map(offsets),
        rate,
        parked_max: usize::try_from(deployment.max_parked).unwrap_or(usize::MAX),
        policy: deployment.on_error.into(),
    };
    let module = ModuleKey::of(deployment, generation);
    let plan = |partitions| LanePlan {
        projection: projection.clone(),
        module: module.clone(),
        partitions,
        course: course.clone(),
    };
    let key = |share| LaneKey {
        projection: deployment.name.clone(),
        generation: projection.generation,
        partition: match share {
            Share::Partition(partition) => Some(partition),
            Share::Whole => None,
        },
    };
    // A lane is where the first partition of its first topic is: so it is on one host, whatever the group does.
    let is_ours =
        |partitions: &[(u32, TopicPartition)]| partitions.first().is_some_and(|(_, at)| assigned.contains(at));
    let ours = shares.into_iter().filter(|(_, partitions)| is_ours(partitions));
    ours.map(|(share, partitions)| (key(share), plan(partitions))).collect()
}

impl From<OnError> for Policy {
    fn from(on_error: OnError) -> Self {
        match on_error {
            OnError::Stop => Self::Stop,
            OnError::Skip => Self::Skip,
            OnError::Park => Self::Park,
        }
    }
}

/// What is known of the topics, and whether they are those that the generation has read.
fn known(projection: &Projection, generation: &Generation, topics: &Topics) -> Result<Known, Stop> {
    let mut counts = Vec::with_capacity(projection.topics.len());
    let mut unnamed = BTreeMap::new();
    for topic in projection.topics.iter() {
        let is = match topics.get(topic) {
            Some(topics::Known::Is(is)) => is,
            Some(topics::Known::Wrong(error)) => return Err(Stop::Topics(error.clone())),
            None => return Ok(Known::Unknown),
        };
        counts.push(is.partitions);
        let Some(id) = &is.id else { continue };
        match generation.topic_ids.get(&**topic) {
            Some(was) if **was == **id => {}
            Some(was) => {
                let (was, is) = (was.as_str().into(), id.clone());
                return Err(Stop::Topics(Arc::new(source::Error::Remade { topic: topic.clone(), was, is })));
            }
            None => drop(unnamed.insert(topic.to_string(), id.to_string())),
        }
    }
    let different = (1..counts.len()).find(|&i| counts[i] != counts[0]);
    match different.filter(|_| projection.ordering == Ordering::Partition) {
        None if unnamed.is_empty() => Ok(Known::Counts(counts)),
        None => Ok(Known::Unnamed(unnamed)),
        Some(i) => {
            let side = |i: usize| (projection.topics[i].to_string(), counts[i]);
            Err(Stop::NotCoPartitioned(side(0), side(i)))
        }
    }
}

/// Which lane reads what.
fn shares(projection: &Projection, counts: &[u32]) -> Vec<(Share, Vec<(u32, TopicPartition)>)> {
    let all = (0u32..).zip(projection.topics.iter().zip(counts)).flat_map(|(index, (topic, count))| {
        (0..*count).map(move |partition| (index, TopicPartition::new(topic.clone(), partition)))
    });
    match projection.ordering {
        Ordering::Global => vec![(Share::Whole, all.collect())],
        Ordering::Partition => {
            let all: Vec<_> = all.collect();
            let of = |partition: u32| all.iter().filter(|(_, at)| at.partition == partition).cloned().collect();
            (0..counts[0]).map(|partition| (Share::Partition(partition), of(partition))).collect()
        }
    }
}

impl ModuleKey {
    /// What a generation's lanes run.
    pub(super) fn of(deployment: &Deployment, generation: &Generation) -> Self {
        Self {
            digest: generation.module.clone(),
            config: Arc::new(generation.config.clone()),
            limits: Arc::new(deployment.limits.clone()),
        }
    }
}

impl LaneKey {
    pub(super) fn share(&self) -> Share {
        self.partition.map_or(Share::Whole, Share::Partition)
    }

    pub(super) fn generation_key(&self) -> GenerationKey {
        (self.projection.clone(), self.generation)
    }
}

impl fmt::Display for LaneKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (generation {}, partition {})", self.projection, self.generation, self.share())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn projection(ordering: Ordering) -> Projection {
        Projection {
            name: "p".into(),
            generation: 1,
            begun: 0,
            live: true,
            prefix: "p:".into(),
            topics: ["a".into(), "b".into()].into(),
            views: [].into(),
            ordering,
        }
    }

    fn text(shares: Vec<(Share, Vec<(u32, TopicPartition)>)>) -> Vec<String> {
        let read = |(index, at): &(u32, TopicPartition)| format!("{index}={at}");
        shares
            .iter()
            .map(|(share, reads)| format!("{share}: {}", reads.iter().map(read).collect::<Vec<_>>().join(" ")))
            .collect()
    }

    #[test]
    fn co_partitioned_topics_meet_in_one_lane() {
        let shares = shares(&projection(Ordering::Partition), &[2, 2]);
        assert_eq!(text(shares), ["0: 0=a/0 1=b/0", "1: 0=a/1 1=b/1"]);
    }

    #[test]
    fn global_order_is_one_lane() {
        let shares = shares(&projection(Ordering::Global), &[2, 1]);
        assert_eq!(text(shares), ["all: 0=a/0 0=a/1 1=b/0"]);
    }
}
