//! The control plane: the records by which the command line and the hosts meet, and the steps from one state of a
//! record to the next.
//!
//! The records are plain data and the steps pure functions; the port [`Registry`] says where records are kept. There is
//! no leader: whoever wants a change reads the record, computes the next one, and writes it if nobody was faster.

mod change;
mod deploy;
mod deployment;
#[cfg(test)]
pub(crate) mod example;
mod host;
pub mod steps;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use tokio::sync::watch;

use crate::store::{Checkpoint, Unwilling};
pub use change::{Change, Effects, Entry, Lanes, Move, Outcome, Reached};
pub use deploy::{Kind, Plan, Wanted, as_of, plan};
pub use deployment::{
    Beginning, Built, Deployment, Doubt, FORMAT, Generation, KEEP_OLD_SECONDS, MAX_PARKED, OnError, Rebuild,
    Stage, partition,
};
pub use host::{HostReport, LaneReport};
pub use steps::Refusal;

/// Where the records are kept.
///
/// Every method may fail with [`Error::Unavailable`] or [`Error::Unwilling`] and then be called again.
pub trait Registry: Clone + Send + Sync + 'static {
    /// All records as they are now.
    fn load(&self) -> impl Future<Output = Result<Snapshot, Error>> + Send;

    /// Makes a change with all that follows from it, in one atomic step; nothing if the record is not what the change
    /// says that it was.
    fn change(&self, change: &Change) -> impl Future<Output = Result<Outcome, Error>> + Send;

    /// Raises the number whenever a record may have changed. It may do so without need, and misses changes while the
    /// store is away. Never ends.
    fn listen(&self, told: watch::Sender<u64>) -> impl Future<Output = ()> + Send;

    /// The bytes of a module, if it is kept.
    fn module(&self, digest: &str) -> impl Future<Output = Result<Option<Vec<u8>>, Error>> + Send;

    /// Keeps a module under its digest.
    fn keep_module(&self, digest: &str, bytes: &[u8]) -> impl Future<Output = Result<(), Error>> + Send;

    /// Removes the modules that no deployment names any more, and gives how many.
    fn drop_modules(&self) -> impl Future<Output = Result<u64, Error>> + Send;

    /// How far each lane of a generation has come, by share.
    fn lanes(
        &self,
        projection: &str,
        generation: u64,
    ) -> impl Future<Output = Result<BTreeMap<String, Checkpoint>, Error>> + Send;

    /// Notes that a lane can't go on, or that it can again.
    fn note_fault(&self, at: &FaultAt, fault: Option<&str>) -> impl Future<Output = Result<(), Error>> + Send;

    /// Removes what is left of a dropped or failed generation's views, a little at a time. False if the record has
    /// changed meanwhile, so that nothing more may be removed by what it said.
    fn sweep(&self, recorded: &Recorded, generation: u64) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Lets some structures of the keyed views change places for the generation that is moving, and gives how many did;
    /// 0 if all have. None if the record has changed.
    fn move_some(&self, recorded: &Recorded) -> impl Future<Output = Result<Option<u64>, Error>> + Send;

    /// Compares the views of two generations whose lanes stand still. None if they are the same.
    fn compare(
        &self,
        deployment: &Deployment,
        generations: (u64, u64),
    ) -> impl Future<Output = Result<Option<String>, Error>> + Send;

    /// The reports of the hosts that live.
    fn hosts(&self) -> impl Future<Output = Result<Vec<HostReport>, Error>> + Send;

    /// Shows that a host lives; it counts as dead when this is not repeated for a few seconds.
    fn beat(&self, report: &HostReport) -> impl Future<Output = Result<(), Error>> + Send;

    /// Takes a host's report away.
    fn leave(&self, host: &str) -> impl Future<Output = Result<(), Error>> + Send;

    /// Writes the installation down, unless there is one already, and gives the one that there is.
    fn found(&self, installation: &Installation) -> impl Future<Output = Result<Installation, Error>> + Send;
}

/// What the store has that hosts agree on once and for all.
#[derive(Clone, Debug, PartialEq)]
pub struct Installation {
    /// A name that no other has.
    pub id: String,
    /// Where its events come from, without secrets.
    pub source: String,
}

/// All records at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The installation; none in a store that was never used, or has lost everything.
    pub installation: Option<Installation>,
    /// The deployments by name.
    pub deployments: BTreeMap<String, Arc<Recorded>>,
    /// How many changes of records the store has seen. It is less than before only if the store has lost some.
    pub changes: u64,
    /// What can't go on, and why.
    pub faults: BTreeMap<FaultAt, String>,
    /// Now, by the store's clock, in milliseconds since the Unix epoch.
    pub now: i64,
}

impl Snapshot {
    /// Whether a lane of the generation can't go on.
    pub fn has_stopped(&self, projection: &str, generation: u64) -> bool {
        self.faults.keys().any(|at| (at.projection.as_str(), at.generation) == (projection, generation))
    }

    /// Whether the records and the faults are those of another snapshot.
    pub fn says_the_same(&self, other: &Self) -> bool {
        let texts = self.deployments.values().map(|recorded| &recorded.text);
        self.faults == other.faults && texts.eq(other.deployments.values().map(|recorded| &recorded.text))
    }
}

/// A record as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// What it says.
    pub deployment: Deployment,
    /// How it says that; a change must find just this.
    pub text: String,
}

/// Names a lane that can't go on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FaultAt {
    /// The projection.
    pub projection: String,
    /// Its generation.
    pub generation: u64,
    /// The lane's share, as text.
    pub share: String,
}

/// Why the records can't be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not now.
    #[error("{what} is away")]
    Unavailable {
        /// The store as its user knows it, without password.
        what: String,
        /// What the attempt gave.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The store is there, but does not do it now.
    #[error("{what} {why}")]
    Unwilling {
        /// The store as its user knows it, without password.
        what: String,
        /// In what way.
        why: Unwilling,
        /// Its own words.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A record is not in our format.
    #[error("key `{key}` is no record of this version: {reason}")]
    Format {
        /// The key.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl Error {
    /// What the user can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Error::Unavailable { .. } => "check the address, and that it is running",
            Error::Unwilling { why, .. } => why.hint(),
            Error::Format { .. } => "it was changed by hand or by another version of lantern; use that version",
        }
    }

    /// What is missed, if it may be back by itself.
    pub(crate) fn missed(&self) -> Option<&'static str> {
        match self {
            Error::Unavailable { .. } => Some("Redis"),
            Error::Unwilling { why, .. } => Some(why.subject()),
            Error::Format { .. } => None,
        }
    }
}
