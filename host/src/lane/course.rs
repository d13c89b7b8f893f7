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
    /// How many events the lane may have set aside; before one more it stops.
    pub parked_max: usize,
    /// What becomes of an event that can't be applied.
    pub policy: Policy,
}

/// What becomes of an event that can't be applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// The lane stops before it.
    #[default]
    Stop,
    /// It is left out.
    Skip,
    /// It is set aside, and later ones of its key behind it.
    Park,
}
