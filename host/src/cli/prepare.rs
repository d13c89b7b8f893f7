//! Preparing a deployment: reads the plugin, says what deploying it comes to, and makes it so. What `deploy`, `apply`,
//! `run` and `dev` have in common.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::operate::{Operator, contended, deployments, failure, refused};
use super::{UserError, history};
use crate::app::{AnySource, Plugin, Workshop};
use crate::control::{Beginning, Built, Change, Deployment, Entry, Generation, Kind, OnError, Outcome, Plan};
use crate::control::{Rebuild, Recorded, Registry, Snapshot, Wanted, plan};
use crate::lane::chain;
use crate::limits;
use crate::projection::View;

/// How often a deployment is planned anew when somebody else was faster.
const TRIES: usize = 20;

/// What is to be deployed.
#[derive(Clone, Debug, Default)]
pub(super) struct Request {
    /// None for the name that the plugin suggests.
    pub(super) name: Option<String>,
    pub(super) file: PathBuf,
    pub(super) topics: Topics,
    pub(super) prefix: Option<String>,
    pub(super) from: Beginning,
    pub(super) on_error: Option<OnError>,
    pub(super) max_parked: Option<u64>,
    pub(super) config: Setting,
    pub(super) limits: Setting<u64>,
    pub(super) keep_old_seconds: Option<u64>,
    pub(super) allow_loss: bool,
    /// Whether a rebuild may begin where history was cut off.
    pub(super) from_earliest: bool,
    /// Whether another module means a rebuild although its revision is the same.
    pub(super) anew: bool,
    pub(super) rebuild: Rebuild,
}

/// Which topics are to be read.
#[derive(Clone, Debug, Default)]
pub(super) enum Topics {
    /// Those that it reads now; at first those that the plugin names.
    #[default]
    AsBefore,
    /// Those that the plugin names.
    Declared,
    /// These, in that order.
    These(Vec<String>),
}

/// What becomes of a plugin's configuration, or of its limits.
#[derive(Clone, Debug)]
pub(super) enum Setting<V = String> {
    /// These values are set, and those without a value removed; the others stay.
    Some(BTreeMap<String, Option<V>>),
    /// These are all there are.
    All(BTreeMap<String, V>),
}

impl<V> Default for Setting<V> {
    fn default() -> Self {
        Setting::Some(BTreeMap::new())
    }
}

/// A deployment that is planned, and can be made so.
pub(super) struct Prepared {
    pub(super) plan: Plan,
    /// Events that are to be applied from the first one on, if any are and it is known how many.
    pub(super) replay: Option<u64>,
    /// Why that is not known, or what the views will lack, though it is no reason not to deploy.
    pub(super) doubt: Option<String>,
    plugin: Plugin,
    before: Option<Arc<Recorded>>,
}

/// Whoever prepares deployments.
#[derive(Clone, Copy)]
pub(super) struct Preparer<'a> {
    pub(super) operator: &'a Operator,
    pub(super) workshop: &'a Workshop,
    pub(super) source: Option<&'a AnySource>,
    /// Prefixes of projections that are undeployed before.
    pub(super) leaving: &'a [String],
}

impl Preparer<'_> {
    /// Says what a request comes to, over what is deployed now.
    pub(super) async fn prepare(&self, request: &Request) -> Result<Prepared, UserError> {
        let snapshot = self.operator.snapshot().await?;
        self.prepare_beside(request, &snapshot, &deployments(&snapshot)).await
    }

    /// Says what a request comes to, beside what is or will be deployed.
    pub(super) async fn prepare_beside(
        &self,
        request: &Request,
        snapshot: &Snapshot,
        others: &BTreeMap<String, &Deployment>,
    ) -> Result<Prepared, UserError> {
        let (name, plugin, config, limits) = self.read(request, others).await?;
        let declared = &plugin.description.topics;
        let topics = match &request.topics {
            Topics::AsBefore => None,
            Topics::Declared => Some(declared.clone()),
            Topics::These(topics) => Some(topics.clone()),
        };
        let starts = match request.from {
            Beginning::Latest if !others.contains_key(&name) => {
                history::ends(self.source, topics.as_ref().unwrap_or(declared)).await?
            }
            _ => BTreeMap::new(),
        };
        let wanted = Wanted {
            name,
            module: plugin.digest.clone(),
            description: plugin.description.clone(),
            topics,
            prefix: request.prefix.clone(),
            from: request.from,
            starts,
            on_error: request.on_error,
            limits: Some(limits),
            max_parked: request.max_parked,
            config: Some(config),
            keep_old_seconds: request.keep_old_seconds,
            allow_loss: request.allow_loss,
            anew: request.anew,
            rebuild: request.rebuild.clone(),
        };
        let plan = plan(&wanted, others, snapshot.now).map_err(refused)?;
        let (replay, doubt) = self.replay(request, &plan).await?;
        let before = snapshot.deployments.get(&wanted.name).cloned();
        Ok(Prepared { plan, replay, doubt, plugin, before })
    }

    /// Reads the plugin under its configuration and within its limits, which may depend on the name that it gives itself.
    async fn read(
        &self,
        request: &Request,
        others: &BTreeMap<String, &Deployment>,
    ) -> Result<(String, Plugin, BTreeMap<String, String>, limits::Settings), UserError> {
        let config_of = |name: &str| {
            let present = others.get(name);
            let latest = present.and_then(|d| d.next().map(|(_, g)| g).or_else(|| d.live()));
            request.config.applied_to(latest.map(|generation| generation.config.clone()).unwrap_or_default())
        };
        let limits_of = |name: &str| {
            let present = others.get(name).map(|deployment| deployment.limits.clone());
            request.limits.applied_to(present.unwrap_or_default())
        };
        let of = |name: &str| (config_of(name), limits_of(name));
        let given = of(request.name.as_deref().unwrap_or_default());
        let plugin = self.open(request, &given).await?;
        let name = request.name.clone().unwrap_or_else(|| plugin.description.name.clone());
        let needed = of(&name);
        let plugin = if needed == given { plugin } else { self.open(request, &needed).await? };
        let (config, limits) = needed;
        Ok((name, plugin, config, limits))
    }

    async fn open(
        &self,
        request: &Request,
        (config, limits): &(BTreeMap<String, String>, limits::Settings),
    ) -> Result<Plugin, UserError> {
        self.workshop.open_aside(&request.file, config, limits).await.map_err(|error| {
            let message = format!("cannot load {}: {}", request.file.display(), chain(&error));
            UserError::failure(message, error.hint())
        })
    }

    /// How many events are to be applied from the first one on. Refuses to build less than all.
    async fn replay(&self, request: &Request, plan: &Plan) -> Result<(Option<u64>, Option<String>), UserError> {
        let generation = match (plan.kind, plan.after.next()) {
            (Kind::New, _) => plan.after.live(),
            (Kind::Rebuild, Some((_, next))) => Some(next),
            _ => None,
        };
        let Some(Generation { topics, views, starts, .. }) = generation else { return Ok((None, None)) };
        self.check_standing(plan, views).await?;
        if plan.kind == Kind::Rebuild && !request.from_earliest {
            let history = history::check(self.source, topics, false).await?;
            return Ok((history.map(|history| history.events), None));
        }
        if !starts.is_empty() {
            return Ok((Some(0), None));
        }
        Ok(match history::check(self.source, topics, true).await {
            Ok(None) => (None, None),
            Ok(Some(history)) => (Some(history.events), history.lack()),
            Err(error) => (None, Some(format!("{error} (hint: {})", error.hint()))),
        })
    }

    /// Refuses to build over what others have: where views would stand that readers do not read yet, nothing may.
    async fn check_standing(&self, plan: &Plan, views: &[View]) -> Result<(), UserError> {
        let after = &plan.after;
        let live = after.live().filter(|_| plan.kind != Kind::New).map_or(&[][..], |live| &live.views);
        let has = |view: &View| live.iter().any(|had| (&had.name, had.keyed) == (&view.name, view.keyed));
        let added: Vec<View> = views.iter().filter(|view| !has(view)).cloned().collect();
        // What leaves before it takes its views along.
        if self.leaving.iter().any(|prefix| after.prefix.starts_with(prefix)) {
            return Ok(());
        }
        match self.operator.registry.standing(&after.prefix, &added).await.map_err(|e| failure(&e))? {
            None => Ok(()),
            Some(key) => Err(UserError::refused(
                format!("key `{key}` stands already where views of `{}` would", after.name),
                if plan.kind == Kind::New {
                    "remove it if nobody needs it (redis-cli UNLINK), or give another --prefix"
                } else {
                    "remove it if nobody needs it (redis-cli UNLINK), or give the new view another name"
                },
            )),
        }
    }

    /// Makes it so; false if somebody else has changed the record since it was planned.
    pub(super) async fn perform(&self, prepared: &Prepared) -> Result<bool, UserError> {
        let Prepared { plan, plugin, before, .. } = prepared;
        let operator = self.operator;
        let keep = || operator.registry.keep_module(&plugin.digest, &plugin.bytes);
        keep().await.map_err(|e| failure(&e))?;
        if plan.kind == Kind::Nothing {
            return Ok(true);
        }
        let word = plan.kind.word();
        let what =
            if plan.changes.is_empty() { word.to_owned() } else { format!("{word}: {}", plan.changes.join(", ")) };
        let projection = plan.after.name.clone();
        let entry = Entry { who: operator.who().to_owned(), action: "deploy".into(), projection, what };
        let change = Change { before: before.clone(), after: Some(plan.after.clone()), reached: None, entry };
        let outcome = operator.registry.change(&change).await.map_err(|e| failure(&e))?;
        // Somebody who collects garbage may not have seen yet that it is used.
        keep().await.map_err(|e| failure(&e))?;
        operator.registry.drop_modules().await.map_err(|e| failure(&e))?;
        Ok(outcome == Outcome::Done)
    }

    /// Plans, tells that, and performs: again if somebody else was faster.
    pub(super) async fn deploy(
        &self,
        request: &Request,
        mut tell: impl FnMut(&Prepared),
    ) -> Result<Prepared, UserError> {
        for _ in 0..TRIES {
            let prepared = self.prepare(request).await?;
            tell(&prepared);
            if self.perform(&prepared).await? {
                return Ok(prepared);
            }
        }
        Err(contended(request.name.as_deref().unwrap_or("?")))
    }
}

impl Prepared {
    /// The record as it was before, if there was one.
    pub(super) fn before(&self) -> Option<&Deployment> {
        self.before.as_ref().map(|recorded| &recorded.deployment)
    }

    /// What building the live generation took, if that is known.
    pub(super) fn built(&self) -> Option<Built> {
        self.before()?.live()?.built
    }
}

impl<V: Clone> Setting<V> {
    fn applied_to(&self, mut config: BTreeMap<String, V>) -> BTreeMap<String, V> {
        match self {
            Setting::All(all) => all.clone(),
            Setting::Some(some) => {
                for (key, value) in some {
                    match value {
                        Some(value) => drop(config.insert(key.clone(), value.clone())),
                        None => drop(config.remove(key)),
                    }
                }
                config
            }
        }
    }
}
