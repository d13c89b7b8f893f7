//! Keeps the records at hand as they were last read, and writes them back when the store has lost everything: hosts that
//! are alive are the memory of an installation.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::Instant;

use crate::control::{
    Change, Deployment, Entry, Error, FaultAt, Installation, Outcome, Reached, Recorded, Registry, Snapshot, Stage,
};

/// How often what is lost is written back before a host takes the records as they are.
const RESTORES: usize = 3;

/// What the store has lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loss {
    /// All of it.
    Everything,
    /// The last changes of records, by a failover.
    Changes,
    /// Only how the source is written down: it is described anew.
    Description,
}

/// The records as this host knows them.
pub(super) struct Keeper<C> {
    registry: C,
    host: String,
    /// What this host writes down in a store that has no installation.
    installation: Installation,
    snapshot: Snapshot,
    /// When the snapshot was asked for.
    asked: Instant,
    /// Whether the snapshot says something else than when that was last told.
    has_changed: bool,
    /// Faults that could not be noted yet.
    unnoted: BTreeMap<FaultAt, String>,
}

impl<C: Registry> Keeper<C> {
    pub(super) fn new(registry: C, host: String, installation: Installation) -> Self {
        let (snapshot, asked) = (Snapshot::default(), Instant::now());
        Self { registry, host, installation, snapshot, asked, has_changed: true, unnoted: BTreeMap::new() }
    }

    pub(super) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// When the snapshot was asked for: what it says is as of then, or a little later.
    pub(super) fn asked(&self) -> Instant {
        self.asked
    }

    pub(super) fn installation(&self) -> &Installation {
        &self.installation
    }

    /// Reads the records anew, and says whether there are others. `files` are the modules at hand, should they have to be
    /// written back.
    pub(super) async fn refresh(&mut self, files: &BTreeMap<String, Vec<u8>>) -> Result<bool, Error> {
        let asked = Instant::now();
        let found = self.registry.load().await?;
        self.take_in(files, asked, found).await
    }

    /// Takes in records that were found, after writing back what is lost.
    async fn take_in(
        &mut self,
        files: &BTreeMap<String, Vec<u8>>,
        mut asked: Instant,
        mut found: Snapshot,
    ) -> Result<bool, Error> {
        let mut tries = 0;
        while let Some(loss) = self.loss(&found).filter(|_| tries < RESTORES) {
            tries += 1;
            // What was found may have been read in part before the loss, and then would not be missed.
            found = self.registry.load().await?;
            let has_written = self.restore(files, &found, loss).await?;
            // What was written back may be lost again before it is read.
            self.snapshot.changes = found.changes + u64::from(has_written);
            self.installation = self.registry.found(&self.installation).await?;
            asked = Instant::now();
            found = self.registry.load().await?;
        }
        self.has_changed |= !self.snapshot.says_the_same(&found) || !self.unnoted.is_empty();
        (self.snapshot, self.asked) = (found, asked);
        self.note_all().await?;
        Ok(std::mem::take(&mut self.has_changed))
    }

    /// What the store has lost since the last look, as far as can be told from its records.
    fn loss(&self, found: &Snapshot) -> Option<Loss> {
        match &found.installation {
            // If there is another installation, a host that came after the loss has been faster.
            Some(installation) if installation.id != self.installation.id => Some(Loss::Everything),
            None => Some(Loss::Everything),
            Some(_) if found.changes < self.snapshot.changes => Some(Loss::Changes),
            Some(installation) if *installation != self.installation => Some(Loss::Description),
            Some(_) => None,
        }
    }

    /// Writes back the deployments that are known and not there, unless another host has been faster. Says whether either has
    /// changed records.
    async fn restore(
        &self,
        files: &BTreeMap<String, Vec<u8>>,
        found: &Snapshot,
        loss: Loss,
    ) -> Result<bool, Error> {
        let (known, now) = (&self.snapshot.deployments, found.now);
        let lost: Vec<_> = known.iter().filter(|(name, _)| !found.deployments.contains_key(*name)).collect();
        match loss {
            _ if lost.is_empty() => return Ok(false),
            Loss::Description => return Ok(false),
            Loss::Everything => tracing::warn!("Redis has lost everything; writing the deployments back"),
            Loss::Changes => tracing::warn!("Redis has lost deployments that it had; writing them back"),
        }
        for (digest, bytes) in files {
            self.registry.keep_module(digest, bytes).await?;
        }
        let mut has_written = false;
        for (_, recorded) in lost {
            let mut after = recorded.deployment.clone();
            after.version += 1;
            after.moving = None;
            // What stood still has nothing to come back from.
            after.generations.retain(|_, g| matches!(g.stage, Stage::Live | Stage::Building | Stage::Held));
            for generation in after.generations.values_mut() {
                (generation.built, generation.begun, generation.frozen) = (None, now, false);
                (generation.until, generation.topic_ids) = (BTreeMap::new(), BTreeMap::new());
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
                what: match loss {
                    Loss::Changes => "written back by a host, for Redis had lost it".into(),
                    _ => "written back by a host, for Redis had lost everything".into(),
                },
            };
            self.registry.change(&Change { before: None, after: Some(after), reached: None, entry }).await?;
            has_written = true;
        }
        Ok(has_written)
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
        before: &Arc<Recorded>,
        after: Option<Deployment>,
        reached: Option<Reached>,
        (action, what): (&str, String),
    ) -> Result<Outcome, Error> {
        let projection = before.deployment.name.clone();
        let entry = Entry { who: self.host.clone(), action: action.into(), projection, what };
        self.registry.change(&Change { before: Some(before.clone()), after, reached, entry }).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::example;
    use crate::store::memory::{Memory, MemoryRegistry};

    const NAME: &str = "p";

    fn installation(id: &str) -> Installation {
        Installation { id: id.to_owned(), source: "log".to_owned() }
    }

    fn keeper(registry: &MemoryRegistry, id: &str) -> Keeper<MemoryRegistry> {
        Keeper::new(registry.clone(), "host".to_owned(), installation(id))
    }

    async fn change(registry: &MemoryRegistry, before: Option<Arc<Recorded>>, after: Option<Deployment>) {
        let entry = Entry {
            who: "somebody".to_owned(),
            action: "test".to_owned(),
            projection: NAME.to_owned(),
            what: String::new(),
        };
        let outcome = registry.change(&Change { before, after, reached: None, entry }).await;
        assert!(matches!(outcome, Ok(Outcome::Done)), "{outcome:?}");
    }

    async fn refresh(keeper: &mut Keeper<MemoryRegistry>) -> bool {
        keeper.refresh(&BTreeMap::new()).await.expect("memory is never away")
    }

    /// A host that knows of a projection.
    async fn knowing(memory: &Memory) -> (MemoryRegistry, Keeper<MemoryRegistry>) {
        let registry = memory.registry();
        let mut keeper = keeper(&registry, "one");
        refresh(&mut keeper).await;
        change(&registry, None, Some(example::live(NAME, "t"))).await;
        assert!(refresh(&mut keeper).await);
        (registry, keeper)
    }

    #[tokio::test]
    async fn says_whether_the_records_are_others() {
        let memory = Memory::default();
        let (registry, mut keeper) = knowing(&memory).await;
        assert!(!refresh(&mut keeper).await, "they are as they were");
        let at = FaultAt { projection: NAME.to_owned(), generation: 1, share: "0".to_owned() };
        registry.note_fault(&at, Some("poison")).await.unwrap();
        assert!(refresh(&mut keeper).await, "a fault is news");
        registry.note_fault(&at, None).await.unwrap();
        assert!(refresh(&mut keeper).await, "and so is that it is gone");
        let before = keeper.snapshot().deployments[NAME].clone();
        let paused = Deployment { paused: true, version: 2, ..before.deployment.clone() };
        change(&registry, Some(before), Some(paused)).await;
        assert!(refresh(&mut keeper).await);
        assert!(!refresh(&mut keeper).await);
    }

    #[tokio::test]
    async fn what_was_written_back_may_be_lost_again() {
        let memory = Memory::default();
        let (registry, mut keeper) = knowing(&memory).await;
        memory.flush();
        // A host that has just been started comes first, and knows nothing.
        let mut other = self::keeper(&registry, "another");
        refresh(&mut other).await;
        let replicated = memory.keep();
        refresh(&mut keeper).await;
        assert!(memory.deployment(NAME).is_some(), "it is written back");
        // A failover to a replica that had got no further.
        memory.go_back(&replicated);
        refresh(&mut keeper).await;
        assert!(memory.deployment(NAME).is_some(), "it is written back once more");
    }

    #[tokio::test]
    async fn what_is_lost_while_it_is_read_comes_back() {
        let memory = Memory::default();
        let (registry, mut keeper) = knowing(&memory).await;
        let read = registry.load().await.unwrap();
        memory.flush();
        // The records were read before, and the installation once more after.
        let mixed = Snapshot { installation: None, changes: 0, ..read };
        keeper.take_in(&BTreeMap::new(), Instant::now(), mixed).await.unwrap();
        assert!(memory.deployment(NAME).is_some());
    }

    #[tokio::test]
    async fn a_deployment_that_a_failover_has_lost_comes_back() {
        let memory = Memory::default();
        let registry = memory.registry();
        let mut keeper = keeper(&registry, "one");
        refresh(&mut keeper).await;
        let replicated = memory.keep();
        change(&registry, None, Some(example::live(NAME, "t"))).await;
        refresh(&mut keeper).await;
        memory.go_back(&replicated);
        refresh(&mut keeper).await;
        assert!(memory.deployment(NAME).is_some());
    }

    #[tokio::test]
    async fn what_an_operator_has_removed_stays_away() {
        let memory = Memory::default();
        let (registry, mut keeper) = knowing(&memory).await;
        let before = keeper.snapshot().deployments[NAME].clone();
        change(&registry, Some(before), None).await;
        refresh(&mut keeper).await;
        assert_eq!(memory.deployment(NAME), None);
    }
}
