//! The records of the control plane in memory.

use std::collections::BTreeMap;
use std::pin::pin;

use tokio::sync::watch;

use super::Memory;
use crate::control::{
    Change, Deployment, Entry, Error, FaultAt, HostReport, Installation, Outcome, Recorded, Registry, Snapshot,
};
use crate::store::Checkpoint;

/// How long a host counts as alive after its last report, in milliseconds.
const ALIVE: i64 = 5_000;
/// Structures of keyed views that one change may move, unless told otherwise.
const KEYED_MAX: u64 = 10_000;

/// The records in a [`Memory`].
#[derive(Clone, Debug)]
pub struct MemoryRegistry {
    pub(super) memory: Memory,
    /// Structures of keyed views that one change, or one step of a cutover in chunks, may move.
    pub(super) keyed_max: u64,
}

impl MemoryRegistry {
    pub(super) fn new(memory: Memory) -> Self {
        Self { memory, keyed_max: KEYED_MAX }
    }

    /// With another limit of the structures of keyed views that one change may move.
    pub fn with_keyed_max(self, keyed_max: u64) -> Self {
        Self { keyed_max, ..self }
    }

    /// What was done, and when by its own clock, in milliseconds.
    pub fn history(&self) -> Vec<(i64, Entry)> {
        self.memory.lock().history.clone()
    }

    pub(super) fn tell(&self) {
        self.memory.changes.notify_waiters();
    }
}

impl Registry for MemoryRegistry {
    async fn load(&self) -> Result<Snapshot, Error> {
        let content = self.memory.lock();
        Ok(Snapshot {
            installation: content.installation.clone(),
            deployments: content.records.clone(),
            changes: content.changes,
            faults: content.faults.clone(),
            now: self.memory.now(),
        })
    }

    async fn change(&self, change: &Change) -> Result<Outcome, Error> {
        Ok(self.make(change))
    }

    async fn listen(&self, told: watch::Sender<u64>) {
        let mut change = pin!(self.memory.changes.notified());
        loop {
            change.as_mut().await;
            // Whatever comes from now on is heard.
            change.set(self.memory.changes.notified());
            told.send_modify(|number| *number += 1);
        }
    }

    async fn module(&self, digest: &str) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.memory.lock().modules.get(digest).cloned())
    }

    async fn keep_module(&self, digest: &str, bytes: &[u8]) -> Result<(), Error> {
        self.memory.lock().modules.entry(digest.to_owned()).or_insert_with(|| bytes.to_owned());
        Ok(())
    }

    async fn drop_modules(&self) -> Result<u64, Error> {
        let mut content = self.memory.lock();
        let before = content.modules.len();
        let mut modules = std::mem::take(&mut content.modules);
        modules.retain(|digest, _| content.records.values().any(|recorded| recorded.text.contains(digest)));
        content.modules = modules;
        Ok((before - content.modules.len()) as u64)
    }

    async fn lanes(&self, projection: &str, generation: u64) -> Result<BTreeMap<String, Checkpoint>, Error> {
        let content = self.memory.lock();
        let lanes = content.lanes.get(&(projection.into(), generation)).into_iter().flatten();
        Ok(lanes.map(|(share, lane)| (share.clone(), lane.checkpoint.clone())).collect())
    }

    async fn note_fault(&self, at: &FaultAt, fault: Option<&str>) -> Result<(), Error> {
        let mut content = self.memory.lock();
        match fault {
            Some(fault) => drop(content.faults.insert(at.clone(), fault.to_owned())),
            None => drop(content.faults.remove(at)),
        }
        drop(content);
        self.tell();
        Ok(())
    }

    async fn sweep(&self, recorded: &Recorded, number: u64) -> Result<bool, Error> {
        let deployment = &recorded.deployment;
        let Some(generation) = deployment.generations.get(&number) else { return Ok(true) };
        let mut content = self.memory.lock();
        if content.record(recorded).is_none() {
            return Ok(false);
        }
        for view in &generation.views {
            let name = format!("{}{}", generation.prefix, view.name).into_bytes();
            if !view.keyed {
                content.structures.remove(&name);
                continue;
            }
            let keys = content.keys.remove(&((deployment.name.as_str().into(), number), view.name.clone()));
            for key in keys.into_iter().flatten() {
                content.structures.remove(&[&*name, b":", &*key].concat());
            }
        }
        Ok(true)
    }

    async fn move_some(&self, recorded: &Recorded) -> Result<Option<u64>, Error> {
        Ok(self.move_chunk(recorded))
    }

    async fn compare(&self, deployment: &Deployment, generations: (u64, u64)) -> Result<Option<String>, Error> {
        Ok(self.compare_views(deployment, generations))
    }

    async fn hosts(&self) -> Result<Vec<HostReport>, Error> {
        let mut content = self.memory.lock();
        let now = self.memory.now();
        content.hosts.retain(|_, (at, _)| now - *at < ALIVE);
        Ok(content.hosts.values().map(|(_, report)| report.clone()).collect())
    }

    async fn beat(&self, report: &HostReport) -> Result<(), Error> {
        let now = self.memory.now();
        self.memory.lock().hosts.insert(report.id.clone(), (now, report.clone()));
        Ok(())
    }

    async fn leave(&self, host: &str) -> Result<(), Error> {
        self.memory.lock().hosts.remove(host);
        Ok(())
    }

    async fn found(&self, installation: &Installation) -> Result<Installation, Error> {
        let mut content = self.memory.lock();
        let found = content.installation.get_or_insert_with(|| installation.clone());
        found.source.clone_from(&installation.source);
        Ok(found.clone())
    }
}
