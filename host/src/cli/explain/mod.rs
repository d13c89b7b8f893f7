//! `lantern explain`: which events made a record of a view what it is, and what each of them changed.

mod text;

use super::connect::{Connection, block_on};
use super::past::Played;
use super::run::Cache;
use super::view::{check, find};
use super::{Printer, UserError, past, start_log};
use crate::projection::Kind;
use crate::replay::{Until, Watch, Witness};

/// Explain a record of a view: the events that made it what it is, with what it held before and after each
///
/// The projection's events are replayed through its module, in memory. The live view is only read by others.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lantern explain balances accounts acc-42
  lantern explain balances accounts acc-42 --at 2026-01-31T12:00:00Z --limit 3
  lantern explain balances totals --limit 5 --json
  lantern explain feed timeline --key ada")]
pub(crate) struct Args {
    /// Explain a view of this projection
    name: String,

    /// Explain a record of this view
    view: String,

    /// Explain the record of this id: a field of a table or of counters, a member of a ranking or a set, the key of a value
    /// [default: all of the view]
    id: Option<String>,

    /// Explain the structure of this key, of a keyed view
    #[arg(long)]
    key: Option<String>,

    /// Show the latest N events
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,

    /// Explain what it was at this time, or right after this event
    #[arg(long, value_name = "TIME|TOPIC/PARTITION@OFFSET", value_parser = past::parse)]
    at: Option<Until>,

    /// Replay only this partition of each topic: quicker, where the record is of no other
    #[arg(long, value_name = "N")]
    partition: Option<u32>,

    /// Print JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    cache: Cache,

    #[command(flatten)]
    connection: Connection,
}

pub(crate) fn run(args: Args, printer: &mut Printer) -> anyhow::Result<()> {
    start_log("warn");
    block_on(async {
        let operator = args.connection.operator();
        let played = Played::find(&operator, &args.connection, &args.name).await?;
        let watch = watch(&args, &played)?;
        let witness = Witness::new(played.module(&args.cache)?, watch.clone());
        let until = args.at.clone().unwrap_or(Until::Now);
        let replayed = played.replay(witness.clone(), args.partition, &until, printer).await?;
        let (seen, events) = (witness.seen(), replayed.events);
        if let Some(stopped) = replayed.stopped.as_ref().filter(|_| seen.count > 0) {
            printer.note(format_args!("note: this is what came before: {stopped}"));
        }
        if seen.count == 0 && replayed.stopped.is_none() {
            let message = format!("no event has changed {}", text::subject(&args));
            let hint = format!("`lantern view {} {}` shows some records", args.name, args.view);
            return Err(UserError::failure(message, hint).into());
        }
        if args.json {
            printer.out(text::json(&args, &watch, &seen, events));
        } else {
            text::lines(&args, &watch, &seen, events).iter().for_each(|line| printer.out(line));
        }
        replayed.stopped.map_or(Ok(()), |stopped| Err(stopped.into()))
    })
}

/// What to watch, by what the view is.
fn watch(args: &Args, played: &Played) -> Result<Watch, UserError> {
    let views = &played.projection.views;
    let view = find(&args.view, &args.name, views)?;
    let ids: Vec<String> = args.id.iter().cloned().collect();
    check(view, args.key.as_deref(), &ids)?;
    if view.keyed && args.key.is_none() && (view.kind != Kind::Value || args.id.is_none()) {
        let message = format!("view `{}` is {view}, and no key is given", view.name);
        let hint = if view.kind == Kind::Value { "name the key as the ID" } else { "name the key with --key" };
        return Err(UserError::usage(message, hint));
    }
    let index = views.iter().position(|other| other.name == view.name).unwrap_or(0);
    let bytes = |text: &Option<String>| text.as_ref().map(|text| text.clone().into_bytes());
    let (key, member) = match view.kind {
        Kind::Value => (bytes(&args.id).or(bytes(&args.key)), Some(Vec::new())),
        _ => (bytes(&args.key), bytes(&args.id)),
    };
    Ok(Watch {
        view: index as u32,
        kind: view.kind,
        key: key.unwrap_or_default(),
        member,
        latest: args.limit as usize,
    })
}
