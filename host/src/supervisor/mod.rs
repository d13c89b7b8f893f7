//! Turns the projections that are to run into lanes, and watches over them. A sick projection is stopped; the others
//! do not notice.

mod board;
mod lanes;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::lane::{Fault, Outages, Overlay, Settings};
use crate::projection::Projection;
use crate::sandbox::Module;
use crate::source::{self, Source};
use crate::store::{Session, Store};
pub use board::{Board, Condition};

/// A projection and the module that it runs.
#[derive(Clone, Debug)]
pub struct Deployment<M> {
    /// The projection.
    pub projection: Projection,
    /// What applies its events.
    pub module: M,
}

/// Runs projections on one source and one store.
#[derive(Clone, Debug)]
pub struct Supervisor<S, T> {
    /// Where events come from.
    pub source: S,
    /// Where views are kept.
    pub store: T,
    /// How lanes batch and wait.
    pub settings: Settings,
    /// Where the state of all lanes is shown.
    pub board: Board,
}

/// Why a projection stopped.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// Its topics can't be read.
    #[error("its topics cannot be read")]
    Topics(#[source] source::Error),
    /// Its topics do not have the same number of partitions.
    #[error("topic `{}` has {} partitions and `{}` has {}: they are not co-partitioned", .0.0, .0.1, .1.0, .1.1)]
    NotCoPartitioned((String, u32), (String, u32)),
    /// One of its lanes can't go on.
    #[error(transparent)]
    Lane(Fault),
}

impl Stop {
    /// What the user can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Stop::Topics(error) => error.hint(),
            Stop::NotCoPartitioned(..) => {
                "give them the same number of partitions, or let the projection have `ordering: global`"
            }
            Stop::Lane(fault) => fault.hint(),
        }
    }
}

impl<S: Source, T: Store> Supervisor<S, T> {
    /// Runs the projections until they are told to stop or every one has stopped by itself. Gives those that have.
    pub async fn run<M>(self, deployments: Vec<Deployment<M>>, shutdown: CancellationToken) -> Vec<(String, Stop)>
    where
        M: Module<Views = Overlay<<T::Session as Session>::Cells>>,
    {
        let outages = Outages::default();
        let mut running = JoinSet::new();
        for deployment in deployments {
            let name = deployment.projection.name.to_string();
            let run = lanes::run(self.clone(), deployment, outages.clone(), shutdown.child_token());
            running.spawn(async move { (name, run.await) });
        }
        let mut stopped = Vec::new();
        while let Some(ended) = running.join_next().await {
            match ended {
                Ok((_, Ok(()))) => {}
                Ok((name, Err(stop))) => {
                    let reason = crate::lane::chain(&stop);
                    // A plugin's backtrace follows the first line.
                    let (first, backtrace) = reason.split_at(reason.find('\n').unwrap_or(reason.len()));
                    tracing::error!(projection = name, "stopped: {first} (hint: {}){backtrace}", stop.hint());
                    self.board.stopped(&name, first.to_owned());
                    stopped.push((name, stop));
                }
                Err(panic) => {
                    tracing::error!("{panic}");
                    stopped.push(("?".to_owned(), Stop::Lane(Fault::Panic)));
                }
            }
        }
        stopped
    }
}
