//! The names of Lantern's own keys in Redis, and the fields of their hashes. No other file spells one.
//!
//! Views stand under `<prefix><view>` (see [`Projection::key`](crate::projection::Projection::key)); all else is
//! under `lantern:`.

use crate::event::TopicPartition;
use crate::projection::LaneId;

/// Field of a lane's hash: the number of times that the lane was started.
pub(super) const EPOCH: &str = "epoch";
/// Field of a lane's hash: which session started it last. Tells two sessions apart that were given the same epoch
/// because Redis lost the first one's.
pub(super) const OWNER: &str = "owner";
/// Field of a lane's hash: why the lane must not go on, if it must not.
pub(super) const BROKEN: &str = "broken";

/// Field of a generation's hash: how its events are cut into lanes.
pub(super) const ORDERING: &str = "ordering";

/// The hash of a generation: what its lanes must agree on.
pub(super) fn generation(lane: &LaneId) -> String {
    format!("lantern:generation:{}:{}", lane.projection, lane.generation)
}

/// The hash that a lane's commits watch: epoch, owner, and a field for each topic and partition.
pub(super) fn lane(lane: &LaneId) -> String {
    format!("lantern:lane:{}:{}:{}", lane.projection, lane.generation, lane.share)
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
