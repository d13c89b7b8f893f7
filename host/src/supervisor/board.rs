//! What every projection is doing on this host, for whoever wants to see it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, watch};

use super::Stop;
use super::desired::LaneKey;
use crate::event::TopicPartition;
use crate::lane::{State, Status};
use crate::store::Mark;

/// The conditions of all projections of a host. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Board {
    projections: Arc<Mutex<BTreeMap<String, Entry>>>,
    begun: Arc<AtomicBool>,
    /// Told when other projections have stopped than before.
    changed: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Entry {
    /// The lanes of the live generation.
    lanes: BTreeMap<LaneKey, watch::Receiver<Status>>,
    /// What lanes that have ended had committed.
    committed: u64,
    checkpoint: BTreeMap<TopicPartition, Mark>,
    stopped: Option<Stop>,
}

/// The condition of one projection: of its live generation, on this host.
#[derive(Clone, Debug, Default)]
pub struct Condition {
    /// Events committed since the host began.
    pub committed: u64,
    /// How far it has come in each partition.
    pub checkpoint: BTreeMap<TopicPartition, Mark>,
    /// Why it waits for something, if it does.
    pub retrying: Option<String>,
    /// Why it has stopped, if it has.
    pub stopped: Option<Stop>,
}

impl Board {
    /// The condition of every projection, by name.
    pub fn conditions(&self) -> BTreeMap<String, Condition> {
        let projections = self.projections.lock().unwrap_or_else(PoisonError::into_inner);
        projections.iter().map(|(name, entry)| (name.clone(), entry.condition())).collect()
    }

    /// Notes that a host has begun.
    pub fn begin(&self) {
        self.begun.store(true, Ordering::Relaxed);
    }

    /// Whether a host has begun.
    pub fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }

    /// Which of these projections have stopped, and why.
    pub fn stops(&self, names: &BTreeSet<String>) -> BTreeMap<String, Stop> {
        let conditions = self.conditions().into_iter().filter(|(name, _)| names.contains(name));
        conditions.filter_map(|(name, condition)| Some((name, condition.stopped?))).collect()
    }

    /// Waits until other projections have stopped than before. For one waiter.
    pub async fn stopped_or_not(&self) {
        self.changed.notified().await;
    }

    pub(super) fn lane_started(&self, key: &LaneKey, live: bool, status: watch::Receiver<Status>) {
        if live {
            self.entry(&key.projection, |entry| drop(entry.lanes.insert(key.clone(), status)));
        }
    }

    pub(super) fn lane_ended(&self, key: &LaneKey) {
        self.entry(&key.projection, |entry| {
            let Some(status) = entry.lanes.remove(key) else { return };
            let status = status.borrow();
            entry.committed += status.committed;
            entry.checkpoint.extend(status.checkpoint.clone());
        });
    }

    /// Says which projections have stopped; the others have not.
    pub(super) fn stopped(&self, stopped: &BTreeMap<String, Stop>) {
        let mut projections = self.projections.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, entry) in projections.iter_mut() {
            entry.stopped = stopped.get(name).cloned();
        }
        for (name, stop) in stopped {
            projections.entry(name.clone()).or_default().stopped = Some(stop.clone());
        }
        self.changed.notify_one();
    }

    fn entry(&self, projection: &str, change: impl FnOnce(&mut Entry)) {
        let mut projections = self.projections.lock().unwrap_or_else(PoisonError::into_inner);
        change(projections.entry(projection.to_owned()).or_default());
    }
}

impl Entry {
    fn condition(&self) -> Condition {
        let mut condition = Condition {
            committed: self.committed,
            checkpoint: self.checkpoint.clone(),
            retrying: None,
            stopped: self.stopped.clone(),
        };
        for lane in self.lanes.values() {
            let status = lane.borrow();
            condition.committed += status.committed;
            condition.checkpoint.extend(status.checkpoint.clone());
            if let State::Retrying(reason) = &status.state {
                condition.retrying = Some(reason.clone());
            }
        }
        condition
    }
}
