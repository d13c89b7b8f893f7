//! `lantern run`: runs a host until it is told to stop.

use std::path::PathBuf;
use std::time::Duration;
use std::{io, thread};

use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

use super::operate::Operator;
use super::prepare::Request;
use super::secret::Address;
use super::sign::Trusting;
use super::{named, source, start_log, stop};
use crate::app::{self, AnySource, Memory, Named, Parts, Workshop};
use crate::lane::Settings;
use crate::store::redis::{Redis, RedisRegistry};
use crate::supervisor::Board;

/// Run a host: all deployed projections, until told to stop by SIGTERM or Ctrl-C
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Read events from kafka://HOST:PORT[,HOST:PORT…][?PROPERTY=VALUE…] or from the embedded log log:DIR
    #[arg(long, env = "LANTERN_SOURCE", hide_env_values = true, value_parser = Address(source::parse_source))]
    source: AnySource,

    /// Keep views in this Redis, such as redis://127.0.0.1:6379
    #[arg(long, value_name = "URL", env = "LANTERN_REDIS", hide_env_values = true, value_parser = Address(source::parse_redis))]
    redis: Redis,

    /// Deploy this projection first, on the topics of its description or on these instead, and end when it has
    /// stopped; repeat it for more
    #[arg(long = "projection", value_name = "NAME=FILE.wasm[:TOPIC,…]", value_parser = named::parse)]
    projections: Vec<Named>,

    /// Rebuild at most this many projections at once; the others wait
    #[arg(long, value_name = "N", default_value_t = REBUILDS_MAX, value_parser = positive)]
    max_rebuilds: usize,

    #[command(flatten)]
    trusting: Trusting,

    #[command(flatten)]
    tuning: Tuning,
}

/// Rebuilds that go on at once, unless told otherwise.
const REBUILDS_MAX: usize = 2;

/// The most events or bytes of a batch that can be asked for.
const BATCH_MAX: usize = 1 << 30;

/// Settings that the commands share.
#[derive(Debug, clap::Args)]
pub(super) struct Tuning {
    /// Commit at most this many events of a partition at once
    #[arg(long, value_name = "N", default_value_t = Settings::default().batch.events_max, value_parser = positive)]
    batch_events: usize,

    /// Commit at most this many bytes of events of a partition at once
    #[arg(long, value_name = "BYTES", default_value_t = Settings::default().batch.bytes_max, value_parser = positive)]
    batch_bytes: usize,

    /// Let the first event of a batch wait this long for others, even if Redis is idle, such as 5ms
    #[arg(long, value_name = "TIME", default_value = "0ms", value_parser = humantime::parse_duration)]
    linger: Duration,

    /// Let all readers together fetch at most about this many bytes ahead from Kafka
    #[arg(long, value_name = "BYTES", default_value_t = 256 << 20, value_parser = positive)]
    fetch_ahead_bytes: usize,

    /// Keep at most this many bytes of the newest events for the projections that share them
    #[arg(long, value_name = "BYTES", default_value_t = 64 << 20, value_parser = positive)]
    shared_bytes: usize,

    #[command(flatten)]
    pub(super) cache: Cache,
}

/// Where compiled modules are kept.
#[derive(Debug, clap::Args)]
pub(super) struct Cache {
    /// Keep compiled modules in this directory [default: lantern/modules in the user's cache directory]
    #[arg(long, value_name = "DIR", env = "LANTERN_CACHE")]
    cache_dir: Option<PathBuf>,
}

impl Tuning {
    pub(super) fn settings(&self) -> Settings {
        let mut settings = Settings { linger: self.linger, ..Settings::default() };
        settings.batch.events_max = self.batch_events;
        settings.batch.bytes_max = self.batch_bytes;
        settings
    }

    pub(super) fn memory(&self) -> Memory {
        Memory { fetch_ahead_bytes: self.fetch_ahead_bytes, shared_bytes: self.shared_bytes }
    }
}

impl Cache {
    pub(super) fn dir(&self) -> Option<PathBuf> {
        let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache"));
        let user = || std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(home);
        self.cache_dir.clone().or_else(|| Some(user()?.join("lantern/modules")))
    }
}

fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if (1..=BATCH_MAX).contains(&number) => Ok(number),
        Ok(_) => Err(format!("it must be from 1 to {BATCH_MAX}")),
        Err(_) => Err("it is no number".to_owned()),
    }
}

/// Starts what everything but the plugins runs on. That is the smaller part of the work, and with more threads than it needs each turn
/// of a lane wakes another one that finds nothing to do: so it has one for every two processors.
pub(super) fn start_runtime() -> io::Result<Runtime> {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let threads = (processors / 2).max(1);
    Builder::new_multi_thread().worker_threads(threads).thread_name("write").enable_all().build()
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    start_log("info");
    let runtime = start_runtime()?;
    // Before anything that takes its time: to be told to stop is never a failure.
    let signals = {
        let _within = runtime.enter();
        stop::Signals::new()?
    };
    let workshop = Workshop::new(args.tuning.cache.dir().as_deref())?.trusting(args.trusting.read()?);
    let operator = Operator::new(RedisRegistry::new(args.redis.clone()));
    let board = Board::default();
    let names = named::names(&args.projections)?;
    let parts = Parts {
        source: args.source.clone(),
        redis: args.redis,
        workshop: workshop.clone(),
        settings: args.tuning.settings(),
        memory: args.tuning.memory(),
        rebuilds_max: args.max_rebuilds,
        board: board.clone(),
    };
    let result = runtime.block_on(async {
        let shutdown = CancellationToken::new();
        let work = async {
            named::deploy(&args.projections, &Request::default(), &operator, &workshop, &args.source).await?;
            warn_of_eviction(&operator.registry).await;
            stop::host(app::run(parts, shutdown.clone()), &names, &board, &shutdown).await
        };
        tokio::pin!(work);
        tokio::select! {
            result = &mut work => return result,
            () = signals.stop(&shutdown) => {}
        }
        // A host that has begun has to end well; one that still waits for Redis has nothing to end.
        if board.has_begun() { work.await } else { Ok(()) }
    });
    // Whatever still computes or reads is not worth waiting for: it has no way to commit any more.
    runtime.shutdown_background();
    result
}

/// Says so if Redis would rather forget views than refuse writes.
async fn warn_of_eviction(registry: &RedisRegistry) {
    // If it can't be asked, whatever is wrong is said elsewhere.
    if let Ok(Some(policy)) = registry.eviction().await
        && policy != "noeviction"
    {
        tracing::warn!(
            "Redis may drop keys when its memory runs out (maxmemory-policy {policy}), and parts of views with them \
             (hint: CONFIG SET maxmemory-policy noeviction)"
        );
    }
}
