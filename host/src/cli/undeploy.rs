//! `lantern undeploy`: removes a projection with all that it has in Redis.

use std::io::{self, IsTerminal, Write};

use super::closing::{only_a_plan, say};
use super::connect::{Connection, block_on};
use super::operate::{Operator, Step, refused};
use super::{Printer, UserError};
use crate::control::{Deployment, Refusal, steps};

/// Undeploy a projection: its views, checkpoints and generations are removed from Redis; its events stay
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lantern undeploy balances --plan
  lantern undeploy balances --yes
  lantern undeploy balances --keep-views --yes")]
pub(crate) struct Args {
    /// Undeploy this projection
    name: String,

    /// Leave the live views to their readers; nothing updates or removes them any more
    #[arg(long)]
    keep_views: bool,

    /// Do not ask
    #[arg(long)]
    yes: bool,

    /// Say what would happen, and change nothing
    #[arg(long)]
    plan: bool,

    #[command(flatten)]
    connection: Connection,
}

pub(crate) fn run(args: Args, printer: &mut Printer) -> anyhow::Result<()> {
    let is_asked = io::stdin().is_terminal() && io::stderr().is_terminal();
    if !args.yes && !args.plan && !is_asked {
        let hint = format!("say so: lantern undeploy {} --yes", args.name);
        return Err(UserError::usage("nobody can be asked whether to undeploy it", hint).into());
    }
    block_on(async {
        let operator = args.connection.operator();
        let (_, recorded) = operator.find(&args.name).await?;
        let planned = step(&recorded.deployment, args.keep_views).map_err(refused)?;
        say(&args.name, &planned.what, printer);
        if args.plan {
            only_a_plan(printer);
            return Ok(());
        }
        if !args.yes && !is_confirmed() {
            printer.note("nothing was changed");
            return Ok(());
        }
        undeploy(&operator, &args.name, args.keep_views).await?;
        Ok(())
    })
}

/// Removes a projection, and the modules that only it needed.
pub(super) async fn undeploy(operator: &Operator, name: &str, keep_views: bool) -> Result<(), UserError> {
    operator.change(name, "undeploy", |deployment, _| step(deployment, keep_views)).await?;
    operator.sweep(name).await
}

fn step(deployment: &Deployment, keep_views: bool) -> Result<Step, Refusal> {
    let views =
        deployment.live().map(|live| live.views.iter().map(|view| format!("{}{}", live.prefix, view.name)));
    let views = views.map(|views| views.collect::<Vec<_>>().join(", ")).unwrap_or_default();
    let what = if keep_views {
        format!("undeployed; the views {views} stay as they are")
    } else {
        format!("undeployed; the views {views} are removed")
    };
    Ok(Step::to(steps::undeploy(deployment, keep_views)?, what))
}

fn is_confirmed() -> bool {
    let mut answer = String::new();
    let _ = write!(io::stderr(), "undeploy it? [y/N] ");
    let _ = io::stderr().flush();
    let read = io::stdin().read_line(&mut answer);
    read.is_ok() && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}
