//! Wiring: the only file that names adapters. Takes settings apart and hands each part to whom it concerns.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::lane::{Overlay, Settings, chain};
use crate::limits::{self, Limits};
use crate::projection::Description;
use crate::sandbox::wasm::{self, Cache, Engine, LoadError, WasmModule};
use crate::sandbox::{Module, Views};
use crate::source::embedded::EmbeddedLog;
use crate::source::kafka::Kafka;
use crate::source::shared::Shared;
use crate::source::{Bounds, Error, Source, Topic};
use crate::store::memory::MemoryCells;
use crate::store::redis::{Redis, RedisCells, RedisRegistry};
use crate::supervisor::{self, Board, Host, Loader, Options, Unloadable};
use crate::trust::{self, Trust};

/// How long a host may take to end once it is told to: its lanes finish their batch, and it leaves the others.
const GRACE: Duration = Duration::from_secs(4);

/// A plugin's module as this host runs it.
type HostModule = WasmModule<Overlay<RedisCells>>;

/// A plugin's module as a replay runs it, which writes nothing anywhere.
pub(crate) type Rehearsed = WasmModule<Overlay<MemoryCells>>;

/// Where events come from.
#[derive(Clone)]
pub(crate) enum AnySource {
    Kafka(Kafka),
    Log(EmbeddedLog),
}

impl std::fmt::Debug for AnySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.url())
    }
}

impl AnySource {
    /// How it is written down for all to read: without properties, for they may be secret.
    pub(crate) fn url(&self) -> String {
        match self {
            AnySource::Kafka(kafka) => format!("kafka://{}", kafka.brokers()),
            AnySource::Log(log) => {
                let dir = std::path::absolute(log.dir()).unwrap_or_else(|_| log.dir().to_owned());
                format!("log:{}", dir.display())
            }
        }
    }

    pub(crate) async fn topic(&self, name: &str) -> Result<Topic, Error> {
        match self {
            AnySource::Kafka(kafka) => kafka.topic(name).await,
            AnySource::Log(log) => log.topic(name).await,
        }
    }

    /// How many partitions a topic has.
    pub(crate) async fn partitions(&self, topic: &str) -> Result<u32, Error> {
        self.topic(topic).await.map(|topic| topic.partitions)
    }

    pub(crate) async fn bounds(&self, at: &crate::event::TopicPartition) -> Result<Bounds, Error> {
        match self {
            AnySource::Kafka(kafka) => kafka.bounds(at).await,
            AnySource::Log(log) => log.bounds(at).await,
        }
    }

    pub(crate) async fn is_compacted(&self, topic: &str) -> Result<bool, Error> {
        match self {
            AnySource::Kafka(kafka) => kafka.is_compacted(topic).await,
            AnySource::Log(log) => log.is_compacted(topic).await,
        }
    }
}

/// Makes modules of plugins' files.
#[derive(Clone)]
pub(crate) struct Workshop {
    engine: Engine,
    cache: Cache,
    trust: Trust,
}

/// Why a plugin can't be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// It is none that we could run.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// It is none that we may run.
    #[error(transparent)]
    Trust(#[from] trust::Error),
}

impl OpenError {
    fn is_passing(&self) -> bool {
        matches!(self, OpenError::Load(error) if error.is_passing())
    }

    /// What the user can do about it.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            OpenError::Load(error) => error.hint(),
            OpenError::Trust(error) => error.hint(),
        }
    }
}

/// A plugin's file, read and understood.
pub(crate) struct Plugin {
    pub(crate) bytes: Vec<u8>,
    pub(crate) digest: String,
    pub(crate) description: Description,
}

impl Workshop {
    /// Compiled modules are kept in the directory `cache`, if one is given.
    pub(crate) fn new(cache: Option<&Path>) -> anyhow::Result<Self> {
        let engine =
            Engine::new(&Limits::default()).map_err(|e| anyhow::anyhow!("cannot start wasmtime: {e:#}"))?;
        // Also if the file has been replaced meanwhile.
        let engine = engine.compiling_aside(PathBuf::from("/proc/self/exe"));
        let cache = cache.map_or_else(Cache::none, |directory| Cache::new(directory.to_owned()));
        Ok(Self { engine, cache, trust: Trust::default() })
    }

    /// The same, but only of modules that are trusted.
    pub(crate) fn trusting(self, trust: Trust) -> Self {
        Self { trust, ..self }
    }

    /// Reads a plugin's file and asks it what it is, under a configuration and within limits. Blocks while it compiles.
    pub(crate) fn open(
        &self,
        file: &Path,
        config: &BTreeMap<String, String>,
        limits: &limits::Settings,
    ) -> Result<Plugin, OpenError> {
        let bytes = wasm::read(file, &Limits::of(limits))?;
        let module: HostModule = self.module(bytes.clone(), Arc::new(config.clone()), limits)?;
        let (digest, description) = (module.digest().to_owned(), module.description().clone());
        Ok(Plugin { bytes, digest, description })
    }

    /// Asks a plugin what it is, under a configuration and within limits. Blocks while it compiles.
    pub(crate) fn describe(
        &self,
        bytes: Vec<u8>,
        config: &BTreeMap<String, String>,
        limits: &limits::Settings,
    ) -> Result<Description, OpenError> {
        let module: HostModule = self.module(bytes, Arc::new(config.clone()), limits)?;
        Ok(module.description().clone())
    }

    /// A plugin's file as a module whose views are in memory. Blocks while it compiles.
    pub(crate) fn rehearse_file(
        &self,
        file: &Path,
        config: &BTreeMap<String, String>,
        limits: &limits::Settings,
    ) -> Result<Rehearsed, OpenError> {
        self.rehearse(wasm::read(file, &Limits::of(limits))?, config, limits)
    }

    /// A plugin as such a module.
    pub(crate) fn rehearse(
        &self,
        bytes: Vec<u8>,
        config: &BTreeMap<String, String>,
        limits: &limits::Settings,
    ) -> Result<Rehearsed, OpenError> {
        self.module(bytes, Arc::new(config.clone()), limits)
    }

    /// Makes a plugin of what a compiler has built: its component, of which it is asked what it is, under a configuration. Blocks
    /// while it compiles.
    pub(crate) fn make(&self, built: &[u8], config: &BTreeMap<String, String>) -> Result<Plugin, OpenError> {
        let bytes = wasm::component(&self.engine, built)?;
        let module: HostModule = self.module(bytes.clone(), Arc::new(config.clone()), &limits::Settings::new())?;
        let (digest, description) = (module.digest().to_owned(), module.description().clone());
        Ok(Plugin { bytes, digest, description })
    }

    /// The same as [`Self::open`] on a thread that may block.
    pub(crate) async fn open_aside(
        &self,
        file: &Path,
        config: &BTreeMap<String, String>,
        limits: &limits::Settings,
    ) -> Result<Plugin, OpenError> {
        let (workshop, file, config, limits) = (self.clone(), file.to_owned(), config.clone(), limits.clone());
        let opened = tokio::task::spawn_blocking(move || workshop.open(&file, &config, &limits)).await;
        opened.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }

    /// Nothing of a module is run, or even compiled, before it is known to be trusted.
    fn module<V: Views>(
        &self,
        bytes: Vec<u8>,
        config: Arc<BTreeMap<String, String>>,
        limits: &limits::Settings,
    ) -> Result<WasmModule<V>, OpenError> {
        let limits = Limits::of(limits);
        wasm::check_size(bytes.len(), &limits)?;
        self.trust.check(&bytes)?;
        Ok(WasmModule::configured(&self.engine, &self.cache, &limits, bytes, config)?)
    }

    fn loader(self) -> Loader<HostModule> {
        Arc::new(move |bytes, config, limits| {
            self.module(bytes, config, limits).map_err(|error| Unloadable {
                reason: chain(&error),
                hint: error.hint().to_owned(),
                is_passing: error.is_passing(),
            })
        })
    }
}

/// What the process does that a host lets compile a plugin. Gives its exit code.
pub(crate) fn compile(
    engine: &str,
    seconds: u64,
    bytes_max: u64,
    plugin: impl Read,
    machine_code: impl Write,
) -> std::io::Result<u8> {
    wasm::compile(engine, seconds, bytes_max, plugin, machine_code)
}

/// A projection as the user names it.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) file: PathBuf,
    /// The topics to read instead of those in the plugin's description, in the same order.
    pub(crate) topics: Option<Vec<String>>,
}

/// How much memory the host's readers may take together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// Bytes that readers fetch ahead from Kafka.
    pub(crate) fetch_ahead_bytes: usize,
    /// Bytes of the newest events, which lanes at the head share.
    pub(crate) shared_bytes: usize,
}

/// What a host is made of.
pub(crate) struct Parts {
    pub(crate) source: AnySource,
    pub(crate) redis: Redis,
    pub(crate) workshop: Workshop,
    pub(crate) settings: Settings,
    pub(crate) memory: Memory,
    pub(crate) rebuilds_max: usize,
    pub(crate) board: Board,
}

/// Runs a host until it is told to stop.
pub(crate) async fn run(parts: Parts, shutdown: CancellationToken) -> Result<(), supervisor::Error> {
    let Parts { source, redis, workshop, settings, memory, rebuilds_max, board } = parts;
    let url = source.url();
    let options = Options { id: host_id(), source: url, settings, rebuilds_max };
    let registry = RedisRegistry::new(redis.clone());
    let loader = workshop.loader();
    let installation = random_text();
    let running = async {
        match source {
            AnySource::Kafka(source) => {
                let source = Shared::new(source.with_fetch_ahead(memory.fetch_ahead_bytes), memory.shared_bytes);
                Host::new(source, redis, registry, loader, installation, options, board)
                    .run(shutdown.clone())
                    .await
            }
            AnySource::Log(source) => {
                let source = Shared::new(source, memory.shared_bytes);
                Host::new(source, redis, registry, loader, installation, options, board)
                    .run(shutdown.clone())
                    .await
            }
        }
    };
    let out_of_time = async {
        shutdown.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        ended = running => ended,
        () = out_of_time => {
            tracing::warn!("some lanes did not end in time; what they had not committed will be applied again");
            Ok(())
        }
    }
}

/// The machine's name, for people.
pub(crate) fn machine() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    if name.trim().is_empty() { "host".to_owned() } else { name.trim().to_owned() }
}

fn host_id() -> String {
    format!("{}-{}-{}", machine(), std::process::id(), &random_text()[..4])
}

/// A text of eight letters that nothing else has.
fn random_text() -> String {
    use std::hash::{BuildHasher, Hasher, RandomState};
    // The standard library seeds this from the operating system's random source.
    format!("{:08x}", RandomState::new().build_hasher().finish() as u32)
}
