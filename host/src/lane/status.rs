//! What a lane tells of itself while it runs.

use crate::store::Checkpoint;

/// What a lane is doing.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum State {
    /// Taking its epoch and opening its reader.
    #[default]
    Starting,
    /// Applying events as they come.
    Running,
    /// Waiting for the source or the store to come back.
    Retrying(String),
    /// Ended, and why if it was not told to.
    Stopped(Option<String>),
}

/// A lane's condition at one moment.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// What it is doing.
    pub state: State,
    /// Events committed since the lane was started.
    pub committed: u64,
    /// Events left out because they can't be applied, since the lane was started.
    pub skipped: u64,
    /// How far it has come.
    pub checkpoint: Checkpoint,
    /// Whether it has read all there is, as far as it knows, and committed it.
    pub at_end: bool,
}
