//! What every projection is doing, for whoever wants to see it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::event::TopicPartition;
use crate::lane::{State, Status};
use crate::store::Mark;

/// The conditions of all projections of a host. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Board {
    projections: Arc<Mutex<BTreeMap<String, Entry>>>,
}

#[derive(Debug, Default)]
struct Entry {
    lanes: Vec<watch::Receiver<Status>>,
    stopped: Option<String>,
}

/// The condition of one projection.
#[derive(Clone, Debug, Default)]
pub struct Condition {
    /// Events committed since the host began.
    pub committed: u64,
    /// How far it has come in each partition.
    pub checkpoint: BTreeMap<TopicPartition, Mark>,
    /// Why it waits for something, if it does.
    pub retrying: Option<String>,
    /// Why it has stopped, if it has.
    pub stopped: Option<String>,
}

impl Board {
    /// The condition of every projection, by name.
    pub fn conditions(&self) -> BTreeMap<String, Condition> {
        let projections = self.projections.lock().unwrap_or_else(PoisonError::into_inner);
        projections.iter().map(|(name, entry)| (name.clone(), entry.condition())).collect()
    }

    pub(super) fn started(&self, projection: &str, lanes: Vec<watch::Receiver<Status>>) {
        self.entry(projection, |entry| entry.lanes = lanes);
    }

    pub(super) fn stopped(&self, projection: &str, reason: String) {
        self.entry(projection, |entry| entry.stopped = Some(reason));
    }

    fn entry(&self, projection: &str, change: impl FnOnce(&mut Entry)) {
        let mut projections = self.projections.lock().unwrap_or_else(PoisonError::into_inner);
        change(projections.entry(projection.to_owned()).or_default());
    }
}

impl Entry {
    fn condition(&self) -> Condition {
        let mut condition = Condition { stopped: self.stopped.clone(), ..Condition::default() };
        for lane in &self.lanes {
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
