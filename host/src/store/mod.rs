//! Where views and checkpoints are kept: the port, and behind it Redis and memory.
//!
//! A view, the checkpoint that it stands for and what was set aside on the way are written in one atomic step or not at
//! all: the only way to write is [`Session::commit`], and it takes them together. The store alone knows how far a lane has come.

pub mod memory;
pub mod redis;
mod unwilling;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use crate::event::TopicPartition;
use crate::letter::{self, Letter, SetAside};
use crate::op::{CellRef, Changes, Value};
use crate::projection::{LaneId, Projection, Share};
pub use unwilling::Unwilling;

/// How far a lane has come in one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The next offset to apply.
    pub next: u64,
    /// The newest event time that was applied, in milliseconds since the Unix epoch; -1 if none had a time.
    pub newest: i64,
}

/// How far a lane has come: per topic and partition.
pub type Checkpoint = BTreeMap<TopicPartition, Mark>;

/// What one commit does: the changes and the checkpoint that they lead to.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The coalesced changes of the views.
    pub changes: Arc<Changes>,
    /// The marks that moved.
    pub checkpoint: Checkpoint,
    /// What becomes of the lane's dead letters.
    pub letters: Vec<letter::Change>,
}

/// Keeps views and checkpoints.
pub trait Store: Clone + Send + Sync + 'static {
    /// A lane's hold on it.
    type Session: Session;

    /// Starts a lane: takes a new epoch by one atomic step, so that whoever held the lane before can't write any
    /// more, and reads the lane's checkpoint.
    ///
    /// [`Error::Moved`] if the generation's views are not, or no longer, where the projection says;
    /// [`Error::Refused`] if a view's key holds something else than the view's kind.
    fn open(
        &self,
        projection: &Projection,
        share: Share,
    ) -> impl Future<Output = Result<Self::Session, Error>> + Send;
}

/// A lane's hold on the store, good until its first error.
///
/// All reads and writes of a session see the same state of the store: if that is lost or set back, or another
/// session takes the lane, the next commit fails, and so does the next look.
pub trait Session: Send + 'static {
    /// Reads cells for the plugin while a commit is under way.
    type Cells: Cells;

    /// How far the lane had come when the session began.
    fn checkpoint(&self) -> &Checkpoint;

    /// What the lane had set aside when the session began.
    fn set_aside(&mut self) -> impl Future<Output = Result<SetAside, Error>> + Send;

    /// Those of these letters that are there, in the same order.
    fn letters(&mut self, numbers: &[u64]) -> impl Future<Output = Result<Vec<(u64, Letter)>, Error>> + Send;

    /// Applies the changes, stores the checkpoint and the letters: all of it or nothing.
    ///
    /// [`Error::Fenced`] and [`Error::Rewound`] mean that nothing was written. After [`Error::Unavailable`] it may or
    /// may not have been; a new session tells.
    fn commit(&mut self, commit: Commit) -> impl Future<Output = Result<(), Error>> + Send;

    /// Checks without writing that the next commit would not be fenced or rewound.
    fn look(&mut self) -> impl Future<Output = Result<(), Error>> + Send;

    /// A reader of cells.
    fn cells(&self) -> Self::Cells;
}

/// Reads single cells of a projection's views.
pub trait Cells: Send + 'static {
    /// The values of the cells, in their order, in one round trip. It sees every commit that had been acknowledged
    /// before the call.
    fn read(&mut self, cells: &[CellRef<'_>]) -> impl Future<Output = Result<Vec<Option<Value>>, Error>> + Send;
}

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not now; worth trying again with a new session.
    #[error("{what} is away")]
    Unavailable {
        /// The store as its user knows it, without password.
        what: String,
        /// What the attempt gave.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It is there, but does not do it now; worth trying again with a new session. Nothing was written.
    #[error("{what} {why}")]
    Unwilling {
        /// The store as its user knows it, without password.
        what: String,
        /// In what way.
        why: Unwilling,
        /// Its own words.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another session has taken the lane since.
    #[error("lane {lane} is fenced: epoch {theirs} has taken it over from epoch {ours}")]
    Fenced {
        /// The lane.
        lane: LaneId,
        /// The epoch of this session.
        ours: u64,
        /// The epoch that holds the lane now.
        theirs: u64,
    },
    /// The generation's views stand elsewhere now, or its lanes may not begin: a cutover, a rollback, a cancelled rebuild.
    #[error("the generation of lane {lane} has moved")]
    Moved {
        /// The lane.
        lane: LaneId,
    },
    /// The store has lost writes that it had acknowledged: a failover, a flush, a restart without its data.
    #[error("the checkpoint of lane {lane} is not where this session left it")]
    Rewound {
        /// The lane.
        lane: LaneId,
    },
    /// An operator has said what is to become of dead letters of the lane: a new session knows them.
    #[error("the dead letters of lane {lane} were looked after")]
    Settled {
        /// The lane.
        lane: LaneId,
    },
    /// The store will not do it, now or later.
    #[error("lane {lane}: {reason}")]
    Refused {
        /// The lane.
        lane: LaneId,
        /// What the store says, and about which key.
        reason: String,
        /// How it is mended.
        hint: &'static str,
    },
}

impl Error {
    /// What the user can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Error::Unavailable { .. } => "check the address, and that it is running",
            Error::Unwilling { why, .. } => why.hint(),
            Error::Settled { .. } => "it goes on by itself",
            Error::Fenced { .. } => {
                "another `lantern` runs the same projection on the same Redis; stop one of them"
            }
            Error::Moved { .. } => "none is needed: the host reads the deployment anew",
            Error::Rewound { .. } => "none is needed: the lane goes on from what the store has",
            Error::Refused { hint, .. } => hint,
        }
    }
}
