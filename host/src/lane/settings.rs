//! How a lane batches and waits.

use std::cell::Cell;
use std::pin::Pin;
use std::sync::LazyLock;
use std::time::Duration;

use rustix::process::nice;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::Instant;

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
    /// So many bytes written by the plugin and not on their way to the store let no further batch begin, and end one that
    /// is taken apart.
    pub write_bytes_max: usize,
    /// How often a lane without commits looks whether the store still has what it wrote, unless it has long been without.
    pub look_every: Duration,
    /// Looks are at times that are counted from this: at the same moment for all lanes, for then they travel together.
    pub looks_from: Instant,
    /// How long a lane waits before it tries again: at first, and at most.
    pub backoff: (Duration, Duration),
    /// Where plugins compute.
    pub blocking: Blocking,
}

/// Where is done what keeps its thread: plugins that compute, modules that are compiled, memory that is given back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Blocking {
    /// On threads that are there for it.
    #[default]
    Threads,
    /// On threads of a lower priority than all others: what nobody waits for, as a rebuild, takes the processor neither
    /// from live lanes nor from a Redis on the same machine.
    Background,
    /// On the task itself, for tests and replays: with a runtime of one thread, everything happens in an order that can
    /// be had again. The store must answer reads at once, as one in memory does; a read that would have to wait fails.
    Here,
}

/// How much lower the priority of the threads in the background is, as nice(2) counts it: they get a tenth of a processor
/// that others want too, and all of one that is idle.
pub(crate) const BACKGROUND_NICENESS: i32 = 10;

/// The threads in the background, for as long as the process lives. None if the system has no thread for them.
static BACKGROUND: LazyLock<Option<Runtime>> = LazyLock::new(|| {
    let mut threads = Builder::new_current_thread();
    // On Linux the niceness is the thread's own. Where it is not to be had, the work is done all the same.
    threads.thread_name("background").on_thread_start(|| _ = nice(BACKGROUND_NICENESS));
    threads.build().ok()
});

/// Names the thread by which plugins compute, for whoever looks what a host does with its processors.
fn name_thread() {
    thread_local!(static NAMED: Cell<bool> = const { Cell::new(false) });
    if !NAMED.replace(true) {
        // Only a name; elsewhere than on Linux there is no such file.
        let _ = std::fs::write("/proc/thread-self/comm", "lane");
    }
}

/// Work that is under way, until it is done.
pub(crate) type Working<T> = Pin<Box<dyn Future<Output = Result<T, JoinError>> + Send>>;

impl Blocking {
    /// Begins with the work. It fails only by a panic.
    pub(crate) fn run<T: Send + 'static>(self, work: impl FnOnce() -> T + Send + 'static) -> Working<T> {
        match self {
            Self::Here => Box::pin(async { Ok(work()) }),
            Self::Threads => Box::pin(spawn_blocking(|| {
                name_thread();
                work()
            })),
            Self::Background => match &*BACKGROUND {
                Some(threads) => Box::pin(threads.spawn_blocking(work)),
                None => Box::pin(spawn_blocking(work)),
            },
        }
    }

    /// Where the same is done that nobody waits for.
    pub(crate) fn in_background(self) -> Self {
        match self {
            Self::Threads | Self::Background => Self::Background,
            Self::Here => Self::Here,
        }
    }
}

impl Settings {
    /// When a lane is to look that does so every so often, and has heard of the store at a moment.
    pub(super) fn next_look(&self, heard: Instant, every: Duration) -> Instant {
        let since = heard.saturating_duration_since(self.looks_from).as_nanos() % every.as_nanos().max(1);
        heard + every - Duration::from_nanos(u64::try_from(since).unwrap_or(0))
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            batch: BatchLimits { events_max: 8000, bytes_max: 4 << 20 },
            linger: Duration::ZERO,
            cache_bytes_max: 16 << 20,
            write_bytes_max: Limits::default().batch_bytes_max,
            look_every: Duration::from_secs(1),
            looks_from: Instant::now(),
            backoff: (Duration::from_millis(50), Duration::from_secs(1)),
            blocking: Blocking::Threads,
        }
    }
}
