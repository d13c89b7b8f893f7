//! Where plugins run: the port, and behind it wasmtime.
//!
//! A [`Module`] is a checked plugin; an [`Instance`] of it belongs to one lane and applies batches. What it knows in
//! its memory is never relied on: after any failure the instance is dropped and a fresh one goes on.

pub mod wasm;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::event::Batch;
use crate::limits::size;
use crate::op::{CellRef, Query, Refused, Value, Write};
use crate::projection::{Description, LaneId};

/// What the operator has set for a projection: values by name. Whoever takes them from the user bounds their size.
pub type Config = BTreeMap<String, String>;

/// A plugin, ready to run.
pub trait Module: Clone + Send + Sync + 'static {
    /// What its writes and reads reach.
    type Views: Views;
    /// A running copy of it.
    type Instance: Instance<Views = Self::Views>;

    /// What the plugin says of itself.
    fn description(&self) -> &Description;

    /// Names it among all others: the sha256 digest of its bytes, in hexadecimal.
    fn digest(&self) -> &str;

    /// Makes a fresh instance for a lane, whose log lines bear the lane's and its topics' names.
    fn instantiate(&self, lane: &LaneId, topics: &[std::sync::Arc<str>]) -> Result<Self::Instance, Unstarted>;

    /// The same, but what the instance does is counted, not timed: whether it gets over an event does not depend on the
    /// machine. Slower, and for batches that have failed.
    fn instantiate_counted(
        &self,
        lane: &LaneId,
        topics: &[std::sync::Arc<str>],
    ) -> Result<Self::Instance, Unstarted> {
        self.instantiate(lane, topics)
    }
}

/// A running copy of a plugin.
pub trait Instance: Send + 'static {
    /// What its writes and reads reach.
    type Views: Views;

    /// Applies a batch: its writes go to `views`, which comes back in any case. After a failure the instance is of
    /// no use any more, and the views may hold a part of the batch's writes.
    ///
    /// Blocks for as long as the plugin computes and its reads take.
    fn apply(&mut self, batch: &Batch, views: Box<Self::Views>) -> (Box<Self::Views>, Result<(), Failure>);

    /// What the last batch has taken.
    fn spent(&self) -> Spent {
        Spent::default()
    }
}

/// What a batch has taken of what a plugin may use.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spent {
    /// Work, in units of fuel; none if it was not counted.
    pub fuel: Option<u64>,
    /// Reads and writes.
    pub ops: usize,
    /// Bytes of names and values in these.
    pub bytes: usize,
    /// Bytes of the instance's memories so far. They never shrink.
    pub memory_bytes: usize,
}

/// A plugin's views while a batch is applied.
pub trait Views: Send + 'static {
    /// Notes a write.
    fn write(&mut self, write: &Write<'_>) -> Result<(), Refused>;

    /// Reads a cell; sees all earlier writes.
    fn read(&mut self, query: Query, cell: &CellRef<'_>) -> Result<Option<Value>, ViewError>;

    /// Fetches what is not at hand of these cells, in one round trip.
    fn prefetch(&mut self, cells: &[CellRef<'_>]) -> Result<(), ViewError>;

    /// How long reads have waited for the store so far; the plugin's own time does not include it.
    fn waited(&self) -> Duration;
}

/// Why a view could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// The plugin asked for what it may not.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The store can't be read now.
    #[error("the views can't be read")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Why a batch was not applied.
#[derive(Debug)]
pub enum Failure {
    /// An event of it can't be applied; the index if it is known which.
    Event(Option<usize>, Reason),
    /// The store could not be read. It is not the plugin's fault.
    Unavailable(Box<dyn std::error::Error + Send + Sync>),
}

/// What is wrong with a plugin, or with how it takes an event.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Reason {
    /// The plugin said so.
    #[error("the plugin refused it: {0}")]
    Error(String),
    /// The plugin panicked.
    #[error("the plugin panicked: {message}{}", frames(backtrace))]
    Panic {
        /// What it said last.
        message: String,
        /// Function names, innermost first.
        backtrace: Vec<String>,
    },
    /// The plugin trapped.
    #[error("the plugin trapped: {message}{}", frames(backtrace))]
    Trap {
        /// The kind of trap.
        message: String,
        /// Function names, innermost first.
        backtrace: Vec<String>,
    },
    /// The plugin took too long, by the clock. Of an event that says nothing yet.
    #[error("the plugin took longer than {0:?}, by its limit `batch-time`")]
    Timeout(Duration),
    /// An event took more work than it may.
    #[error("the plugin worked longer than its limit `event-time` of {limit:?}{}", frames(backtrace))]
    Fuel {
        /// The limit.
        limit: Duration,
        /// Function names, innermost first.
        backtrace: Vec<String>,
    },
    /// The plugin wanted too much memory.
    #[error("the plugin wanted more than its limit `memory` of {}", size(*limit as u64))]
    Memory {
        /// The limit in bytes.
        limit: usize,
    },
    /// The plugin wanted tables that are too large.
    #[error("the plugin wanted more than its limit `table-elements` of {limit}")]
    Table {
        /// The limit in elements.
        limit: usize,
    },
    /// The plugin wrote or read what it may not.
    #[error("the plugin misused its views: {0}")]
    Refused(#[from] Refused),
}

/// Why an instance does not start.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Unstarted {
    /// The plugin can't be started.
    #[error(transparent)]
    Plugin(#[from] Reason),
    /// The machine lacks something, which it may have later.
    #[error("no plugin can be started: {0}")]
    Machine(String),
}

impl Reason {
    /// In a word, which stays the same from version to version.
    pub fn name(&self) -> &'static str {
        match self {
            Reason::Error(_) => "error",
            Reason::Panic { .. } => "panic",
            Reason::Trap { .. } => "trap",
            Reason::Timeout(_) => "timeout",
            Reason::Fuel { .. } => "out-of-fuel",
            Reason::Memory { .. } | Reason::Table { .. } => "out-of-memory",
            Reason::Refused(Refused::TooLarge { .. } | Refused::TooMany { .. }) => "too-much-output",
            Reason::Refused(_) => "refused-op",
        }
    }

    /// Whether it is a limit that an operator may raise.
    pub(crate) fn is_limit(&self) -> bool {
        match self {
            Reason::Timeout(_) | Reason::Fuel { .. } | Reason::Memory { .. } | Reason::Table { .. } => true,
            Reason::Refused(refused) => matches!(refused, Refused::TooLarge { .. } | Refused::TooMany { .. }),
            Reason::Error(_) | Reason::Panic { .. } | Reason::Trap { .. } => false,
        }
    }

    /// In full, without the backtrace.
    pub fn message(&self) -> String {
        match self {
            Reason::Error(message) | Reason::Panic { message, .. } | Reason::Trap { message, .. } => {
                message.clone()
            }
            other => other.to_string(),
        }
    }

    /// Where in the plugin it failed: function names, innermost first.
    pub fn backtrace(&self) -> &[String] {
        match self {
            Reason::Panic { backtrace, .. } | Reason::Trap { backtrace, .. } | Reason::Fuel { backtrace, .. } => {
                backtrace
            }
            _ => &[],
        }
    }
}

fn frames(backtrace: &[String]) -> String {
    backtrace.iter().map(|frame| format!("\n    in {frame}")).collect()
}
