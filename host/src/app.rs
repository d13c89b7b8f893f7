//! Wiring: the only file that names adapters. Takes settings apart and hands each part to whom it concerns.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::lane::{Overlay, Settings};
use crate::projection::Projection;
use crate::sandbox::wasm::{Cache, Engine, LoadError, WasmModule};
use crate::sandbox::{Limits, Module};
use crate::source::embedded::EmbeddedLog;
use crate::source::kafka::Kafka;
use crate::store::redis::{Redis, RedisCells};
use crate::supervisor::{Board, Deployment, Stop, Supervisor};

/// How long lanes may take to finish their batch once they are told to stop.
const GRACE: Duration = Duration::from_secs(4);

/// Generation of a projection that was never rebuilt.
const FIRST_GENERATION: u64 = 1;

/// A plugin's module as this host runs it.
pub(crate) type HostModule = WasmModule<Overlay<RedisCells>>;

/// Where events come from.
#[derive(Clone)]
pub(crate) enum AnySource {
    Kafka(Kafka),
    Log(EmbeddedLog),
}

/// A projection as the user names it.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) file: PathBuf,
    /// The topics to read instead of those in the plugin's description, in the same order.
    pub(crate) topics: Option<Vec<String>>,
}

/// Why a projection can't be set up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SetupError {
    #[error("cannot load projection `{name}` from {}", file.display())]
    Load { name: String, file: PathBuf, source: LoadError },
    #[error("projection `{name}` reads {} ({} in number), but {given} are named", topics.join(", "), topics.len())]
    Topics { name: String, topics: Vec<String>, given: usize },
    #[error("two projections are named `{0}`")]
    Twice(String),
}

impl SetupError {
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            SetupError::Load { source, .. } => source.hint(),
            SetupError::Topics { .. } => "name one topic for each, in that order",
            SetupError::Twice(_) => "give each projection a name of its own: --projection NAME=FILE.wasm",
        }
    }
}

/// Loads the modules of the named projections. Blocks while they compile.
pub(crate) fn load(
    named: &[Named],
    cache: Option<&Path>,
) -> anyhow::Result<Result<Vec<Deployment<HostModule>>, SetupError>> {
    let limits = Limits::default();
    let engine = Engine::new(&limits).map_err(|e| anyhow::anyhow!("cannot start wasmtime: {e:#}"))?;
    let cache = cache.map_or_else(Cache::none, |directory| Cache::new(directory.to_owned()));
    let mut names = HashSet::new();
    let mut deployments = Vec::with_capacity(named.len());
    for one in named {
        if !names.insert(&one.name) {
            return Ok(Err(SetupError::Twice(one.name.clone())));
        }
        let deployment = WasmModule::load(&engine, &cache, &limits, &one.file)
            .map_err(|source| SetupError::Load { name: one.name.clone(), file: one.file.clone(), source })
            .and_then(|module| deployment(one, module));
        match deployment {
            Ok(deployment) => deployments.push(deployment),
            Err(error) => return Ok(Err(error)),
        }
    }
    Ok(Ok(deployments))
}

fn deployment(named: &Named, module: HostModule) -> Result<Deployment<HostModule>, SetupError> {
    let description = module.description();
    let topics = named.topics.as_ref().unwrap_or(&description.topics);
    if topics.len() != description.topics.len() {
        return Err(SetupError::Topics {
            name: named.name.clone(),
            topics: description.topics.clone(),
            given: topics.len(),
        });
    }
    tracing::info!(
        projection = named.name,
        revision = description.revision,
        module = &module.digest()[..12],
        "loaded {}, topics {}",
        named.file.display(),
        topics.join(", "),
    );
    let projection = Projection {
        name: named.name.as_str().into(),
        generation: FIRST_GENERATION,
        prefix: format!("{}:", named.name).into(),
        topics: topics.iter().map(|topic| Arc::from(topic.as_str())).collect(),
        views: description.views.clone().into(),
        ordering: description.ordering,
    };
    Ok(Deployment { projection, module })
}

/// Runs the deployments until they are told to stop, or all have stopped by themselves. Gives those that have.
pub(crate) async fn run(
    source: AnySource,
    store: Redis,
    deployments: Vec<Deployment<HostModule>>,
    settings: Settings,
    board: Board,
    shutdown: CancellationToken,
) -> Vec<(String, Stop)> {
    let running = async {
        match source {
            AnySource::Kafka(source) => {
                Supervisor { source, store, settings, board }.run(deployments, shutdown.clone()).await
            }
            AnySource::Log(source) => {
                Supervisor { source, store, settings, board }.run(deployments, shutdown.clone()).await
            }
        }
    };
    let out_of_time = async {
        shutdown.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        stopped = running => stopped,
        () = out_of_time => {
            tracing::warn!("some lanes did not end in time; what they had not committed will be applied again");
            Vec::new()
        }
    }
}
