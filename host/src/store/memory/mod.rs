//! The store and the records in memory, with the semantics of those in Redis: for tests, and for replays that must touch
//! nothing.

mod change;
mod compare;
mod content;
mod registry;
mod session;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::{Checkpoint, Error, Store};
use crate::control::Deployment;
use crate::letter::Letters;
use crate::op::Value;
use crate::projection::{Projection, Share};
use content::Content;
pub use content::Held;
pub use registry::MemoryRegistry;
pub use session::{MemoryCells, MemorySession};

/// A store in memory. Clones share their content.
#[derive(Clone, Debug)]
pub struct Memory {
    content: Arc<Mutex<Content>>,
    /// Told of every change of a record. Wakes who waits in the order in which they came, as a watch would not.
    changes: Arc<Notify>,
    /// Its clock begins with it.
    begun: Instant,
}

/// All that a [`Memory`] held at one moment.
#[derive(Clone, Debug)]
pub struct Kept(Content);

impl Default for Memory {
    fn default() -> Self {
        Self { content: Arc::default(), changes: Arc::default(), begun: Instant::now() }
    }
}

impl Memory {
    /// Everything there is, by Redis key.
    pub fn structures(&self) -> BTreeMap<Vec<u8>, Held> {
        self.lock().structures.clone()
    }

    /// The structure under a Redis key.
    pub fn structure(&self, key: &[u8]) -> Option<Held> {
        self.lock().structures.get(key).cloned()
    }

    /// The Redis keys that begin so.
    pub fn names(&self, start: &[u8]) -> Vec<Vec<u8>> {
        let content = self.lock();
        let from = content.structures.range(start.to_vec()..).map(|(name, _)| name);
        from.take_while(|name| name.starts_with(start)).cloned().collect()
    }

    /// What one cell holds: of the structure under a Redis key, the field or member; empty for a string.
    pub fn cell(&self, key: &[u8], member: &[u8]) -> Option<Value> {
        self.lock().structures.get(key)?.cells.get(member).cloned()
    }

    /// How far a generation has come in all its lanes.
    pub fn marks(&self, projection: &str, generation: u64) -> Checkpoint {
        self.lock().marks(projection, generation)
    }

    /// The dead letters of a lane.
    pub fn letters(&self, projection: &str, generation: u64, share: &str) -> Letters {
        let content = self.lock();
        let lane = content.lanes.get(&(projection.into(), generation)).and_then(|lanes| lanes.get(share));
        lane.map(|lane| lane.letters.clone()).unwrap_or_default()
    }

    /// Changes the dead letters of a lane, as an operator does: whoever runs the lane begins anew with that.
    pub fn settle(&self, projection: &str, generation: u64, share: &str, change: impl FnOnce(&mut Letters)) {
        let mut content = self.lock();
        let lanes = content.lanes.entry((projection.into(), generation)).or_default();
        let lane = lanes.entry(share.to_owned()).or_default();
        lane.letter_changes += 1;
        change(&mut lane.letters);
    }

    /// What readers see of a projection's progress: the generation, and how far it has come.
    pub fn readers(&self, projection: &str) -> Option<(u64, Checkpoint)> {
        self.lock().readers.get(projection).cloned()
    }

    /// The record of a projection.
    pub fn deployment(&self, projection: &str) -> Option<Deployment> {
        self.lock().records.get(projection).map(|recorded| recorded.deployment.clone())
    }

    /// Loses everything, as `FLUSHALL` does.
    pub fn flush(&self) {
        let mut content = self.lock();
        *content = Content { sessions: content.sessions, governed: content.governed, ..Content::default() };
    }

    /// All that it holds now, to come back to.
    pub fn keep(&self) -> Kept {
        Kept(self.lock().clone())
    }

    /// Goes back to what it held: loses what was written since, as a failover to a replica that lags.
    pub fn go_back(&self, kept: &Kept) {
        let mut content = self.lock();
        *content = Content { sessions: content.sessions, governed: content.governed, ..kept.0.clone() };
    }

    /// The records in it. From now on a generation's lanes may begin only where a change has said so.
    pub fn registry(&self) -> MemoryRegistry {
        self.lock().governed = true;
        MemoryRegistry::new(self.clone())
    }

    /// Milliseconds since it was made.
    fn now(&self) -> i64 {
        i64::try_from(self.begun.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    fn lock(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for Memory {
    type Session = MemorySession;

    async fn open(&self, projection: &Projection, share: Share) -> Result<MemorySession, Error> {
        MemorySession::open(self.clone(), projection.clone(), share)
    }
}
