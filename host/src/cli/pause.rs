//! `lantern pause`: lets a projection stand still.

use super::Printer;
use super::closing::{only_a_plan, say};
use super::connect::{Connection, block_on};
use super::operate::{Step, refused};
use crate::control::{Deployment, Refusal, Snapshot, steps};

/// Pause a projection: its views stay as they are until it is resumed
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lantern pause balances")]
pub(crate) struct Args {
    /// Pause this projection
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
        operator.change(&args.name, "pause", step).await?;
        printer.note(format_args!("let it go on: lantern resume {}", args.name));
        Ok(())
    })
}

fn step(deployment: &Deployment, _: &Snapshot) -> Result<Step, Refusal> {
    Ok(Step::to(steps::pause(deployment)?, "paused, it stands still at its checkpoint"))
}
