//! `lantern dev`: everything on this machine, with nothing set up: an embedded log, a private Redis, the host.

mod demo;
mod redis_server;
mod show;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::run::{Tuning, setup_error};
use super::{Printer, UserError, named, start_log, stop};
use crate::app::{self, AnySource, HostModule, Named};
use crate::lane::chain;
use crate::source::Source;
use crate::source::embedded::EmbeddedLog;
use crate::store::redis::Redis;
use crate::supervisor::{Board, Deployment};
use redis_server::RedisServer;

/// Run projections on an embedded log and a private Redis, both under .lantern, and watch what they do
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Run this projection, on the topics of its description or on these instead; repeat it for more
    #[arg(long = "projection", value_name = "NAME=FILE.wasm[:TOPIC,…]", value_parser = named::parse)]
    projections: Vec<Named>,

    /// Run the three example projections, and append sample events: 100,000 of a bank at once, then a trickle
    #[arg(long)]
    demo: bool,

    /// Take the example projections' plugins from this directory [default: plugins beside the binary]
    #[arg(long, value_name = "DIR", requires = "demo")]
    plugins: Option<PathBuf>,

    /// Stop when all events are projected, and print the first records of each view and the rate
    #[arg(long)]
    once: bool,

    /// Keep log, Redis data and compiled modules in this directory
    #[arg(long, value_name = "DIR", default_value = ".lantern")]
    dir: PathBuf,

    /// Create topics that are missing with this many partitions
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=256))]
    partitions: u32,

    #[command(flatten)]
    tuning: Tuning,
}

pub(crate) fn run(args: Args, printer: &mut Printer) -> anyhow::Result<()> {
    start_log("warn");
    let mut projections = args.projections.clone();
    if args.demo {
        projections.extend(demo::projections(args.plugins.clone())?);
    }
    if projections.is_empty() {
        return Err(UserError::usage(
            "there is no projection to run",
            "name one with --projection NAME=FILE.wasm, or see the examples with --demo",
        )
        .into());
    }
    let cache = args.tuning.cache().unwrap_or_else(|| args.dir.join("modules"));
    let deployments = app::load(&projections, Some(&cache))?.map_err(setup_error)?;
    let log = EmbeddedLog::new(args.dir.join("log"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    create_topics(&runtime, &log, &deployments, args.partitions, printer)?;
    if args.demo {
        demo::append_all(&log, printer)?;
    }
    // Started from this thread, which lives as long as the process: the server dies with it.
    let server = RedisServer::start(&args.dir.join("redis"))?;
    let redis = Redis::new(&server.url())?;
    let result = runtime.block_on(watch(&args, log, redis, deployments, server.port(), printer));
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

fn create_topics(
    runtime: &tokio::runtime::Runtime,
    log: &EmbeddedLog,
    deployments: &[Deployment<HostModule>],
    partitions: u32,
    printer: &mut Printer,
) -> anyhow::Result<()> {
    for topic in deployments.iter().flat_map(|deployment| deployment.projection.topics.iter()) {
        if runtime
            .block_on(log.partitions(topic))
            .is_err_and(|e| matches!(e, crate::source::Error::NoSuchTopic { .. }))
        {
            log.create(topic, partitions).map_err(|e| UserError::failure(chain(&e), e.hint()))?;
            printer.note(format_args!("created topic {topic} with {partitions} partitions"));
        }
    }
    Ok(())
}

/// Runs the host, and beside it the view of what it does.
async fn watch(
    args: &Args,
    log: EmbeddedLog,
    redis: Redis,
    deployments: Vec<Deployment<HostModule>>,
    port: u16,
    printer: &mut Printer,
) -> anyhow::Result<()> {
    let shutdown = CancellationToken::new();
    let board = Board::default();
    let projections: Vec<_> = deployments.iter().map(|d| d.projection.clone()).collect();
    let started = Instant::now();
    let host = app::run(
        AnySource::Log(log.clone()),
        redis.clone(),
        deployments,
        args.tuning.settings(),
        board.clone(),
        shutdown.clone(),
    );
    tokio::pin!(host);
    let seen = async {
        if args.once {
            show::until_done(&log, &projections, &board, printer).await?;
            show::records(&redis, &projections, &board, started.elapsed(), printer).await
        } else {
            show::commands(&projections, port, printer);
            let trickle =
                async { if args.demo { demo::trickle(&log).await } else { std::future::pending().await } };
            tokio::select! {
                shown = show::live(&log, &projections, &board) => shown,
                failed = trickle => failed,
            }
        }
    };
    let done = tokio::select! {
        stopped = &mut host => return Ok(stop::failure(&stopped)?),
        done = seen => done,
        signal = stop::on_signal(shutdown.clone()) => signal.map_err(Into::into),
    };
    shutdown.cancel();
    stop::failure(&host.await)?;
    done
}
