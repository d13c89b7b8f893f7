//! The names of Lantern's own keys in Redis, and the fields of their hashes. No other file spells one.
//!
//! Views stand under `<prefix><view>` (see [`Projection::key`](crate::projection::Projection::key)); all else is
//! under `lantern:`. The format has the version [`FORMAT`](crate::control::FORMAT), which every record bears:
//!
//! | key | type | content |
//! |---|---|---|
//! | `lantern:installation` | hash | `id`, `source` without its secrets, `changes`: how many changes of records there were |
//! | `lantern:deployments` | set | the names of the projections |
//! | `lantern:deployment:<p>` | string | the record of a projection, JSON |
//! | `lantern:modules` | set | the digests of the plugins' files |
//! | `lantern:module:<digest>` | string | a plugin's file |
//! | `lantern:generation:<p>:<g>` | hash | `prefix`: where its lanes may write; `ordering`: how they are cut; `begun`: when it was begun |
//! | `lantern:lanes:<p>:<g>` | set | the shares of the lanes that were ever started |
//! | `lantern:lane:<p>:<g>:<share>` | hash | `epoch`, `owner`, `broken`, `letters`; `<topic>/<partition>` → next offset, newest time |
//! | `lantern:keys:<p>:<g>:<view>` | set | the keys of a keyed view that may have a structure |
//! | `lantern:moved:<p>:<g>:<view>` | set | those of them whose structure has moved already, during a cutover in chunks |
//! | `lantern:views:<p>:<g>:<view>` | as the view | a view of a generation that is not live |
//! | `lantern:dead:<p>:<g>:<share>` | hash | number → a dead letter of the lane, JSON; the order of the numbers is that of the events |
//! | `lantern:retry:<p>:<g>:<share>` | set | the numbers of those that are to be tried again |
//! | `lantern:checkpoints:<p>` | hash | for readers: `generation`, `<topic>/<partition>`, `<topic>/<partition>/time` |
//! | `lantern:faults` | hash | `<p>:<g>:<share>` → why that lane can't go on |
//! | `lantern:hosts` | set | the ids of hosts |
//! | `lantern:host:<id>` | string | a host's report, JSON; expires |
//! | `lantern:history` | stream | `who`, `action`, `projection`, `what` |
//! | `lantern:changes` | channel | told after every change of a record |

use crate::control::FaultAt;
use crate::event::TopicPartition;
use crate::projection::LaneId;

/// What all keys but the views begin with.
pub(super) const OURS: &str = "lantern:";

/// The hash of the installation, and its fields.
pub(super) const INSTALLATION: &str = "lantern:installation";
pub(super) const ID: &str = "id";
pub(super) const SOURCE: &str = "source";
pub(super) const CHANGE_COUNT: &str = "changes";

/// The set of the projections' names.
pub(super) const DEPLOYMENTS: &str = "lantern:deployments";
/// The hash of what can't go on.
pub(super) const FAULTS: &str = "lantern:faults";
/// The set of the hosts' ids.
pub(super) const HOSTS: &str = "lantern:hosts";
/// The stream of every change.
pub(super) const HISTORY: &str = "lantern:history";
/// The channel that tells of every change.
pub(super) const CHANGES: &str = "lantern:changes";

/// Before the name of a projection, for its record.
pub(super) const DEPLOYMENT: &str = "lantern:deployment:";
/// A key that is written and removed in one step, to see whether that is allowed.
pub(super) const PROBE: &str = "lantern:probe";

/// The set of the modules' digests.
pub(super) const MODULES: &str = "lantern:modules";

/// Field of a lane's hash: the number of times that the lane was started.
pub(super) const EPOCH: &str = "epoch";
/// Field of a lane's hash: which session started it last. Tells two sessions apart that were given the same epoch
/// because Redis lost the first one's.
pub(super) const OWNER: &str = "owner";
/// Field of a lane's hash: why the lane must not go on, if it must not.
pub(super) const BROKEN: &str = "broken";

/// Field of a lane's hash: how many commits and settlements have changed its dead letters.
pub(super) const LETTERS: &str = "letters";

/// Field of a generation's hash: how its events are cut into lanes.
pub(super) const ORDERING: &str = "ordering";
/// Field of a generation's hash: when it was begun, which tells it from another of its number.
pub(super) const BEGUN: &str = "begun";
/// Field of a generation's hash: where its lanes may write. Empty while they may not.
pub(super) const PREFIX: &str = "prefix";

/// Field of the readers' hash: the generation that they read.
pub(super) const GENERATION: &str = "generation";

/// The record of a projection.
pub(super) fn deployment(projection: &str) -> String {
    format!("{DEPLOYMENT}{projection}")
}

/// A plugin's file.
pub(super) fn module(digest: &str) -> String {
    format!("lantern:module:{digest}")
}

/// A host's report.
pub(super) fn host(id: &str) -> String {
    format!("lantern:host:{id}")
}

/// The hash of a generation: what its lanes must agree on.
pub(super) fn generation(projection: &str, generation: u64) -> String {
    format!("lantern:generation:{projection}:{generation}")
}

/// The set of a generation's lanes.
pub(super) fn lanes(projection: &str, generation: u64) -> String {
    format!("lantern:lanes:{projection}:{generation}")
}

/// What the hashes of a generation's lanes begin with; the share follows.
pub(super) fn lane_prefix(projection: &str, generation: u64) -> String {
    format!("lantern:lane:{projection}:{generation}:")
}

/// The hash that a lane's commits watch: epoch, owner, and a field for each topic and partition.
pub(super) fn lane(lane: &LaneId) -> String {
    format!("{}{}", lane_prefix(&lane.projection, lane.generation), lane.share)
}

/// What the hashes of the dead letters of a generation's lanes begin with; the share follows.
pub(super) fn dead_prefix(projection: &str, generation: u64) -> String {
    format!("lantern:dead:{projection}:{generation}:")
}

/// The dead letters of a lane.
pub(super) fn dead(lane: &LaneId) -> String {
    format!("{}{}", dead_prefix(&lane.projection, lane.generation), lane.share)
}

/// What the sets of letters to be tried again of a generation's lanes begin with; the share follows.
pub(super) fn retry_prefix(projection: &str, generation: u64) -> String {
    format!("lantern:retry:{projection}:{generation}:")
}

/// The numbers of those that are to be tried again.
pub(super) fn retry(lane: &LaneId) -> String {
    format!("{}{}", retry_prefix(&lane.projection, lane.generation), lane.share)
}

/// The set of the keys that a keyed view has.
pub(super) fn view_keys(projection: &str, generation: u64, view: &str) -> String {
    format!("lantern:keys:{projection}:{generation}:{view}")
}

/// The set of those keys whose structures have changed places already.
pub(super) fn moved_keys(projection: &str, generation: u64, view: &str) -> String {
    format!("lantern:moved:{projection}:{generation}:{view}")
}

/// The hash for readers, which no commit watches: the checkpoint of every partition of a projection.
pub(super) fn checkpoints(projection: &str) -> String {
    format!("lantern:checkpoints:{projection}")
}

/// Field of both hashes for one partition.
pub(super) fn partition(at: &TopicPartition) -> String {
    at.to_string()
}

/// Field of the readers' hash: the newest event time of a partition.
pub(super) fn newest(at: &TopicPartition) -> String {
    format!("{at}/time")
}

/// The partition that a field of a lane's hash is about, if it is about one.
pub(super) fn parse_partition(field: &str) -> Option<TopicPartition> {
    let (topic, partition) = field.rsplit_once('/')?;
    Some(TopicPartition::new(topic, partition.parse().ok()?))
}

/// Field of the hash of faults.
pub(super) fn fault(at: &FaultAt) -> String {
    format!("{}:{}:{}", at.projection, at.generation, at.share)
}

/// The lane that a field of the hash of faults is about.
pub(super) fn parse_fault(field: &str) -> Option<FaultAt> {
    let mut parts = field.splitn(3, ':');
    let (projection, generation, share) = (parts.next()?, parts.next()?, parts.next()?);
    Some(FaultAt {
        projection: projection.to_owned(),
        generation: generation.parse().ok()?,
        share: share.to_owned(),
    })
}
