//! Keeps the records at hand as they were last read, and writes them back when the store has lost everything: hosts that
//! are alive are the memory of an installation.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::control::{
    Change, Deployment, Entry, Error, FaultAt, Installation, Outcome, Reached, Recorded, Registry, Snapshot, Stage,
};

/// The records as this host knows them.
pub(super) struct Keeper<C> {
    registry: C,
    host: String,
    /// What this host writes down in a store that has no installation.
    installation: Installation,
    snapshot: Snapshot,
    /// Faults that could not be noted yet.
    unnoted: BTreeMap<FaultAt, String>,
}

impl<C: Registry> Keeper<C> {
    pub(super) fn new(registry: C, host: String, installation: Installation) -> Self {
        Self { registry, host, installation, snapshot: Snapshot::default(), unnoted: BTreeMap::new() }
    }

    pub(super) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    pub(super) fn installation(&self) -> &Installation {
        &self.installation
    }

    /// Reads the records anew. `files` are the modules at hand, should they have to be written back.
    pub(super) async fn refresh(&mut self, files: &BTreeMap<String, Vec<u8>>) -> Result<(), Error> {
        let mut found = self.registry.load().await?;
        if found.installation.as_ref() != Some(&self.installation) {
            // A host that was new may have been there before this one, and have begun an installation of its own.
            let is_bare = found.installation.is_none() || found.deployments.is_empty();
            if is_bare && !self.snapshot.deployments.is_empty() {
                tracing::warn!("Redis has lost everything; writing the deployments back");
                self.restore(files, found.now).await?;
            }
            self.installation = self.registry.found(&self.installation).await?;
            found = self.registry.load().await?;
        }
        self.snapshot = found;
        self.note_all().await
    }

    /// Writes back what is known, unless another host has been faster.
    async fn restore(&self, files: &BTreeMap<String, Vec<u8>>, now: i64) -> Result<(), Error> {
        for (digest, bytes) in files {
            self.registry.keep_module(digest, bytes).await?;
        }
        for Recorded { deployment, .. } in self.snapshot.deployments.values() {
            let mut after = deployment.clone();
            after.version += 1;
            after.moving = None;
            // What stood still has nothing to come back from.
            after.generations.retain(|_, g| matches!(g.stage, Stage::Live | Stage::Building | Stage::Held));
            for generation in after.generations.values_mut() {
                (generation.built, generation.begun, generation.frozen) = (None, now, false);
                generation.until = BTreeMap::new();
                if generation.stage == Stage::Held {
                    generation.stage = Stage::Building;
                }
            }
            if after.removing || after.live().is_none() {
                continue;
            }
            let entry = Entry {
                who: self.host.clone(),
                action: "restore".into(),
                projection: after.name.clone(),
                what: "written back by a host, for Redis had lost everything".into(),
            };
            self.registry.change(&Change { before: None, after: Some(after), reached: None, entry }).await?;
        }
        Ok(())
    }

    /// Notes that a lane can't go on; as soon as the store takes it, for every host and for later.
    pub(super) fn fault(&mut self, at: FaultAt, reason: String) {
        self.snapshot.faults.insert(at.clone(), reason.clone());
        self.unnoted.insert(at, reason);
    }

    pub(super) async fn note_all(&mut self) -> Result<(), Error> {
        while let Some((at, reason)) = self.unnoted.first_key_value() {
            self.registry.note_fault(at, Some(reason)).await?;
            let (at, reason) = self.unnoted.pop_first().expect("it was there a moment ago");
            self.snapshot.faults.insert(at, reason);
        }
        Ok(())
    }

    /// What it takes to act on the records as they are now, beside everything else.
    pub(super) fn hand(&self) -> Hand<C> {
        let (registry, host) = (self.registry.clone(), self.host.clone());
        Hand { registry, host, snapshot: Arc::new(self.snapshot.clone()) }
    }
}

/// Acts on records as they were read at one moment; if they are not so any more, nothing happens.
#[derive(Clone)]
pub(super) struct Hand<C> {
    pub(super) registry: C,
    host: String,
    snapshot: Arc<Snapshot>,
}

impl<C: Registry> Hand<C> {
    pub(super) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Makes a change to a record of the snapshot; whatever comes of it is in the next snapshot.
    pub(super) async fn change(
        &self,
        before: &Recorded,
        after: Option<Deployment>,
        reached: Option<Reached>,
        (action, what): (&str, String),
    ) -> Result<Outcome, Error> {
        let projection = before.deployment.name.clone();
        let entry = Entry { who: self.host.clone(), action: action.into(), projection, what };
        self.registry.change(&Change { before: Some(before.clone()), after, reached, entry }).await
    }
}
