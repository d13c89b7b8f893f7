//! The modules that this host runs: fetched, compiled in the background, and kept so that they can be written back if
//! Redis loses them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::desired::ModuleKey;
use crate::control::{self, Registry};
use crate::lane::Blocking;
use crate::limits;

/// Makes a module of a plugin's bytes, its configuration and what it may use. Blocks while it compiles.
pub type Loader<M> =
    Arc<dyn Fn(Vec<u8>, Arc<BTreeMap<String, String>>, &limits::Settings) -> Result<M, Unloadable> + Send + Sync>;

/// Why a module can't be had.
#[derive(Clone, Debug, PartialEq)]
pub struct Unloadable {
    /// What is wrong.
    pub reason: String,
    /// What the user can do about it.
    pub hint: String,
    /// Whether it may be had later.
    pub is_passing: bool,
}

/// How long to wait before a module is asked for again that was not to be had.
const AGAIN: Duration = Duration::from_secs(1);

/// How long to wait before one is made again, which takes all processors for a while.
const MADE_AGAIN: Duration = Duration::from_secs(10);

/// What became of a module's loading.
type Loaded<M> = Result<(Vec<u8>, Result<M, Unloadable>), Failed>;

enum Failed {
    Registry(control::Error),
    Missing,
    Panicked,
}

/// The modules at hand, and those on their way.
pub(super) struct Modules<M> {
    loader: Loader<M>,
    blocking: Blocking,
    ready: BTreeMap<ModuleKey, Result<M, Unloadable>>,
    bytes: BTreeMap<String, Vec<u8>>,
    on_their_way: BTreeSet<ModuleKey>,
    /// When to ask again for those that were not to be had.
    ask_at: BTreeMap<ModuleKey, Instant>,
    loading: JoinSet<(ModuleKey, Loaded<M>)>,
}

impl<M: Clone + Send + 'static> Modules<M> {
    pub(super) fn new(loader: Loader<M>, blocking: Blocking) -> Self {
        Self {
            loader,
            blocking,
            ready: BTreeMap::new(),
            bytes: BTreeMap::new(),
            on_their_way: BTreeSet::new(),
            ask_at: BTreeMap::new(),
            loading: JoinSet::new(),
        }
    }

    /// The module, if it is at hand or known to be of no use.
    pub(super) fn get(&self, key: &ModuleKey) -> Option<&Result<M, Unloadable>> {
        self.ready.get(key)
    }

    /// The files of the modules at hand, by digest.
    pub(super) fn files(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.bytes
    }

    /// Loads what is wanted and not at hand, and forgets what is not wanted.
    pub(super) fn want<C: Registry>(&mut self, registry: &C, wanted: &BTreeSet<ModuleKey>) {
        self.ready.retain(|key, _| wanted.contains(key));
        self.bytes.retain(|digest, _| wanted.iter().any(|key| key.digest == *digest));
        self.ask_at.retain(|key, _| wanted.contains(key));
        let now = Instant::now();
        for key in wanted {
            // One that was missing may have been brought meanwhile.
            let is_settled = self.ready.get(key).is_some_and(|module| !is_passing(module));
            let is_early = self.ask_at.get(key).is_some_and(|at| now < *at);
            if is_settled || is_early || !self.on_their_way.insert(key.clone()) {
                continue;
            }
            self.ask_at.remove(key);
            let (registry, loader, key) = (registry.clone(), self.loader.clone(), key.clone());
            let blocking = self.blocking;
            self.loading.spawn(async move {
                let loaded = load(registry, loader, &key, blocking).await;
                (key, loaded)
            });
        }
    }

    /// Waits until a module has come, or turned out not to. Never returns while none is on its way.
    pub(super) async fn arrival(&mut self) {
        let Some(arrived) = self.loading.join_next().await else { return std::future::pending().await };
        let Ok((key, loaded)) = arrived else { return };
        self.on_their_way.remove(&key);
        let unloadable = |reason: &str, hint: &str, is_passing| {
            Err(Unloadable { reason: reason.into(), hint: hint.into(), is_passing })
        };
        let module = match loaded {
            Ok((bytes, module)) => {
                self.bytes.insert(key.digest.clone(), bytes);
                if is_passing(&module) {
                    self.ask_at.insert(key.clone(), Instant::now() + MADE_AGAIN);
                }
                module
            }
            Err(Failed::Registry(error)) => {
                tracing::debug!("module {}: {error}", key.digest);
                self.ask_at.insert(key, Instant::now() + AGAIN);
                return;
            }
            Err(Failed::Missing) => {
                self.ask_at.insert(key.clone(), Instant::now() + AGAIN);
                unloadable("Redis does not have it", "deploy its file again", true)
            }
            Err(Failed::Panicked) => {
                unloadable("loading it panicked", "this is a defect of lantern; its log says where", false)
            }
        };
        self.ready.insert(key, module);
    }

    /// When the next module is to be asked for again.
    pub(super) fn due(&self) -> Option<Instant> {
        self.ask_at.values().min().copied()
    }
}

async fn load<M, C>(registry: C, loader: Loader<M>, key: &ModuleKey, blocking: Blocking) -> Loaded<M>
where
    M: Clone + Send + 'static,
    C: Registry,
{
    let bytes = registry.module(&key.digest).await.map_err(Failed::Registry)?.ok_or(Failed::Missing)?;
    let (config, limits) = (key.config.clone(), key.limits.clone());
    let load = move || {
        let module = loader(bytes.clone(), config, &limits);
        (bytes, module)
    };
    // To compile one takes all processors for a while.
    blocking.in_background().run(load).await.map_err(|_| Failed::Panicked)
}

fn is_passing<M>(module: &Result<M, Unloadable>) -> bool {
    module.as_ref().is_err_and(|unloadable| unloadable.is_passing)
}

#[cfg(test)]
mod tests;
