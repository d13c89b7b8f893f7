//! `lantern resume`: lets a projection go on that was paused, or that had stopped.

use super::Printer;
use super::closing::{only_a_plan, say, tell_next};
use super::connect::{Connection, block_on};
use super::operate::{Step, refused};
use crate::control::{Deployment, Refusal, Snapshot, steps};

/// Resume a projection that was paused, or let one try again that has stopped because it could not go on
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lantern resume balances")]
pub(crate) struct Args {
    /// Resume this projection
    name: String,

    /// Say what would happen, and change nothing
    #[arg(long)]
    plan: bool,

    #[command(flatten)]
    connection: Connection,
}

pub(crate) fn run(args: Args, printer: &mut Printer) -> anyhow::Result<()> {
    block_on(async {
        let operator = args.connection.operator();
        let (snapshot, recorded) = operator.find(&args.name).await?;
        let planned = step(&recorded.deployment, &snapshot).map_err(refused)?;
        say(&args.name, &planned.what, printer);
        if args.plan {
            only_a_plan(printer);
            return Ok(());
        }
        let (_, after, _) = operator.change(&args.name, "resume", step).await?;
        match after {
            Some(after) => Ok(tell_next(&operator, &after, printer).await?),
            None => Ok(()),
        }
    })
}

fn step(deployment: &Deployment, snapshot: &Snapshot) -> Result<Step, Refusal> {
    let has_stopped = snapshot.faults.keys().any(|at| at.projection == deployment.name);
    let what = match (deployment.paused, has_stopped) {
        (true, false) => "goes on from its checkpoint",
        (_, true) => "goes on from its checkpoint; what had stopped tries again",
        (false, false) => "is neither paused nor stopped; it goes on",
    };
    Ok(Step::to(steps::resume(deployment)?, what))
}
