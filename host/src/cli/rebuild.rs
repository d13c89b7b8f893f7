//! `lantern rebuild`: builds a projection's views anew, from the first event.

use super::closing::{only_a_plan, say, tell_next};
use super::connect::{Connection, block_on};
use super::how::How;
use super::operate::{Operator, Step, refused};
use super::plan::{replaying, revisions};
use super::{Printer, UserError, as_of, history, past, progress};
use crate::control::{Deployment, Outcome, Refusal, Snapshot, steps};
use crate::replay::Until;

/// Rebuild a projection: a new generation from the first event, beside the one that readers read
///
/// When the new generation has come as far as the live one, it takes its place in one step, and the other is kept for
/// `lantern rollback`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lantern rebuild balances --plan
  lantern rebuild balances --verify --wait
  lantern rebuild balances --hold --rate 50000
  lantern rebuild balances --in-place
  lantern rebuild balances --until 2026-01-31T23:59:59Z --as balances-january --wait")]
pub(crate) struct Args {
    /// Rebuild this projection
    name: String,

    /// Clear the views and fill them again, for want of memory: readers see them grow, and there is no way back
    #[arg(long, conflicts_with_all = ["hold", "verify", "chunked", "rate"])]
    in_place: bool,

    /// Build the views as they were at this time, or right after this event, and leave the projection as it is
    #[arg(
        long,
        value_name = "TIME|TOPIC/PARTITION@OFFSET",
        requires = "other",
        value_parser = past::parse,
        conflicts_with_all = ["in_place", "hold", "verify", "chunked", "rate"]
    )]
    until: Option<Until>,

    /// Give what is built by --until this name: a projection of its own, which stays as it is
    #[arg(long = "as", value_name = "OTHER", requires = "until")]
    other: Option<String>,

    /// Say what it comes to, and change nothing
    #[arg(long)]
    plan: bool,

    /// Show the progress until the new generation is live, or held
    #[arg(long, conflicts_with = "plan")]
    wait: bool,

    #[command(flatten)]
    connection: Connection,

    // Last, for the heading is that of all that follows.
    #[command(flatten)]
    how: How,
}

pub(crate) fn run(args: Args, printer: &mut Printer) -> anyhow::Result<()> {
    block_on(async {
        if let (Some(until), Some(other)) = (&args.until, &args.other) {
            let Args { name, plan, wait, .. } = &args;
            let from_earliest = args.how.from_earliest;
            let request = as_of::Request { name, until, other, from_earliest, plan: *plan, wait: *wait };
            return as_of::run(&request, &args.connection, printer).await;
        }
        let operator = args.connection.operator();
        let (snapshot, recorded) = operator.find(&args.name).await?;
        let source = args.connection.source(&snapshot);
        let present = &recorded.deployment;
        let planned = args.step(present, &snapshot).map_err(refused)?;
        let live = present.live();
        let topics = live.map(|live| live.topics.clone()).unwrap_or_default();
        let history = history::check(source.as_ref(), &topics, args.how.from_earliest).await?;
        let replay = history.as_ref().map(|history| history.events);
        let replaying = replaying(replay, live.and_then(|live| live.built), args.how.rebuild().rate, "to replay");
        say(&args.name, format_args!("{}: {replaying}", planned.what), printer);
        if let Some(lack) = history.and_then(|history| history.lack()) {
            printer.note(lack);
        }
        if args.plan {
            only_a_plan(printer);
            return Ok(());
        }
        let after = begin(&args, &operator).await?;
        operator.sweep(&args.name).await?;
        if args.wait {
            return progress::wait(&operator, source.as_ref(), &after, printer).await;
        }
        Ok(tell_next(&operator, &after, printer).await?)
    })
}

async fn begin(args: &Args, operator: &Operator) -> Result<Deployment, UserError> {
    let step = |deployment: &Deployment, snapshot: &Snapshot| args.step(deployment, snapshot);
    match operator.change(&args.name, "rebuild", step).await? {
        (_, Some(after), Outcome::Done) => Ok(after),
        (_, _, outcome) => Err(UserError::refused(
            format!("projection `{}` cannot be rebuilt in place: {outcome}", args.name),
            format!("build it beside the live one: lantern rebuild {} --chunked", args.name),
        )),
    }
}

impl Args {
    fn step(&self, deployment: &Deployment, snapshot: &Snapshot) -> Result<Step, Refusal> {
        let refusal = || Refusal::new("its record has no live generation", "undeploy it and deploy it again");
        let next = steps::again(deployment, self.how.rebuild()).ok_or_else(refusal)?;
        let revision = revisions(next.revision, next.revision);
        let after = steps::rebuild(deployment, next, self.in_place, snapshot.now)?;
        let place = if self.in_place { " in place" } else { "" };
        let what = format!("rebuild{place} as generation {} ({revision})", after.last);
        Ok(Step::to(after, what))
    }
}
