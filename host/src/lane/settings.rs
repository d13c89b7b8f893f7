//! How a lane batches and waits.

use std::time::Duration;

use crate::event::BatchLimits;
use crate::limits::Limits;

/// Settings of a lane.
#[derive(Clone, Debug)]
pub struct Settings {
    /// At most so much is applied before it is committed.
    pub batch: BatchLimits,
    /// How long the first event of a batch may wait for others although the store is idle. Zero commits at once, and
    /// batches grow by themselves while a commit is under way.
    pub linger: Duration,
    /// Bytes of cells that a lane keeps at hand for its plugin's reads.
    pub cache_bytes_max: usize,
    /// So many bytes written by the plugin and not on their way to the store let no further batch begin.
    pub write_bytes_max: usize,
    /// How often a lane without commits looks whether the store still has what it wrote.
    pub look_every: Duration,
    /// How long a lane waits before it tries again: at first, and at most.
    pub backoff: (Duration, Duration),
    /// Where plugins compute.
    pub blocking: Blocking,
}

/// Where is done what keeps its thread: plugins that compute, modules that are compiled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Blocking {
    /// On threads that are there for it.
    #[default]
    Threads,
    /// On the task itself, for tests and replays: with a runtime of one thread, everything happens in an order that can
    /// be had again. The store must answer reads at once, as one in memory does; a read that would have to wait fails.
    Here,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            batch: BatchLimits { events_max: 2000, bytes_max: 4 << 20 },
            linger: Duration::ZERO,
            cache_bytes_max: 16 << 20,
            write_bytes_max: Limits::default().batch_bytes_max,
            look_every: Duration::from_secs(1),
            backoff: (Duration::from_millis(50), Duration::from_secs(1)),
            blocking: Blocking::Threads,
        }
    }
}
