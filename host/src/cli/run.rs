//! `lantern run`: runs projections until it is told to stop.

use std::path::PathBuf;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{UserError, named, source, start_log, stop};
use crate::app::{self, AnySource, Named, SetupError};
use crate::lane::Settings;
use crate::store::redis::Redis;
use crate::supervisor::Board;

/// Run projections until told to stop by SIGTERM or Ctrl-C
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Read events from kafka://HOST:PORT[,HOST:PORT…][?PROPERTY=VALUE…] or from the embedded log log:DIR
    #[arg(long, env = "LANTERN_SOURCE", value_parser = source::parse_source)]
    source: AnySource,

    /// Keep views in this Redis, such as redis://127.0.0.1:6379
    #[arg(long, value_name = "URL", env = "LANTERN_REDIS", hide_env_values = true, value_parser = source::parse_redis)]
    redis: Redis,

    /// Run this projection, on the topics of its description or on these instead; repeat it for more
    #[arg(long = "projection", value_name = "NAME=FILE.wasm[:TOPIC,…]", required = true, value_parser = named::parse)]
    projections: Vec<Named>,

    #[command(flatten)]
    tuning: Tuning,
}

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

    pub(super) fn cache(&self) -> Option<PathBuf> {
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

/// What is wrong with the projections, as the user's error.
pub(super) fn setup_error(error: SetupError) -> UserError {
    let message = crate::lane::chain(&error);
    match error {
        SetupError::Load { .. } => UserError::failure(message, error.hint()),
        SetupError::Topics { .. } | SetupError::Twice(_) => UserError::usage(message, error.hint()),
    }
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    start_log("info");
    let deployments = app::load(&args.projections, args.tuning.cache().as_deref())?.map_err(setup_error)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let stopped = runtime.block_on(async {
        let shutdown = CancellationToken::new();
        let host = app::run(
            args.source,
            args.redis,
            deployments,
            args.tuning.settings(),
            Board::default(),
            shutdown.clone(),
        );
        let signals = async {
            match stop::on_signal(shutdown).await {
                Ok(()) => std::future::pending().await,
                Err(error) => Err(anyhow::Error::from(error)),
            }
        };
        tokio::select! {
            stopped = host => Ok(stopped),
            failed = signals => failed,
        }
    });
    // Whatever still computes or reads is not worth waiting for: it has no way to commit any more.
    runtime.shutdown_background();
    Ok(stop::failure(&stopped?)?)
}
