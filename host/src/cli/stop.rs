//! How a long-running command is told to stop, and how its end becomes an exit code.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::UserError;
use crate::lane::chain;
use crate::supervisor::Stop;

/// Waits for SIGTERM or SIGINT and then tells everyone to stop.
pub(super) async fn on_signal(shutdown: CancellationToken) -> std::io::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    shutdown.cancel();
    Ok(())
}

/// Why it stopped, without the backtrace that the log has.
fn reason(stop: &Stop) -> String {
    chain(stop).lines().next().unwrap_or_default().to_owned()
}

/// Projections that have stopped by themselves are a failure; the last one names it.
pub(super) fn failure(stopped: &[(String, Stop)]) -> Result<(), UserError> {
    match stopped {
        [] => Ok(()),
        [(name, stop)] => {
            Err(UserError::failure(format!("projection `{name}` stopped: {}", reason(stop)), stop.hint()))
        }
        [.., (_, last)] => {
            let names: Vec<_> = stopped.iter().map(|(name, _)| format!("`{name}`")).collect();
            Err(UserError::failure(
                format!("projections {} stopped, the last one because {}", names.join(", "), reason(last)),
                last.hint(),
            ))
        }
    }
}
