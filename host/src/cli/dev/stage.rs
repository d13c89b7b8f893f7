//! Where `lantern dev` runs projections: a host on the embedded log and the private Redis, and beside it whoever shows what it does,
//! and follows what the author does.

use std::collections::BTreeSet;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::follow::Follower;
use super::project::Project;
use super::screen::Screen;
use super::shown::Shown;
use super::{Args, demo, settle, show};
use crate::app::{self, AnySource, Named, Parts, Workshop};
use crate::cli::operate::Operator;
use crate::cli::prepare::Request;
use crate::cli::{Printer, named, stop};
use crate::control::Rebuild;
use crate::source::embedded::EmbeddedLog;
use crate::store::redis::{Redis, RedisRegistry};
use crate::supervisor::Board;

/// What the projections run on.
pub(super) struct Stage {
    pub(super) log: EmbeddedLog,
    pub(super) redis: Redis,
    pub(super) workshop: Workshop,
    pub(super) project: Option<Project>,
    pub(super) screen: Screen,
    pub(super) port: u16,
}

impl Stage {
    /// Runs the host, and beside it the view of what it does.
    pub(super) async fn run(
        self,
        args: &Args,
        projections: &[Named],
        names: &BTreeSet<String>,
        printer: &mut Printer,
    ) -> anyhow::Result<()> {
        let Stage { log, redis, workshop, project, screen, port } = self;
        let shutdown = CancellationToken::new();
        let board = Board::default();
        let started = Instant::now();
        let source = AnySource::Log(log.clone());
        let operator = Operator::new(RedisRegistry::new(redis.clone()));
        named::deploy(projections, &wanted(args.keep), &operator, &workshop, &source).await?;
        let parts = Parts {
            source,
            redis: redis.clone(),
            workshop: workshop.clone(),
            settings: args.tuning.settings(),
            memory: args.tuning.memory(),
            rebuilds_max: projections.len().max(1),
            board: board.clone(),
        };
        // Whoever watches may mend what has stopped.
        let ends_with = if args.once { names.clone() } else { BTreeSet::new() };
        let host = stop::host(app::run(parts, shutdown.clone()), &ends_with, &board, &shutdown);
        tokio::pin!(host);
        let seen = async {
            let shown = Shown::new(names);
            for name in names {
                let settled = settle::until_live(&operator, &operator.find(name).await?.1.deployment).await;
                match settled {
                    Err(error) if !args.once => screen.error(error),
                    settled => drop(settled?),
                }
            }
            shown.refresh(&operator).await?;
            if args.once {
                show::until_done(&log, &shown.now(), &board, printer).await?;
                return show::records(&redis, &shown.now(), &board, started.elapsed(), printer).await;
            }
            show::commands(&shown.now(), port, &screen);
            let trickle =
                async { if args.demo { demo::trickle(&log).await } else { std::future::pending().await } };
            let follower = Follower {
                project,
                builds: !args.no_build,
                keep: args.keep,
                partitions: args.partitions,
                log: &log,
                operator: &operator,
                workshop: &workshop,
                shown: &shown,
                screen: &screen,
            };
            tokio::select! {
                shown = show::live(&log, &shown, &board, &screen) => shown,
                failed = trickle => failed,
                failed = follower.run(projections) => failed,
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
}

/// What a plugin that is watched is deployed by: its author wants to see what it makes of the events, of all of them.
pub(super) fn wanted(keep: bool) -> Request {
    let rebuild = Rebuild { chunked: true, ..Rebuild::default() };
    Request { anew: !keep, allow_loss: true, from_earliest: true, rebuild, ..Request::default() }
}
