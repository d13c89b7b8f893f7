//! The one trait that a plugin implements.

use crate::{Event, Events, Result, Views};

/// A projection: what to keep, and how an event changes it.
///
/// It must be a function of its events and its [configuration](crate::config()) alone. The value itself is a cache at best: the host makes a
/// new one whenever it starts a lane or a batch has failed.
pub trait Projection: Sized + 'static {
    /// The name it is deployed under unless the operator gives another. Lower-case letters, digits,
    /// `-` and `_`; 1 to 64 bytes.
    const NAME: &'static str;

    /// The topics it reads, at least one. The operator may name others in their place, but not more
    /// or fewer: an event tells by these names which of them it came from.
    const TOPICS: &'static [&'static str];

    /// Raise it when the views mean something else now and must be rebuilt. At least 1.
    const REVISION: u32 = 1;

    /// Which events meet in one lane.
    const ORDERING: Ordering = Ordering::Partition;

    /// Declare the views. Must always declare the same ones in the same order while the configuration is the same.
    fn new(views: &mut Views) -> Self;

    /// Say what will be read while these events are applied, so that it is fetched in one round
    /// trip. Called once a batch, before the first event.
    fn prefetch(&mut self, events: &Events<'_>) {
        let _ = events;
    }

    /// Apply one event to the views.
    ///
    /// # Errors
    ///
    /// Says that this event can't be applied, and why. Nothing of the batch is written; the host
    /// then does what the projection's policy says: stop, park or skip.
    fn apply(&mut self, event: &Event<'_>) -> Result<()>;
}

/// Which events meet in one lane, and hence what order a projection may rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ordering {
    /// One lane for each partition number, shared by the partitions of that number of all topics.
    Partition,
    /// One lane for all partitions of all topics.
    Global,
}
