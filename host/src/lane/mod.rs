//! A lane: one ordered stream of events through one instance of a plugin into the store.
//!
//! It knows the three ports and nothing behind them. Whatever goes wrong, a lane goes back to what the store says of
//! its checkpoint, and starts afresh from there with a new epoch, a new reader and a new instance.

mod ahead;
mod attempt;
pub(crate) mod benching;
mod bounded;
mod cache;
mod course;
mod outage;
mod overlay;
mod parking;
mod pending;
mod positions;
mod run;
mod settings;
mod status;
mod stride;
#[cfg(test)]
mod tests;
mod worker;

use crate::event::Reference;
use crate::sandbox::Reason;
use crate::{source, store};
pub use course::{Course, Policy};
pub use outage::Outages;
pub(crate) use outage::chain;
pub use overlay::Overlay;
pub use run::Lane;
pub(crate) use settings::BACKGROUND_NICENESS;
pub use settings::{Blocking, Settings};
pub use status::{State, Status};

/// Why a lane ended.
#[derive(Debug)]
pub enum Exit {
    /// It was told to, and has committed what it had applied.
    Shutdown,
    /// It can't go on.
    Stopped(Fault),
}

/// What a lane can't mend by itself.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The projection can't apply an event. All events before it are committed.
    #[error("event {event} cannot be applied: {reason}")]
    Poison {
        /// The event.
        event: Reference,
        /// Why not.
        reason: Reason,
    },
    /// An event is to be set aside, and no more fits. All events before it are committed.
    #[error("event {event} cannot be set aside: {most} are set aside in this lane already{}", because(reason))]
    Full {
        /// The event.
        event: Reference,
        /// How many may be.
        most: usize,
        /// Why it can't be applied, if it does not just wait behind another.
        reason: Option<Reason>,
    },
    /// No instance can be started.
    #[error("the plugin does not start")]
    Instance(#[source] Reason),
    /// The source can't go on.
    #[error("the source cannot go on")]
    Source(#[source] source::Error),
    /// The store will not go on, or another host has taken the lane.
    #[error("the store cannot go on")]
    Store(#[source] store::Error),
    /// A bug of ours.
    #[error("the lane panicked")]
    Panic,
}

impl Fault {
    /// What the user can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Fault::Poison { reason, .. } if reason.is_limit() => {
                "mend the plugin so that it takes the event, or raise the limit by `lantern deploy --limit`: it goes on at that offset"
            }
            Fault::Poison { .. } => {
                "mend the plugin so that it takes the event, and start again: it goes on at that offset"
            }
            Fault::Full { .. } => {
                "deploy a plugin that takes them, and apply them by `lantern dead retry`, or drop some by `lantern dead discard`: it goes on with that; or allow more by --max-parked"
            }
            Fault::Instance(_) => "mend the plugin",
            Fault::Source(error) => error.hint(),
            Fault::Store(error) => error.hint(),
            Fault::Panic => "this is a defect of lantern; its log says where",
        }
    }
}

fn because(reason: &Option<Reason>) -> String {
    reason.as_ref().map(|reason| format!("; {reason}")).unwrap_or_default()
}
