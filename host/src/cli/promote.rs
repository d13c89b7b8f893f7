//! `lantern promote`: lets a generation that is held become the live one.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::closing::{only_a_plan, say};
use super::connect::{Connection, block_on};
use super::moving::{self, Moving};
use super::operate::{Operator, Step, refused};
use super::{Printer, UserError, progress};
use crate::control::{Deployment, Doubt, Outcome, Reached, Refusal, Snapshot, steps};

/// How long a held generation is waited for that is a little behind the live one.
const PATIENCE: Duration = Duration::from_secs(5);
const AGAIN: Duration = Duration::from_millis(100);

/// Promote the generation that is held: it becomes the live one in one step, and the live one is kept for `rollback`
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lantern promote balances --plan
  lantern promote balances")]
pub(crate) struct Args {
    /// Promote the generation that this projection holds
    name: String,

    /// Promote it although a comparison has found that it differs from the live one
    #[arg(long)]
    anyway: bool,

    /// Move the structures of keyed views in chunks if they are too many for one step: until all have moved, readers may
    /// see some of the old generation and some of the new, and neither follows its topics
    #[arg(long)]
    chunked: bool,

    /// Say what would happen, and change nothing
    #[arg(long)]
    plan: bool,

    /// Show the progress until it is live
    #[arg(long, conflicts_with = "plan")]
    wait: bool,

    #[command(flatten)]
    connection: Connection,
}

pub(crate) fn run(args: Args, printer: &mut Printer) -> anyhow::Result<()> {
    block_on(async {
        let operator = args.connection.operator();
        let (snapshot, recorded) = operator.find(&args.name).await?;
        if let (Some(number), false) = (recorded.deployment.moving, args.plan) {
            printer.note(format_args!("going on with the move to generation {number}"));
            moving::go_on(&operator, &args.name).await?;
            say(&args.name, format_args!("generation {number} is live"), printer);
            return Ok(());
        }
        let planned = args.step(&recorded.deployment, &snapshot).map_err(refused)?;
        difference(&recorded.deployment).iter().for_each(|found| printer.note(format_args!("note: {found}")));
        say(&args.name, &planned.what, printer);
        if args.plan {
            only_a_plan(printer);
            return Ok(());
        }
        let after = promote(&args, &operator).await?;
        if args.wait {
            let source = args.connection.source(&snapshot);
            return progress::wait(&operator, source.as_ref(), &after, printer).await;
        }
        printer.note(format_args!("if it is not as it should be: lantern rollback {}", args.name));
        Ok(())
    })
}

/// Promotes it as soon as it is as far as the live one, which it follows.
async fn promote(args: &Args, operator: &Operator) -> Result<Deployment, UserError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let step = |deployment: &Deployment, snapshot: &Snapshot| args.step(deployment, snapshot);
        let (before, after, outcome) = operator.change(&args.name, "promote", step).await?;
        let number = before.next().map_or(before.live, |(number, _)| number);
        let outcome = match outcome {
            Outcome::Done | Outcome::Changed => return Ok(after.unwrap_or(before)),
            Outcome::TooMany { .. } if args.chunked => {
                match moving::begin(operator, &args.name, "promote", Moving::Next).await? {
                    Ok(moved) => return Ok(moved),
                    Err(outcome) => outcome,
                }
            }
            Outcome::TooMany { .. } => return Err(moving::too_many(&outcome, &args.name, "promote")),
            behind @ Outcome::Behind { .. } => behind,
        };
        if Instant::now() >= deadline {
            return Err(UserError::failure(
                format!("generation {number} of projection `{}` is behind: {outcome}", args.name),
                format!("see why it does not follow: lantern status {}", args.name),
            ));
        }
        sleep(AGAIN).await;
    }
}

impl Args {
    fn step(&self, deployment: &Deployment, snapshot: &Snapshot) -> Result<Step, Refusal> {
        let after = steps::promote(deployment, snapshot.now)?;
        if let Some(found) = difference(deployment).filter(|_| !self.anyway) {
            let hint = format!("if that is as it should be: lantern promote {} --anyway", self.name);
            return Err(Refusal::new(found, hint));
        }
        let (before, now) = (deployment.live, after.live);
        let what = format!("generation {now} becomes the live one, generation {before} is kept for rollback");
        // One that has stopped may have read more than there is now.
        let reached = (!snapshot.has_stopped(&self.name, before)).then_some(Reached { by: now, of: before });
        Ok(Step { reached, ..Step::to(after, what) })
    }
}

/// What speaks against promoting the held generation, if something does.
fn difference(deployment: &Deployment) -> Option<String> {
    let (number, next) = deployment.next()?;
    let finding = next.finding.as_deref().unwrap_or("it is not known why");
    Some(match next.doubt? {
        Doubt::Differs => format!("generation {number} differs from the live one: {finding}"),
        Doubt::Uncompared => format!("generation {number} was not compared with the live one: {finding}"),
    })
}
