//! Where events come from: the port, behind it Kafka, the embedded log and events in memory, and before them what lets
//! lanes share a reader.
//!
//! A [`Source`] says which partitions a topic has and opens a [`Reader`] on some of them. A reader never
//! commits anything: how far a lane has come is for the store to know. Which host reads which partitions is for a
//! [`Group`] to say, and nothing that must hold hangs on it.

pub mod embedded;
pub mod kafka;
pub mod memory;
mod merge;
pub mod shared;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;

use crate::event::{Batch, BatchLimits, TopicPartition};

/// A log of events, by topic and partition.
///
/// Offsets ascend within a partition; they may start above zero and have gaps.
pub trait Source: Clone + Send + Sync + 'static {
    /// What reads it.
    type Reader: Reader;

    /// What joins hosts of one installation.
    type Group: Group;

    /// What the topic of that name is now.
    ///
    /// [`Error::NoSuchTopic`] if there is no such topic, [`Error::Denied`] if it may not be seen,
    /// [`Error::Unavailable`] if it can't be told now.
    fn topic(&self, name: &str) -> impl Future<Output = Result<Topic, Error>> + Send;

    /// Which offsets the partition has now.
    fn bounds(&self, at: &TopicPartition) -> impl Future<Output = Result<Bounds, Error>> + Send;

    /// Whether the topic keeps the last event of each key for ever, so that a first offset above zero hides no key's
    /// state.
    fn is_compacted(&self, topic: &str) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Opens a reader on some partitions, each from the next offset to read, or from the first there is.
    ///
    /// [`Error::Truncated`] if the log no longer has an offset that was asked for: nothing is skipped silently.
    /// [`Error::Remade`] if a topic is not the one that was asked for; the reader gives the same error later, should
    /// the topic be made anew while it reads, and no event of the new one before it.
    fn open(&self, from: Vec<Start>) -> impl Future<Output = Result<Self::Reader, Error>> + Send;

    /// Opens a reader that is to take the place of another one of that partition: it returns when the reader has something to
    /// give or has come to the end of the log. None if the source's readers are all of one kind.
    fn open_instead(
        &self,
        _from: Start,
        _pace: Pace,
    ) -> impl Future<Output = Result<Option<Self::Reader>, Error>> + Send {
        std::future::ready(Ok(None))
    }

    /// Joins the hosts of the installation of that name. `host` names this host to the others and in tools.
    ///
    /// Returns without waiting for an assignment. [`Error::Taken`] if the source takes one host only and has one.
    fn join(&self, installation: &str, host: &str) -> impl Future<Output = Result<Self::Group, Error>> + Send;
}

/// What a reader is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// To be fast.
    Busy,
    /// To take little of the host while nothing comes. It may stand still for a moment where much comes at once.
    AtRest,
}

impl Pace {
    /// In words, as in "the reader is …".
    pub fn word(self) -> &'static str {
        match self {
            Pace::Busy => "busy",
            Pace::AtRest => "at rest",
        }
    }
}

/// A name that no other topic ever has, not even a later one of the same name.
pub type TopicId = Arc<str>;

/// What a topic is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// How many partitions it has.
    pub partitions: u32,
    /// Its id, if the source gives ids.
    pub id: Option<TopicId>,
}

/// Which offsets a partition has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The first that is left; what was before is gone.
    pub first: u64,
    /// The one behind the last event that can be read.
    pub end: u64,
}

/// Where a reader begins in one partition.
#[derive(Clone, Debug)]
pub struct Start {
    /// The partition.
    pub at: TopicPartition,
    /// Index of its topic in the list of topics that the projection reads; each event carries it.
    pub topic: u32,
    /// The next offset to read; none for the first that the log has.
    pub next: Option<u64>,
    /// The id that its topic must have; none if any will do.
    pub id: Option<TopicId>,
}

/// Reads the partitions of one lane: each in order, and all of them merged by the time of their events as far as
/// they are at hand, so that a replay meets the events in much the order in which they happened.
pub trait Reader: Send + 'static {
    /// Waits until `fill` has something to give or an error to tell.
    ///
    /// Nothing is lost if the future is dropped. It returns at once while events are at hand.
    fn ready(&mut self) -> impl Future<Output = ()> + Send;

    /// Appends what is at hand to the batch, up to its limits, without waiting for more.
    ///
    /// After an error the reader is of no use any more; what was appended before is valid.
    fn fill(&mut self, batch: &mut Batch, limits: &BatchLimits) -> Result<(), Error>;

    /// Whether each partition was read to the end of the log as far as is known now, and nothing is at hand.
    ///
    /// It may be said a few offsets early, where it can't be told whether they hold events.
    fn at_end(&mut self) -> bool;
}

/// A host's membership among the hosts of one installation, which share the partitions of its topics out among
/// themselves.
///
/// It only proposes: two hosts may hold one partition for a while, and the store decides between them. Partitions of
/// one number meet on one host if their topics have the same number of partitions. Dropping it leaves too, but does
/// not wait for it.
pub trait Group: Send + Sync + 'static {
    /// Names the topics whose partitions are shared out, in place of those named before. Every host of an
    /// installation comes to name the same.
    ///
    /// A topic that does not exist yet has no partitions; it is noticed when it appears.
    fn subscribe(&self, topics: BTreeSet<Arc<str>>);

    /// What this host is to run; changes with every rebalance, and stays as it is while the source is away.
    fn assignment(&self) -> watch::Receiver<Assignment>;

    /// Shows for the log's own lag tools how far the installation has come, as the next offset of each partition;
    /// nothing reads it back. Offsets of partitions that this host is not to run are passed over.
    fn report(&self, offsets: BTreeMap<TopicPartition, u64>);

    /// Leaves; the others take over at once.
    fn leave(self) -> impl Future<Output = ()> + Send;
}

/// What a host is to run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assignment {
    /// Raised with every rebalance; 0 is before the first.
    pub number: u64,
    /// The partitions, of all topics that were named.
    pub partitions: Arc<BTreeSet<TopicPartition>>,
}

/// Why a source can't give events.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not now; worth trying again.
    #[error("{what} is away")]
    Unavailable {
        /// The source as its user knows it, such as `kafka://host:port`.
        what: String,
        /// What the attempt gave.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The topic is not there.
    #[error("topic `{topic}` does not exist in {what}")]
    NoSuchTopic {
        /// Its name.
        topic: String,
        /// The source.
        what: String,
    },
    /// The source does not let us see the topic.
    #[error("{what} does not let us see topic `{topic}`")]
    Denied {
        /// Its name.
        topic: String,
        /// The source.
        what: String,
    },
    /// The topic has no such partition.
    #[error("topic partition {at} does not exist")]
    NoSuchPartition {
        /// The partition.
        at: TopicPartition,
    },
    /// The log has dropped events that were not read yet.
    #[error("{at} begins at offset {first} now: offsets {next} to {} are gone", first - 1)]
    Truncated {
        /// The partition.
        at: TopicPartition,
        /// The next offset that should have been read.
        next: u64,
        /// The first that is left.
        first: u64,
    },
    /// The log is shorter than what was read of it: it was made anew, or is another one.
    #[error("{at} ends at offset {end}, before offset {next} that is to be read next")]
    Shortened {
        /// The partition.
        at: TopicPartition,
        /// The next offset that should have been read.
        next: u64,
        /// The offset behind the last event.
        end: u64,
    },
    /// The topic was deleted, and another of the same name made: its offsets are of other events.
    #[error("topic `{topic}` was deleted and made anew: its id was {was} and is {is}")]
    Remade {
        /// Its name.
        topic: Arc<str>,
        /// The id that it had.
        was: TopicId,
        /// The id that it has.
        is: TopicId,
    },
    /// Another host of the installation reads a source that takes one only.
    #[error("{what} is already read by host {by}")]
    Taken {
        /// The source.
        what: String,
        /// The other host's name.
        by: String,
    },
    /// A directory of an embedded log is no topic.
    #[error("{} is no topic: {reason}", directory.display())]
    Layout {
        /// The directory.
        directory: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A line of an embedded log is no event.
    #[error("{}:{line}: {reason}", file.display())]
    Malformed {
        /// The partition's file.
        file: PathBuf,
        /// The line, from 1 as editors count.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
}

impl Error {
    /// Whether trying again may help.
    pub fn is_transient(&self) -> bool {
        matches!(self, Error::Unavailable { .. })
    }

    /// What the user can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Error::Unavailable { .. } => "check the address, and that it is running",
            Error::Denied { .. } => "grant our user Describe and Read on it",
            Error::NoSuchTopic { .. } => {
                "create it (in an embedded log: lantern emit TOPIC), or name another: --projection NAME=FILE.wasm:TOPIC"
            }
            Error::NoSuchPartition { .. } => "co-partitioned topics need the same number of partitions",
            Error::Truncated { .. } => {
                "retention was faster than the projection: `lantern rebuild NAME --from-earliest` builds the views from what is left; keep the topic longer"
            }
            Error::Shortened { .. } => {
                "if the log was made anew on purpose, `lantern rebuild NAME` builds the views from it"
            }
            Error::Remade { .. } => {
                "the views stay as they are; `lantern rebuild NAME` builds them from the new topic"
            }
            Error::Taken { .. } => {
                "one host of an installation reads an embedded log; stop the other, or let several share a Kafka"
            }
            Error::Layout { .. } => {
                "a topic has one file a partition, 0.jsonl, 1.jsonl and so on, and nothing else"
            }
            Error::Malformed { .. } => {
                "one event a line: {\"key\":…,\"timestamp\":…,\"headers\":{…},\"payload\":…}; mend the line and start again"
            }
        }
    }
}
