//! Test a projection natively: feed it events, and look at its views in memory.
//! The crate's first page shows how.

#[doc(hidden)]
pub mod boundary;
mod event;
mod harness;
mod memory;

pub use crate::runner::Failure;
pub use event::{TestEvent, event, tombstone};
pub use harness::{Harness, same_views_for_any_batches};

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::log::Level;

/// What the operator would have set: values by name.
type Config = BTreeMap<String, String>;

/// A line that the projection logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// How much it matters.
    pub level: Level,
    /// The index in its batch of the event that was being applied.
    pub event: Option<u32>,
    /// What it says.
    pub message: String,
}

thread_local! {
    static LINES: RefCell<Vec<LogLine>> = const { RefCell::new(Vec::new()) };
    /// Of the harness whose projection is running.
    static CONFIG: RefCell<Rc<Config>> = RefCell::default();
}

pub(crate) fn log(level: Level, event: Option<u32>, message: &str) {
    LINES.with_borrow_mut(|lines| {
        lines.push(LogLine { level, event, message: message.into() });
    });
}

pub(crate) fn config(name: &str) -> Option<String> {
    CONFIG.with_borrow(|config| config.get(name).cloned())
}

fn set_config(config: &Rc<Config>) {
    CONFIG.set(Rc::clone(config));
}

fn take_lines() -> Vec<LogLine> {
    LINES.take()
}
