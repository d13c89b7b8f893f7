//! How a long-running command is told to stop, and how its end becomes an exit code.

use std::collections::{BTreeMap, BTreeSet};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::UserError;
use crate::lane::chain;
use crate::supervisor::{self, Board, Stop};

/// SIGTERM and SIGINT. From when this is made on, they do not end the process.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Wants a runtime around it.
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for one of them and then tells everyone to stop.
    pub(super) async fn stop(mut self, shutdown: &CancellationToken) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
        tracing::info!("stopping");
        shutdown.cancel();
    }
}

/// Waits for SIGTERM or SIGINT and then tells everyone to stop.
pub(super) async fn on_signal(shutdown: CancellationToken) -> std::io::Result<()> {
    Signals::new()?.stop(&shutdown).await;
    Ok(())
}

/// Runs a host. If it was started for certain projections, it ends when all of these have stopped by themselves, and that
/// is a failure.
pub(super) async fn host(
    host: impl Future<Output = Result<(), supervisor::Error>>,
    names: &BTreeSet<String>,
    board: &Board,
    shutdown: &CancellationToken,
) -> anyhow::Result<()> {
    board.begin();
    tokio::pin!(host);
    tokio::select! {
        ended = &mut host => return ended.map_err(failed),
        () = all_stopped(names, board) => shutdown.cancel(),
    }
    let stopped = board.stops(names);
    host.await.map_err(failed)?;
    Ok(failure(&stopped)?)
}

fn failed(error: supervisor::Error) -> anyhow::Error {
    UserError::failure(chain(&error), error.hint()).into()
}

/// Waits until all of these have stopped; for ever, if there are none.
async fn all_stopped(names: &BTreeSet<String>, board: &Board) {
    while names.is_empty() || board.stops(names).len() < names.len() {
        board.stopped_or_not().await;
    }
}

/// Why it stopped, without the backtrace that the log has.
fn reason(stop: &Stop) -> String {
    chain(stop).lines().next().unwrap_or_default().to_owned()
}

/// Projections that have stopped by themselves are a failure; the last one names it.
pub(super) fn failure(stopped: &BTreeMap<String, Stop>) -> Result<(), UserError> {
    let Some((name, last)) = stopped.last_key_value() else { return Ok(()) };
    let message = if stopped.len() == 1 {
        format!("projection `{name}` stopped: {}", reason(last))
    } else {
        let names: Vec<_> = stopped.keys().map(|name| format!("`{name}`")).collect();
        format!("projections {} stopped, the last one because {}", names.join(", "), reason(last))
    };
    Err(UserError::failure(message, last.hint(name)))
}
