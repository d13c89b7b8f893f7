//! The steps from one state of a deployment to the next: pure functions that give the next record, or say why there is
//! none. Who makes a step writes the record by compare-and-set, so each starts from what the record really was.

mod edit;
mod generations;
mod standing;
#[cfg(test)]
mod tests;

use super::Deployment;
pub use generations::{
    again, built, cancel, cut_over, fail, freeze, hold, identify, move_in, moved, promote, rebuild, rollback,
};
pub use standing::{kept_since, pause, resume, retire, swept, undeploy};

/// Why a step can't be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{reason}")]
pub struct Refusal {
    /// What stands in the way.
    pub reason: String,
    /// What the user can do about it.
    pub hint: String,
}

impl Refusal {
    /// A refusal with its hint.
    pub fn new(reason: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { reason: reason.into(), hint: hint.into() }
    }
}

/// The next record, or why there is none.
pub type Step = Result<Deployment, Refusal>;
