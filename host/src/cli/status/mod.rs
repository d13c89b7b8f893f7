//! `lantern status`: in which state projections are, why, and how far they have come.

mod text;
mod watch;

use std::fmt::Display;

use clap::builder::styling::Style;

use super::connect::{Connection, block_on};
use super::report::{Report, State, collect};
use super::table::{BAD, BUSY, DOUBTFUL, FAINT, GOOD, wants_colour};
use super::{Printer, UserError};

/// Show in which state projections are and why, how far they have come in each partition, and how rebuilds go on
#[derive(clap::Args)]
#[command(after_help = "\
A state is one of building, live, paused, rebuilding, stopped, retrying and undeploying. A number that is not known,
because the source is away, is shown as `?`, and is null in JSON.

Examples:
  lantern status
  lantern status balances --watch
  lantern status balances --json | jq '.projections[0].lag'")]
pub(crate) struct Args {
    /// Show this projection [default: all]
    name: Option<String>,

    /// Go on and show every change, until Ctrl-C
    #[arg(long)]
    watch: bool,

    /// Print JSON; with --watch an object a line, whenever something has changed
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connection: Connection,
}

pub(crate) fn run(args: Args, printer: &mut Printer) -> anyhow::Result<()> {
    block_on(async {
        let operator = args.connection.operator();
        if args.watch {
            return watch::watch(&args, &operator, printer).await;
        }
        let source = args.connection.ask_source(&operator).await?;
        let report = collect(&operator, source.as_ref(), args.name.as_deref()).await?;
        say(&report, printer);
        if args.json {
            printer.out(as_json(&report)?);
        } else {
            text::full(&report, wants_colour()).iter().for_each(|line| printer.out(line));
            if let (Some(_), [only]) = (&args.name, &report.projections[..]) {
                text::all_limits(only, wants_colour()).iter().for_each(|line| printer.out(line));
            }
        }
        Ok(())
    })
}

/// Says what a reader of the report should know beside it.
pub(super) fn say(report: &Report, printer: &mut Printer) {
    notes(report).iter().for_each(|note| printer.note(note));
}

fn notes(report: &Report) -> Vec<String> {
    if report.projections.is_empty() {
        return vec!["nothing is deployed yet (hint: lantern deploy FILE.wasm)".to_owned()];
    }
    let no_host = "no host is alive: nothing moves (hint: lantern run)";
    // One that can't write can't say that it lives.
    let no_host = (report.hosts.is_empty() && report.unwilling.is_none()).then(|| no_host.to_owned());
    let no_ends = report.away.iter().map(|away| format!("where topics end is not known: {away}"));
    report.unwilling.clone().into_iter().chain(no_host).chain(no_ends).collect()
}

/// How a state is coloured.
pub(super) fn style(state: State) -> Style {
    match state {
        State::Live => GOOD,
        State::Building | State::Rebuilding => BUSY,
        State::Paused | State::Undeploying => FAINT,
        State::Retrying => DOUBTFUL,
        State::Stopped => BAD,
    }
}

fn as_json(report: &Report) -> Result<impl Display, UserError> {
    serde_json::to_string(report)
        .map_err(|e| UserError::failure(e.to_string(), "report this as a defect of lantern"))
}
