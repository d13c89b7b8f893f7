//! What the commands that act on an installation share: they find projections, change records by compare-and-set, and
//! turn refusals into errors with their exit codes.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::app;
use crate::cli::UserError;
use crate::control::{
    self, Change, Deployment, Entry, Generation, Outcome, Reached, Recorded, Refusal, Registry, Snapshot,
};
use crate::lane::chain;
use crate::store::redis::RedisRegistry;

/// How often a change is tried again when somebody else was faster.
const TRIES: usize = 20;

/// An operator at work on an installation.
#[derive(Clone)]
pub(crate) struct Operator {
    pub(crate) registry: RedisRegistry,
    who: String,
}

/// A step to make: the record as it is to be, what must hold, and what the history says of it.
pub(crate) struct Step {
    pub(crate) after: Option<Deployment>,
    pub(crate) reached: Option<Reached>,
    pub(crate) what: String,
}

impl Step {
    pub(crate) fn to(after: Deployment, what: impl Into<String>) -> Self {
        Self { after: Some(after), reached: None, what: what.into() }
    }
}

impl Operator {
    pub(crate) fn new(registry: RedisRegistry) -> Self {
        let user =
            std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_else(|_| "someone".into());
        Self { registry, who: format!("{user}@{}", app::machine()) }
    }

    /// Who this is, as the history names them.
    pub(crate) fn who(&self) -> &str {
        &self.who
    }

    /// All records.
    pub(crate) async fn snapshot(&self) -> Result<Snapshot, UserError> {
        self.registry.load().await.map_err(|e| failure(&e))
    }

    /// All records, among which one must be of this name.
    pub(crate) async fn find(&self, name: &str) -> Result<(Snapshot, Arc<Recorded>), UserError> {
        let snapshot = self.snapshot().await?;
        match snapshot.deployments.get(name) {
            Some(recorded) => {
                let recorded = recorded.clone();
                Ok((snapshot, recorded))
            }
            None => Err(missing(name, &snapshot)),
        }
    }

    /// The plugin that a generation of a projection runs.
    pub(crate) async fn module(&self, projection: &str, generation: &Generation) -> Result<Vec<u8>, UserError> {
        let bytes = self.registry.module(&generation.module).await.map_err(|e| failure(&e))?;
        bytes.ok_or_else(|| {
            let message = format!("Redis does not have module {} of projection `{projection}`", generation.module);
            UserError::failure(message, "deploy its file again")
        })
    }

    /// Makes a step of one projection, computed from its record as it is: again, if somebody else was faster. Gives the
    /// record before and after, and what the step came to.
    pub(crate) async fn change(
        &self,
        name: &str,
        action: &str,
        step: impl Fn(&Deployment, &Snapshot) -> Result<Step, Refusal>,
    ) -> Result<(Deployment, Option<Deployment>, Outcome), UserError> {
        for _ in 0..TRIES {
            let (snapshot, before) = self.find(name).await?;
            let Step { after, reached, what } = step(&before.deployment, &snapshot).map_err(refused)?;
            let entry = self.entry(name, action, what);
            let change = Change { before: Some(before.clone()), after: after.clone(), reached, entry };
            match self.registry.change(&change).await.map_err(|e| failure(&e))? {
                Outcome::Changed => {}
                outcome => return Ok((before.deployment.clone(), after, outcome)),
            }
        }
        Err(contended(name))
    }

    /// Removes the keys of dropped generations now, rather than leaving that to the hosts; and modules that nobody uses.
    pub(crate) async fn sweep(&self, name: &str) -> Result<(), UserError> {
        loop {
            let snapshot = self.snapshot().await?;
            let Some(recorded) = snapshot.deployments.get(name) else { break };
            let deployment = &recorded.deployment;
            let (after, what) = match deployment.to_be_swept() {
                Some(number) => {
                    if !self.registry.sweep(recorded, number).await.map_err(|e| failure(&e))? {
                        continue;
                    }
                    (Some(control::steps::swept(deployment, number)), format!("generation {number} is removed"))
                }
                None if deployment.removing => (None, "it is gone".to_owned()),
                None => break,
            };
            let entry = self.entry(name, "sweep", what);
            let change = Change { before: Some(recorded.clone()), after, reached: None, entry };
            self.registry.change(&change).await.map_err(|e| failure(&e))?;
        }
        self.registry.drop_modules().await.map_err(|e| failure(&e))?;
        Ok(())
    }

    /// What the history is to say of an action.
    pub(crate) fn entry(&self, name: &str, action: &str, what: String) -> Entry {
        Entry { who: self.who.clone(), action: action.to_owned(), projection: name.to_owned(), what }
    }
}

/// The generation that readers read.
pub(crate) fn live(deployment: &Deployment) -> Result<&Generation, UserError> {
    deployment.live().ok_or_else(|| {
        let message = format!("projection `{}` is being undeployed", deployment.name);
        UserError::failure(message, "`lantern list` shows what is deployed")
    })
}

/// The records of a snapshot by name, without how they were read.
pub(crate) fn deployments(snapshot: &Snapshot) -> BTreeMap<String, &Deployment> {
    snapshot.deployments.iter().map(|(name, recorded)| (name.clone(), &recorded.deployment)).collect()
}

pub(crate) fn failure(error: &control::Error) -> UserError {
    UserError::failure(chain(error), error.hint()).for_lack_of(error.missed())
}

pub(crate) fn refused(refusal: Refusal) -> UserError {
    UserError::refused(refusal.reason, refusal.hint)
}

pub(crate) fn contended(name: &str) -> UserError {
    UserError::failure(
        format!("projection `{name}` is being changed by others all the time"),
        "see `lantern history` for who does it, and try again",
    )
}

/// The name that is most like another, if one is.
pub(crate) fn nearest<'a>(name: &str, names: impl IntoIterator<Item = &'a String>) -> Option<&'a String> {
    let distance = |other: &String| strsim::damerau_levenshtein(name, other);
    let (distance, nearest) = names.into_iter().map(|other| (distance(other), other)).min()?;
    (distance <= name.chars().count().div_ceil(3)).then_some(nearest)
}

fn missing(name: &str, snapshot: &Snapshot) -> UserError {
    let hint = match nearest(name, snapshot.deployments.keys()) {
        Some(other) => format!("did you mean `{other}`?"),
        None if !snapshot.deployments.is_empty() => "`lantern list` shows what is deployed".to_owned(),
        None => "nothing is deployed yet: `lantern deploy FILE.wasm`".to_owned(),
    };
    UserError::missing(format!("there is no projection `{name}`"), hint)
}
