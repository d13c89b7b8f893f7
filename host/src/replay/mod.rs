//! Replays: events through a plugin, real lanes and a store in memory. Nothing is written anywhere.
//!
//! What `explain` and `view --at` rest on is the [`Past`] of a deployed projection, played once and watched by a [`Witness`].
//! What `test` rests on is a [`Stage`]. It plays the same events again and again, each time in other steps: which lane takes
//! how many events next, and where its instance is dropped. A plugin that keeps to the contract makes the same views of them,
//! byte for byte.

mod budget;
mod cut;
mod past;
mod purity;
mod schedule;
mod stage;
mod tree;
mod witness;

pub use budget::{Budget, Measured, Quantiles};
pub use cut::{Cut, CutReader, Tally, Until};
pub use past::Past;
pub use purity::{Cause, Examined, Impurity, examine};
pub use schedule::{Schedule, Step};
pub use stage::{Halted, Outcome, Stage};
pub use tree::{Difference, cell, differences, text, views};
pub use witness::{Change, Changed, Seen, Testimony, Watch, Witness};
