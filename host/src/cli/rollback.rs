//! `lantern rollback`: lets readers read the generation again that was live before.

use super::Printer;
use super::closing::{only_a_plan, say};
use super::connect::{Connection, block_on};
use super::moving::{self, Moving};
use super::operate::{Step, refused};
use crate::control::{Deployment, Outcome, Refusal, Snapshot, steps};

/// Roll back to the generation that was live before: readers read it again at once, and it follows from where it stood
///
/// The generation that was live is kept in its place, so a second rollback undoes the first. A rebuild that is under way is
/// given up.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lantern rollback balances --plan
  lantern rollback balances")]
pub(crate) struct Args {
    /// Roll back this projection
    name: String,

    /// Move the structures of keyed views in chunks if they are too many for one step: until all have moved, readers may
    /// see some of the old generation and some of the new, and neither follows its topics
    #[arg(long)]
    chunked: bool,

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
        match operator.change(&args.name, "rollback", step).await?.2 {
            outcome @ Outcome::TooMany { .. } if !args.chunked => {
                return Err(moving::too_many(&outcome, &args.name, "rollback").into());
            }
            Outcome::TooMany { .. } => {
                let begun = moving::begin(&operator, &args.name, "rollback", Moving::Old).await?;
                begun.map_err(|outcome| moving::too_many(&outcome, &args.name, "rollback"))?;
            }
            _done => {}
        }
        operator.sweep(&args.name).await?;
        printer.note(format_args!("it catches up from where it stood; and back: lantern rollback {}", args.name));
        Ok(())
    })
}

fn step(deployment: &Deployment, snapshot: &Snapshot) -> Result<Step, Refusal> {
    let after = steps::rollback(deployment, snapshot.now)?;
    let given_up = deployment.next().map(|(number, _)| format!(", generation {number} is given up"));
    let what = format!(
        "generation {} becomes the live one again, generation {} is kept{}",
        after.live,
        deployment.live,
        given_up.unwrap_or_default(),
    );
    Ok(Step::to(after, what))
}
