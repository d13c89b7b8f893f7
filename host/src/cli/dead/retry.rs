//! `lantern dead retry`.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::choice::{Choice, Letters};
use super::settle::{Meant, count, settle};
use crate::cli::closing::{only_a_plan, say, tell_next};
use crate::cli::connect::{Connection, block_on};
use crate::cli::operate::{Operator, failure};
use crate::cli::{Printer, UserError};
use crate::control::Registry;

/// How often it looks anew.
const EVERY: Duration = Duration::from_millis(100);

/// Apply dead letters again, with the module that is deployed now
///
/// The events of a key are applied in order, in one atomic step, up to the first that fails again; that one and those behind
/// it stay. If an event is named that waits behind others, these are applied first.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lantern dead retry balances --all --wait
  lantern dead retry balances --key acc-42
  lantern dead retry balances account-events/3@1041 --plan")]
pub(super) struct Args {
    #[command(flatten)]
    meant: Meant,

    /// Say what would be applied again, and change nothing
    #[arg(long)]
    plan: bool,

    /// Wait until all were tried; exit with 1 if any of them stays
    #[arg(long, conflicts_with = "plan")]
    wait: bool,

    #[command(flatten)]
    connection: Connection,
}

pub(super) fn run(args: Args, printer: &mut Printer) -> anyhow::Result<()> {
    block_on(async {
        let operator = args.connection.operator();
        let letters = Letters::read(&operator, &args.meant.name, &args.meant.choice).await?;
        letters.must_run()?;
        let chosen = letters.tried(&args.meant.chosen(&letters)?);
        say(&args.meant.name, format_args!("{} to be tried again", count(&chosen)), printer);
        if args.plan {
            only_a_plan(printer);
            return Ok(());
        }
        if chosen.is_empty() {
            return Ok(());
        }
        settle(&operator, &letters, &chosen, false).await?;
        if !args.wait {
            tell_next(&operator, &letters.deployment, printer).await?;
            return Ok(());
        }
        if operator.registry.hosts().await.map_err(|error| failure(&error))?.is_empty() {
            printer.note("no host is alive yet: lantern run --source SOURCE");
        }
        let wanted = chosen.iter().map(|found| (found.share.clone(), found.number)).collect();
        tokio::select! {
            waited = wait(&operator, &letters, &wanted, printer) => waited,
            signalled = tokio::signal::ctrl_c() => {
                signalled?;
                printer.note(format_args!("no longer watching; it goes on: lantern dead list {}", args.meant.name));
                Ok(())
            }
        }
    })
}

/// Waits until all were tried, and says what came of it.
async fn wait(
    operator: &Operator,
    letters: &Letters,
    wanted: &BTreeSet<(String, u64)>,
    printer: &mut Printer,
) -> anyhow::Result<()> {
    let (name, generation) = (&letters.deployment.name, letters.generation);
    if letters.deployment.paused {
        let hint = format!("let it go on: lantern resume {name}");
        return Err(UserError::failure(
            format!("projection `{name}` is paused: it is done when it goes on"),
            hint,
        )
        .into());
    }
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let (snapshot, now) = operator.find(name).await?;
        let generation_now = now.deployment.generations.get(&generation);
        if !generation_now.is_some_and(|now| now.begun == letters.begun() && (now.runs() || now.frozen)) {
            let message = format!("generation {generation} of projection `{name}` does not run any more");
            return Err(UserError::failure(message, format!("see lantern history {name}")).into());
        }
        let waiting = operator.registry.count_letters(name, generation).await.map_err(|error| failure(&error))?.1;
        if waiting == 0 {
            break;
        }
        if snapshot.has_stopped(name, generation) {
            let hint = format!("see lantern status {name}; then let it go on: lantern resume {name}");
            return Err(UserError::failure(format!("projection `{name}` has stopped"), hint).into());
        }
    }
    let choice = Choice { generation: Some(generation), ..Choice::default() };
    let after = Letters::read(operator, name, &choice).await?;
    let is_wanted = |share: &String, number: u64| wanted.contains(&(share.clone(), number));
    let stay: Vec<_> = after.all.iter().filter(|found| is_wanted(&found.share, found.number)).collect();
    say(name, format_args!("{} of {} are applied", wanted.len() - stay.len(), wanted.len()), printer);
    match stay.first() {
        None => Ok(()),
        Some(first) => {
            let message = format!(
                "{} stay set aside, the first is event {}: {}",
                stay.len(),
                first.letter.reference(),
                first.letter.message
            );
            let hint = format!("mend the plugin and deploy it, then try again; see lantern dead list {name}");
            Err(UserError::failure(message, hint).into())
        }
    }
}
