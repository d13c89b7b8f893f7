//! `lantern gc`: removes what is kept for `rollback` and what nobody needs any more.

use std::collections::BTreeSet;

use super::Printer;
use super::closing::{only_a_plan, say};
use super::connect::{Connection, block_on};
use super::operate::{Operator, Step, failure};
use crate::cli::UserError;
use crate::control::{Deployment, Refusal, Registry, Snapshot, Stage, steps};

/// Remove old generations now instead of when their time is up, and modules that no projection uses
///
/// Afterwards there is nothing to roll back to until the next cutover.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lantern gc --plan
  lantern gc balances")]
pub(crate) struct Args {
    /// Remove the old generations of this projection [default: of all]
    name: Option<String>,

    /// Say what would be removed, and change nothing
    #[arg(long)]
    plan: bool,

    #[command(flatten)]
    connection: Connection,
}

pub(crate) fn run(args: Args, printer: &mut Printer) -> anyhow::Result<()> {
    block_on(async {
        let operator = args.connection.operator();
        let snapshot = match &args.name {
            Some(name) => operator.find(name).await?.0,
            None => operator.snapshot().await?,
        };
        let is_meant = |name: &&String| args.name.as_ref().is_none_or(|meant| meant == *name);
        let mut removed = 0;
        let before = operator.registry.modules().await.map_err(|e| failure(&e))?;
        for name in snapshot.deployments.keys().filter(is_meant) {
            let deployment = &snapshot.deployments[name].deployment;
            let old: Vec<u64> = old(deployment).collect();
            removed += old.len();
            for number in &old {
                say(name, format_args!("generation {number} is removed"), printer);
            }
            if !args.plan {
                collect(&operator, name).await?;
            }
        }
        let modules = if args.plan {
            unused(&before, &snapshot, &args)
        } else {
            operator.registry.drop_modules().await.map_err(|e| failure(&e))?;
            // Hosts may have been faster.
            let after = operator.registry.modules().await.map_err(|e| failure(&e))?;
            before.difference(&after).count() as u64
        };
        let count = |number: u64, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
        printer.out(format_args!("{}, {}", count(removed as u64, "generation"), count(modules, "module")));
        if args.plan {
            only_a_plan(printer);
        }
        Ok(())
    })
}

/// The generations of a projection that are kept, or on their way out.
fn old(deployment: &Deployment) -> impl Iterator<Item = u64> {
    let can_retire = deployment.moving.is_none();
    let is_old = move |stage| stage == Stage::Dropped || (stage == Stage::Old && can_retire);
    deployment.generations.iter().filter(move |(_, g)| is_old(g.stage)).map(|(number, _)| *number)
}

/// Removes what is old of a projection.
async fn collect(operator: &Operator, name: &str) -> Result<(), UserError> {
    match operator.change(name, "gc", step).await {
        Ok(_) => {}
        // There is nothing to retire, or no such projection any more.
        Err(done) if matches!(done.exit_code(), 3 | 4) => {}
        Err(error) => return Err(error),
    }
    operator.sweep(name).await
}

fn step(deployment: &Deployment, _: &Snapshot) -> Result<Step, Refusal> {
    let numbers: Vec<String> = old(deployment).map(|number| number.to_string()).collect();
    let gone = || Refusal::new("a host has removed the old generation just now", "see lantern history");
    Ok(Step::to(
        steps::retire(deployment).ok_or_else(gone)?,
        format!("generation {} is removed", numbers.join(", ")),
    ))
}

/// How many modules nobody uses once the old generations are gone.
fn unused(modules: &BTreeSet<String>, snapshot: &Snapshot, args: &Args) -> u64 {
    let mut used = BTreeSet::new();
    for (name, recorded) in &snapshot.deployments {
        let is_meant = args.name.as_ref().is_none_or(|meant| meant == name);
        let gone: BTreeSet<u64> = if is_meant { old(&recorded.deployment).collect() } else { BTreeSet::new() };
        let rest = recorded.deployment.generations.iter().filter(|(number, _)| !gone.contains(number));
        used.extend(rest.map(|(_, generation)| generation.module.clone()));
    }
    modules.iter().filter(|digest| !used.contains(*digest)).count() as u64
}
