//! All that hosts share: the log, the store, which partitions they are given, what is away, and what is told of the run.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use lantern::event::TopicPartition;
use lantern::source::Assignment;
use lantern::store::memory::{Kept, Memory, MemoryRegistry};
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::coverage::Coverage;
use super::fold::Folds;
use super::log::{Log, topic};
use super::schedule::{Fault, HOSTS_MAX, Schedule, Shape};

/// Structures of keyed views that one change may move: so few that some cutovers need chunks.
const KEYED_MAX: u64 = 4;
/// Calls of ports in one run; who makes more goes round in circles.
const CALLS_MAX: u64 = 200_000;

pub struct World {
    pub shape: Shape,
    pub log: Log,
    pub memory: Memory,
    pub registry: MemoryRegistry,
    /// Told when events are appended, or are to be read again, or the source is back.
    pub news: Notify,
    /// Something is not as it must be: the run ends.
    pub failed: CancellationToken,
    state: Mutex<State>,
    begun: Instant,
    calls: AtomicU64,
}

/// What changes in the course of a run.
pub struct State {
    pub folds: Folds,
    pub coverage: Coverage,
    pub violation: Option<String>,
    /// What happened, if that is wanted.
    pub trace: Option<Vec<String>>,
    pub slots: Vec<Slot>,
    pub kept: Option<Kept>,
    pub store_away: bool,
    pub source_away: bool,
    /// How often readers were told to give events again, and how many.
    pub repeat: (u64, usize),
}

/// A host, whether it lives or not.
pub struct Slot {
    pub life: Arc<Life>,
    pub stop: CancellationToken,
    pub lives: u64,
    /// What goes wrong next.
    pub armed: VecDeque<Fault>,
    pub wanted: u8,
    pub assigned: watch::Sender<Assignment>,
}

/// One life of a host.
pub struct Life {
    /// What its death ends.
    pub task: OnceLock<AbortHandle>,
    pub dead: AtomicBool,
    /// What it had sent when it died arrives so many milliseconds later; lost, if it is more than can be waited for.
    pub late: AtomicU64,
    pub frozen: AtomicBool,
    pub thawed: Notify,
}

/// What is sent by a host that dies is lost.
pub const LOST: u64 = u64::MAX;

impl World {
    pub fn new(schedule: &Schedule, tracing: bool) -> Arc<World> {
        let Schedule { seed, shape, .. } = *schedule;
        let memory = Memory::default();
        let slot = || Slot {
            life: Life::new(true),
            stop: CancellationToken::new(),
            lives: 0,
            armed: VecDeque::new(),
            wanted: 0,
            assigned: watch::Sender::default(),
        };
        let state = State {
            folds: Folds::default(),
            coverage: Coverage::default(),
            violation: None,
            trace: tracing.then(Vec::new),
            slots: (0..shape.hosts).map(|_| slot()).collect(),
            kept: None,
            store_away: false,
            source_away: false,
            repeat: (0, 0),
        };
        Arc::new(World {
            shape,
            log: Log::new(seed, shape.topics, shape.partitions),
            registry: memory.registry().with_keyed_max(KEYED_MAX),
            memory,
            news: Notify::new(),
            failed: CancellationToken::new(),
            state: Mutex::new(state),
            begun: Instant::now(),
            calls: AtomicU64::new(0),
        })
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn count(&self, what: &'static str) {
        self.state().coverage.add(what, 1);
    }

    pub fn note(&self, what: impl FnOnce() -> String) {
        let at = self.begun.elapsed().as_millis();
        if let Some(trace) = &mut self.state().trace {
            trace.push(format!("{at:>6} ms  {}", what()));
        }
    }

    /// Something is not as it must be.
    pub fn fail(&self, why: String) {
        self.note(|| format!("VIOLATION: {why}"));
        self.state().violation.get_or_insert(why);
        self.failed.cancel();
    }

    /// Notes that a port was called.
    pub fn called(&self) {
        if self.calls.fetch_add(1, Relaxed) == CALLS_MAX {
            self.fail(format!("{CALLS_MAX} calls of ports, and still no end"));
        }
    }

    /// A host dies.
    pub fn kill(&self, life: &Life, late: Option<u64>) {
        life.late.store(late.unwrap_or(LOST), Relaxed);
        life.dead.store(true, Relaxed);
        life.thaw();
        if let Some(task) = life.task.get() {
            task.abort();
        }
    }

    /// Gives each host its partitions; one that is frozen does not hear of it.
    pub fn assign(&self, shares: &[u8; HOSTS_MAX]) {
        let mut state = self.state();
        for (slot, share) in state.slots.iter_mut().zip(shares) {
            slot.wanted = *share;
            if !slot.life.is_frozen() {
                slot.tell(&self.shape);
            }
        }
    }
}

impl Slot {
    /// Lets the host hear of its partitions.
    pub fn tell(&self, shape: &Shape) {
        let partitions = (0..shape.topics).flat_map(|number| {
            let has = |partition: &u32| self.wanted & 1 << partition != 0;
            (0..shape.partitions).filter(has).map(move |partition| TopicPartition::new(topic(number), partition))
        });
        let partitions: Arc<BTreeSet<_>> = Arc::new(partitions.collect());
        self.assigned.send_modify(|now| *now = Assignment { number: now.number + 1, partitions });
    }

    /// The first fault of some kind that is armed.
    pub fn disarm(&mut self, is_it: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let index = self.armed.iter().position(is_it)?;
        self.armed.remove(index)
    }
}

impl Life {
    pub fn new(dead: bool) -> Arc<Life> {
        let (dead, late) = (AtomicBool::new(dead), AtomicU64::new(LOST));
        let frozen = AtomicBool::new(false);
        Arc::new(Life { task: OnceLock::new(), dead, late, frozen, thawed: Notify::new() })
    }

    pub fn freeze(&self) {
        self.frozen.store(true, Relaxed);
    }

    /// True if it was frozen.
    pub fn thaw(&self) -> bool {
        let was_frozen = self.frozen.swap(false, Relaxed);
        self.thawed.notify_waiters();
        was_frozen
    }

    pub fn is_frozen(&self) -> bool {
        self.frozen.load(Relaxed)
    }

    pub fn is_dead(&self) -> bool {
        self.dead.load(Relaxed)
    }
}
