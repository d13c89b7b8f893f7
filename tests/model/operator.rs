//! The operator: does what the commands do, on a line on which nothing goes wrong.

use std::collections::BTreeMap;
use std::sync::Arc;

use lantern::control::{
    Beginning, Change, Deployment, Entry, Outcome, Reached, Rebuild, Recorded, Registry, Snapshot, Wanted, plan,
    steps,
};

use super::plugin::description;
use super::schedule::Order;
use super::world::World;

/// The projection's name.
pub const NAME: &str = "p";

/// The bytes of a revision's module; there are several of each.
pub fn module(revision: u32, build: char) -> Vec<u8> {
    format!("module-{revision}{build}").into_bytes()
}

/// Reads the revision of a module.
pub fn revision(bytes: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(bytes).ok()?.strip_prefix("module-")?;
    text.get(..text.len() - 1)?.parse().ok()
}

impl World {
    /// Does what the operator wants, if it can be done now.
    pub async fn obey(&self, order: Order) {
        let snapshot = self.registry.load().await.expect("memory is always there");
        let before = snapshot.deployments.get(NAME);
        let made = match order {
            Order::Deploy { revision, build } => self.deploy(&snapshot, revision, build).await,
            _ => match before {
                Some(before) => self.change(&snapshot, before, order).await,
                None => None,
            },
        };
        self.note(|| {
            format!("operator: {order:?}: {}", made.as_ref().map_or("refused".into(), Outcome::to_string))
        });
        if made == Some(Outcome::Done) {
            self.count(match order {
                Order::Deploy { .. } => "records: deployed",
                Order::Rebuild { .. } => "records: rebuilt",
                Order::Promote => "records: promoted",
                Order::Cancel => "records: cancelled",
                Order::Rollback => "records: rolled back",
                Order::Pause => "records: paused",
                Order::Resume => "records: resumed",
                Order::Undeploy => "records: undeployed",
                Order::Retire => "records: retired",
            });
            self.check_all();
        }
    }

    async fn deploy(&self, snapshot: &Snapshot, revision: u32, build: char) -> Option<Outcome> {
        let bytes = module(revision, build);
        let digest = String::from_utf8_lossy(&bytes).into_owned();
        let wanted = Wanted {
            name: NAME.into(),
            module: digest.clone(),
            description: description(&self.shape, revision),
            topics: None,
            prefix: None,
            from: Beginning::Earliest,
            starts: BTreeMap::new(),
            on_error: None,
            limits: None,
            max_parked: None,
            config: None,
            keep_old_seconds: None,
            allow_loss: true,
            anew: false,
            rebuild: Rebuild::default(),
        };
        let deployments = snapshot.deployments.iter().map(|(name, recorded)| (name.clone(), &recorded.deployment));
        let plan = plan(&wanted, &deployments.collect(), snapshot.now).ok()?;
        self.registry.keep_module(&digest, &bytes).await.expect("memory is always there");
        self.make(snapshot.deployments.get(NAME), Some(plan.after), None).await
    }

    async fn change(&self, snapshot: &Snapshot, before: &Arc<Recorded>, order: Order) -> Option<Outcome> {
        let (present, now) = (&before.deployment, snapshot.now);
        let (after, reached) = match order {
            Order::Deploy { .. } => return None,
            Order::Rebuild { hold, verify, chunked, slowly, in_place } => {
                let way = Rebuild { hold, verify, chunked, rate: slowly.then_some(50) };
                (steps::rebuild(present, steps::again(present, way)?, in_place, now).ok()?, None)
            }
            Order::Promote => (steps::promote(present, now).ok()?, next_reaches_live(present)),
            Order::Cancel => (steps::cancel(present).ok()?, None),
            Order::Rollback => (steps::rollback(present, now).ok()?, None),
            Order::Pause => (steps::pause(present).ok()?, None),
            Order::Resume => (steps::resume(present).ok()?, None),
            Order::Undeploy => (steps::undeploy(present, false).ok()?, None),
            Order::Retire => (steps::retire(present)?, None),
        };
        let outcome = self.make(Some(before), Some(after), reached).await?;
        let to = match order {
            Order::Promote => present.next(),
            Order::Rollback => present.old(),
            _ => None,
        };
        match (&outcome, to) {
            (Outcome::TooMany { .. }, Some((number, _))) => {
                self.make(Some(before), Some(steps::move_in(present, number).ok()?), reached).await
            }
            _ => Some(outcome),
        }
    }

    async fn make(
        &self,
        before: Option<&Arc<Recorded>>,
        after: Option<Deployment>,
        reached: Option<Reached>,
    ) -> Option<Outcome> {
        let entry = Entry { who: "operator".into(), projection: NAME.into(), ..Entry::default() };
        let change = Change { before: before.cloned(), after, reached, entry };
        Some(self.registry.change(&change).await.expect("memory is always there"))
    }
}

fn next_reaches_live(present: &Deployment) -> Option<Reached> {
    present.next().map(|(number, _)| Reached { by: number, of: present.live })
}
