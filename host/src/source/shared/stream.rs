//! What a feed reads: one partition of one topic, which a later topic of the same name is not.

use std::fmt;

use crate::event::TopicPartition;
use crate::source::{Start, TopicId};

/// Names what a feed reads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Stream {
    /// The partition.
    pub(super) at: TopicPartition,
    /// The id that its topic must have, if that matters to who reads it.
    pub(super) id: Option<TopicId>,
}

impl Stream {
    /// Where a reader of it begins that knows nothing of projections.
    pub(super) fn start(&self, next: Option<u64>) -> Start {
        Start { at: self.at.clone(), topic: 0, next, id: self.id.clone() }
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.at.fmt(f)
    }
}
