//! `lantern cancel`: gives up the generation that is being built or held.

use super::Printer;
use super::closing::{only_a_plan, say};
use super::connect::{Connection, block_on};
use super::operate::{Step, refused};
use crate::control::{Deployment, Refusal, Snapshot, steps};

/// Cancel a rebuild: the generation that is being built or held is removed, the live one stays
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lantern cancel balances")]
pub(crate) struct Args {
    /// Cancel the rebuild of this projection
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
        operator.change(&args.name, "cancel", step).await?;
        operator.sweep(&args.name).await?;
        printer.note(format_args!("generation {} stays the live one", recorded.deployment.live));
        Ok(())
    })
}

fn step(deployment: &Deployment, _: &Snapshot) -> Result<Step, Refusal> {
    let after = steps::cancel(deployment)?;
    let number = deployment.next().map_or(deployment.live, |(number, _)| number);
    Ok(Step::to(after, format!("generation {number} is given up")))
}
