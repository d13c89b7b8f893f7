//! Which way a lane goes: where it begins and ends, how fast, and what becomes of events that can't be applied.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::event::TopicPartition;
use crate::source::TopicId;

/// What a lane is told beside what it reads and writes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Course {
    /// The ids that its topics must have, of those that have one.
    pub ids: BTreeMap<Arc<str>, TopicId>,
    /// Offsets to begin at in partitions that have no checkpoint, where that is not the first there is.
    pub starts: BTreeMap<TopicPartition, u64>,
    /// Offsets before which to stop, for all partitions of the lane; none to go on for ever.
    pub until: Option<BTreeMap<TopicPartition, u64>>,
    /// At most so many events a second.
    pub rate: Option<f64>,
    /// Whether an event that can't be applied is left out; else the lane stops before it.
    pub skips: bool,
}
