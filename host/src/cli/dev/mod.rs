//! `lantern dev`: everything on this machine, with nothing set up: an embedded log, a private Redis, the host.

mod demo;
mod redis_server;
mod show;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::operate::Operator;
use super::run::Tuning;
use super::{Printer, UserError, named, start_log, stop};
use crate::app::{self, AnySource, Named, Parts, Workshop};
use crate::lane::chain;
use crate::projection::Projection;
use crate::source::Source;
use crate::source::embedded::EmbeddedLog;
use crate::store::redis::{Redis, RedisRegistry};
use crate::supervisor::Board;
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
    let cache = args.tuning.cache.dir().unwrap_or_else(|| args.dir.join("modules"));
    let workshop = Workshop::new(Some(&cache))?;
    let names = named::names(&projections)?;
    let log = EmbeddedLog::new(args.dir.join("log"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    create_topics(&runtime, &log, &projections, &workshop, args.partitions, printer)?;
    if args.demo {
        demo::append_all(&log, printer)?;
    }
    // Started from this thread, which lives as long as the process: the server dies with it.
    let server = RedisServer::start(&args.dir.join("redis"))?;
    let redis = Redis::new(&server.url())?;
    let stage = Stage { log, redis, workshop, port: server.port() };
    let result = runtime.block_on(watch(&args, &projections, &names, stage, printer));
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

/// What the projections run on.
struct Stage {
    log: EmbeddedLog,
    redis: Redis,
    workshop: Workshop,
    port: u16,
}

fn create_topics(
    runtime: &tokio::runtime::Runtime,
    log: &EmbeddedLog,
    projections: &[Named],
    workshop: &Workshop,
    partitions: u32,
    printer: &mut Printer,
) -> anyhow::Result<()> {
    for named in projections {
        let topics = match &named.topics {
            Some(topics) => topics.clone(),
            None => runtime.block_on(named::open(workshop, named))?.description.topics,
        };
        for topic in topics {
            let found = runtime.block_on(log.topic(&topic));
            if found.is_err_and(|e| matches!(e, crate::source::Error::NoSuchTopic { .. })) {
                log.create(&topic, partitions).map_err(|e| UserError::failure(chain(&e), e.hint()))?;
                printer.note(format_args!("created topic {topic} with {partitions} partitions"));
            }
        }
    }
    Ok(())
}

/// Runs the host, and beside it the view of what it does.
async fn watch(
    args: &Args,
    projections: &[Named],
    names: &BTreeSet<String>,
    stage: Stage,
    printer: &mut Printer,
) -> anyhow::Result<()> {
    let Stage { log, redis, workshop, port } = stage;
    let shutdown = CancellationToken::new();
    let board = Board::default();
    let started = Instant::now();
    let source = AnySource::Log(log.clone());
    let operator = Operator::new(RedisRegistry::new(redis.clone()));
    named::deploy(projections, &operator, &workshop, &source).await?;
    let deployed = operator.snapshot().await?.deployments.into_values().map(|recorded| recorded.deployment);
    let deployed = deployed.filter(|deployment| names.contains(&deployment.name));
    let live = |d: crate::control::Deployment| d.live().map(|generation| d.projection(d.live, generation));
    let shown: Vec<Projection> = deployed.filter_map(live).collect();
    let parts = Parts {
        source,
        redis: redis.clone(),
        workshop,
        settings: args.tuning.settings(),
        memory: args.tuning.memory(),
        rebuilds_max: 1,
        board: board.clone(),
    };
    let host = stop::host(app::run(parts, shutdown.clone()), names, &board, &shutdown);
    tokio::pin!(host);
    let seen = async {
        if args.once {
            show::until_done(&log, &shown, &board, printer).await?;
            show::records(&redis, &shown, &board, started.elapsed(), printer).await
        } else {
            show::commands(&shown, port, printer);
            let trickle =
                async { if args.demo { demo::trickle(&log).await } else { std::future::pending().await } };
            tokio::select! {
                shown = show::live(&log, &shown, &board) => shown,
                failed = trickle => failed,
            }
        }
    };
    let done = tokio::select! {
        ended = &mut host => return ended,
        done = seen => done,
        signal = stop::on_signal(shutdown.clone()) => signal.map_err(Into::into),
    };
    shutdown.cancel();
    host.await?;
    done
}
