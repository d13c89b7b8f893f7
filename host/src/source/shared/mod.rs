//! One fetch for all: lanes at the head of a partition are fed by one reader of it, whatever their number.
//!
//! A reader begins *alone*, on a reader of its own. When it has caught up it *joins*: it leaves its own reader and
//! takes its events from the *feed* of each of its partitions. A feed is a task that reads one partition, from the
//! end on, into a *ring* of chunks in memory. Who comes later than the ring reaches back, or loses a feed by an error,
//! goes on alone from its position, and joins again when it can.
//!
//! Nothing that catches up is shared, and nobody waits for a slow or a stopped lane: a feed goes as far ahead as the
//! ring takes of whoever is the *fastest* of its readers, and drops what the others have not taken.

mod cursor;
mod feed;
mod feeds;
mod hub;
mod place;
mod reader;
mod ring;
mod stream;
mod subscription;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::{Bounds, Error, Source, Start, Topic};
use crate::event::TopicPartition;
use hub::Hub;
pub use reader::SharedReader;

/// A source whose readers share what they read once they have caught up. Clones share it with one another.
#[derive(Clone)]
pub struct Shared<S: Source> {
    hub: Arc<Hub<S>>,
}

/// What is shared at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Partitions that are read for all.
    pub feeds: usize,
    /// Partitions that readers take from them, or are about to.
    pub subscriptions: usize,
    /// Bytes of memory that all rings hold.
    pub bytes: usize,
}

impl<S: Source> Shared<S> {
    /// Shares the readers of a source. All rings together hold at most `bytes_max` bytes, one chunk excepted.
    pub fn new(inner: S, bytes_max: usize) -> Self {
        Self { hub: Arc::new(Hub::new(inner, bytes_max)) }
    }

    /// What is shared now.
    pub fn usage(&self) -> Usage {
        self.hub.feeds.usage()
    }
}

impl<S: Source> Source for Shared<S> {
    type Reader = SharedReader<S>;
    type Group = S::Group;

    async fn topic(&self, name: &str) -> Result<Topic, Error> {
        self.hub.source.topic(name).await
    }

    async fn bounds(&self, at: &TopicPartition) -> Result<Bounds, Error> {
        self.hub.source.bounds(at).await
    }

    async fn is_compacted(&self, topic: &str) -> Result<bool, Error> {
        self.hub.source.is_compacted(topic).await
    }

    async fn open(&self, from: Vec<Start>) -> Result<SharedReader<S>, Error> {
        SharedReader::open(self.hub.clone(), from).await
    }

    async fn join(&self, installation: &str, host: &str) -> Result<S::Group, Error> {
        self.hub.source.join(installation, host).await
    }
}
