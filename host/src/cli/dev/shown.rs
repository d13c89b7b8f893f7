//! The projections that are shown, as they are at present: a change of a plugin may change their views and topics.

use std::collections::BTreeSet;

use tokio::sync::watch;

use crate::cli::UserError;
use crate::cli::operate::Operator;
use crate::control::Deployment;
use crate::projection::Projection;

/// The projections of these names.
pub(super) struct Shown {
    names: BTreeSet<String>,
    live: watch::Sender<Vec<Projection>>,
}

impl Shown {
    pub(super) fn new(names: &BTreeSet<String>) -> Self {
        Self { names: names.clone(), live: watch::Sender::default() }
    }

    /// Reads from the records what they are now.
    pub(super) async fn refresh(&self, operator: &Operator) -> Result<(), UserError> {
        let snapshot = operator.snapshot().await?;
        let deployed = snapshot.deployments.values().map(|recorded| &recorded.deployment);
        let deployed = deployed.filter(|deployment| self.names.contains(&deployment.name));
        let live = |d: &Deployment| d.live().map(|generation| d.projection(d.live, generation));
        self.live.send_replace(deployed.filter_map(live).collect());
        Ok(())
    }

    /// What they are now, in the order of their names.
    pub(super) fn now(&self) -> Vec<Projection> {
        self.live.borrow().clone()
    }
}
