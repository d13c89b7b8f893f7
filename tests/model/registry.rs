//! The records as a host reaches them.

use std::collections::BTreeMap;

use lantern::control::{
    Change, Deployment, Error, FaultAt, HostReport, Installation, Outcome, Recorded, Registry, Snapshot,
};
use lantern::store::Checkpoint;
use tokio::sync::watch;

use super::line::{Line, registry_away};
use super::schedule::Fault;

impl Line {
    async fn reaches_records(&self) -> Result<(), Error> {
        if self.reaches_store().await { Ok(()) } else { Err(registry_away()) }
    }
}

impl Registry for Line {
    async fn load(&self) -> Result<Snapshot, Error> {
        self.reaches_records().await?;
        let loaded = self.world.registry.load().await;
        self.thawed().await;
        loaded
    }

    async fn change(&self, change: &Change) -> Result<Outcome, Error> {
        self.reaches_records().await?;
        let fault = self.disarm(|fault| matches!(fault, Fault::ChangeLost | Fault::ChangeReplyLost));
        if matches!(fault, Some(Fault::ChangeLost)) {
            self.world.count("faults: change lost");
            return Err(registry_away());
        }
        let outcome = self.world.registry.change(change).await?;
        self.note(|| format!("{}, {}: {outcome}", change.entry.action, change.entry.what));
        if outcome == Outcome::Done {
            self.world.count_change(change);
            self.world.check_all();
        }
        self.thawed().await;
        if fault.is_some() {
            self.world.count("faults: reply of a change lost");
            return Err(registry_away());
        }
        Ok(outcome)
    }

    async fn listen(&self, told: watch::Sender<u64>) {
        self.world.registry.listen(told).await;
    }

    async fn module(&self, digest: &str) -> Result<Option<Vec<u8>>, Error> {
        self.reaches_records().await?;
        self.world.registry.module(digest).await
    }

    async fn keep_module(&self, digest: &str, bytes: &[u8]) -> Result<(), Error> {
        self.reaches_records().await?;
        self.world.registry.keep_module(digest, bytes).await
    }

    async fn drop_modules(&self) -> Result<u64, Error> {
        self.reaches_records().await?;
        self.world.registry.drop_modules().await
    }

    async fn lanes(&self, projection: &str, generation: u64) -> Result<BTreeMap<String, Checkpoint>, Error> {
        self.reaches_records().await?;
        self.world.registry.lanes(projection, generation).await
    }

    async fn note_fault(&self, at: &FaultAt, fault: Option<&str>) -> Result<(), Error> {
        if let Some(fault) = fault {
            self.world.fail(format!("nothing is wrong with the plugin, but {at:?} has stopped: {fault}"));
        }
        self.reaches_records().await?;
        self.world.registry.note_fault(at, fault).await
    }

    async fn sweep(&self, recorded: &Recorded, generation: u64) -> Result<bool, Error> {
        self.reaches_records().await?;
        let swept = self.world.registry.sweep(recorded, generation).await;
        self.thawed().await;
        swept
    }

    async fn move_some(&self, recorded: &Recorded) -> Result<Option<u64>, Error> {
        self.reaches_records().await?;
        let moved = self.world.registry.move_some(recorded).await?;
        if moved.is_some_and(|moved| moved > 0) {
            self.world.count("records: moved in chunks");
        }
        Ok(moved)
    }

    async fn compare(&self, deployment: &Deployment, generations: (u64, u64)) -> Result<Option<String>, Error> {
        self.reaches_records().await?;
        self.world.registry.compare(deployment, generations).await
    }

    async fn hosts(&self) -> Result<Vec<HostReport>, Error> {
        self.reaches_records().await?;
        self.world.registry.hosts().await
    }

    async fn beat(&self, report: &HostReport) -> Result<(), Error> {
        self.reaches_records().await?;
        self.world.registry.beat(report).await
    }

    async fn leave(&self, host: &str) -> Result<(), Error> {
        self.reaches_records().await?;
        self.world.registry.leave(host).await
    }

    async fn found(&self, installation: &Installation) -> Result<Installation, Error> {
        self.reaches_records().await?;
        self.world.registry.found(installation).await
    }
}
