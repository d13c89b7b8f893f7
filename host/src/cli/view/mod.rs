//! `lantern view`: what the views of a projection hold, read from where its readers read them; or what they held, by a replay.

mod past;
mod reader;
mod text;

use serde_json::json;

use super::connect::{Connection, block_on};
use super::operate::{Operator, live, nearest};
use super::past::Played;
use super::run::Cache;
use super::table::printable;
use super::{Printer, UserError, start_log};
use crate::control::{Deployment, Generation};
use crate::projection::{Kind, View};
use crate::replay::Until;
use crate::store::memory::Memory;
use crate::store::redis::Record;
pub(super) use reader::Reader;
use reader::Records;

/// Show the views of a projection, or records of one
#[derive(clap::Args)]
#[command(after_help = "\
Of a ranking the highest come first, of a list the newest, of other views any. Redis clients find a view under its
KEY, which the list of views shows.

Examples:
  lantern view balances
  lantern view balances accounts acc-42
  lantern view leaderboard by-balance --limit 3
  lantern view balances accounts acc-42 --at 2026-01-31T12:00:00Z
  lantern view balances accounts acc-42 --at account-events/3@1021
  lantern view feed timeline --key ada --json")]
pub(crate) struct Args {
    /// Show views of this projection
    name: String,

    /// Show records of this view [default: list the views]
    view: Option<String>,

    /// Show just the records of these ids: the fields of a table or of counters, the members of a ranking or a set
    #[arg(value_name = "ID")]
    ids: Vec<String>,

    /// Show the structure of this key, of a keyed view
    #[arg(long, requires = "view")]
    key: Option<String>,

    /// Show so many records at most
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,

    /// Show what it was at this time, or right after this event: its events are replayed in memory, and the live view stays as
    /// it is
    #[arg(long, value_name = "TIME|TOPIC/PARTITION@OFFSET", value_parser = super::past::parse)]
    at: Option<Until>,

    /// Print JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    cache: Cache,

    #[command(flatten)]
    connection: Connection,
}

pub(crate) fn run(args: Args, printer: &mut Printer) -> anyhow::Result<()> {
    block_on(async {
        let operator = args.connection.operator();
        if let Some(until) = &args.at {
            return show_past(&args, until, &operator, printer).await;
        }
        let (_, recorded) = operator.find(&args.name).await?;
        let deployment = &recorded.deployment;
        let generation = live(deployment)?;
        let Some(wanted) = &args.view else {
            return list(&args, &operator, deployment, generation, printer).await;
        };
        let view = find(wanted, &args.name, &generation.views)?;
        check(view, args.key.as_deref(), &args.ids)?;
        let reader = Reader { registry: &operator.registry, deployment, view };
        if shows_keys(&args, view) {
            let keys = reader.keys(args.limit as usize).await?;
            let values = if view.kind == Kind::Value { reader.values(&keys).await? } else { Vec::new() };
            let shown =
                Keys { values: values.into_iter().flatten().collect(), count: reader.count().await?, keys };
            show_keys(&args, view, &reader.key(None), &shown, printer);
            return Ok(());
        }
        let records = reader.records(args.key.as_deref(), &args.ids, args.limit as usize).await?;
        show(&args, view, &reader.key(args.key.as_deref()), &records, printer)
    })
}

/// Shows what the views held.
async fn show_past(args: &Args, until: &Until, operator: &Operator, printer: &mut Printer) -> anyhow::Result<()> {
    start_log("warn");
    let played = Played::find(operator, &args.connection, &args.name).await?;
    let (deployment, views) = (&played.deployment, &played.projection.views);
    let view = args.view.as_ref().map(|wanted| find(wanted, &args.name, views)).transpose()?;
    view.map(|view| check(view, args.key.as_deref(), &args.ids)).transpose()?;
    let replayed = played.replay(played.module(&args.cache)?, None, until, printer).await?;
    if let Some(stopped) = replayed.stopped {
        return Err(stopped.into());
    }
    let memory = replayed.memory;
    let key = |view: &View, key: Option<&str>| Reader { registry: &operator.registry, deployment, view }.key(key);
    let Some(view) = view else {
        let counted: Vec<_> =
            views.iter().map(|view| (view, key(view, None), past::count(&memory, view))).collect();
        show_list(args, &counted, printer);
        return Ok(());
    };
    if shows_keys(args, view) {
        show_keys(args, view, &key(view, None), &past_keys(&memory, view, args.limit), printer);
        return Ok(());
    }
    let name = args.key.as_deref();
    let records = past::records(&memory, view, name, &args.ids, args.limit as usize);
    show(args, view, &key(view, name), &records, printer)
}

fn past_keys(memory: &Memory, view: &View, limit: u32) -> Keys {
    let mut keys = past::keys(memory, view);
    let count = keys.len() as u64;
    keys.truncate(limit as usize);
    let values = if view.kind == Kind::Value { past::values(memory, view, &keys).found } else { Vec::new() };
    Keys { keys, values, count }
}

/// Whether the keys of a keyed view are to be shown, for none is chosen.
fn shows_keys(args: &Args, view: &View) -> bool {
    view.keyed && args.key.is_none() && (view.kind != Kind::Value || args.ids.is_empty())
}

/// Shows records, and says which are not there.
fn show(args: &Args, view: &View, key: &str, records: &Records, printer: &mut Printer) -> anyhow::Result<()> {
    if args.json {
        printer.out(text::records_as_json(&args.name, view, key, &records.found));
    } else {
        text::records(view, &records.found).iter().for_each(|line| printer.out(line));
    }
    if records.found.is_empty() && !args.ids.is_empty() {
        let message = format!("view `{}` has no record {}", view.name, quoted(&args.ids));
        let hint = format!("`lantern view {} {}` shows some", args.name, view.name);
        return Err(UserError::failure(message, hint).into());
    }
    records.missing.iter().for_each(|id| printer.note(format_args!("there is no record `{id}`")));
    if args.ids.is_empty() {
        more(records.count, records.found.len(), args.limit, printer);
    }
    Ok(())
}

/// The view of that name.
pub(super) fn find<'a>(wanted: &str, projection: &str, views: &'a [View]) -> Result<&'a View, UserError> {
    let names: Vec<String> = views.iter().map(|view| view.name.clone()).collect();
    views.iter().find(|view| view.name == *wanted).ok_or_else(|| {
        let hint = match nearest(wanted, &names) {
            Some(other) => format!("did you mean `{other}`?"),
            None => format!("it has {}", names.join(", ")),
        };
        UserError::usage(format!("projection `{projection}` has no view `{wanted}`"), hint)
    })
}

/// Whether a key and ids make sense of a view.
pub(super) fn check(view: &View, key: Option<&str>, ids: &[String]) -> Result<(), UserError> {
    let name = &view.name;
    let is_value = view.kind == Kind::Value;
    if key.is_some() && !view.keyed {
        let message = format!("view `{name}` is {view}, which is not keyed");
        return Err(UserError::usage(message, "leave --key out"));
    }
    if ids.is_empty() {
        return Ok(());
    }
    if view.kind == Kind::List {
        let message = format!("view `{name}` is {view}, whose entries have no ids");
        return Err(UserError::usage(message, "say with --limit how many of the newest to show"));
    }
    if view.keyed && !is_value && key.is_none() {
        let message = format!("view `{name}` is {view}, and no key is given");
        return Err(UserError::usage(message, "name the key with --key; without ids, its keys are listed"));
    }
    if is_value && key.is_some() {
        let message = format!("view `{name}` is {view}: its ids are its keys");
        return Err(UserError::usage(message, "give either --key or ids"));
    }
    Ok(())
}

/// Lists the views.
async fn list(
    args: &Args,
    operator: &Operator,
    deployment: &Deployment,
    generation: &Generation,
    printer: &mut Printer,
) -> anyhow::Result<()> {
    let mut counted = Vec::new();
    for view in &generation.views {
        let reader = Reader { registry: &operator.registry, deployment, view };
        counted.push((view, reader.key(None), reader.count().await?));
    }
    show_list(args, &counted, printer);
    Ok(())
}

fn show_list(args: &Args, counted: &[(&View, String, u64)], printer: &mut Printer) {
    if args.json {
        let views = counted.iter().map(|(view, key, count)| {
            json!({ "name": view.name, "kind": view.kind, "keyed": view.keyed, "key": key, "count": count })
        });
        printer.out(json!({ "projection": args.name, "views": views.collect::<Vec<_>>() }));
    } else {
        text::views(counted).iter().for_each(|line| printer.out(line));
    }
}

/// Some keys of a keyed view.
struct Keys {
    keys: Vec<String>,
    /// Of values, what stands under them.
    values: Vec<Record>,
    /// How many there are in all.
    count: u64,
}

/// Shows the keys of a keyed view; those of values with their values.
fn show_keys(args: &Args, view: &View, key: &str, shown: &Keys, printer: &mut Printer) {
    let Keys { keys, values, count } = shown;
    if view.kind == Kind::Value {
        if args.json {
            printer.out(text::records_as_json(&args.name, view, key, values));
        } else {
            text::records(view, values).iter().for_each(|line| printer.out(line));
        }
    } else if args.json {
        printer.out(json!({ "projection": args.name, "view": view.name, "kind": view.kind, "keys": keys }));
    } else {
        keys.iter().for_each(|key| printer.out(printable(key)));
        let (name, view) = (&args.name, &view.name);
        printer.note(format_args!(
            "these are keys (hint: lantern view {name} {view} --key KEY shows what one holds)"
        ));
    }
    more(*count, keys.len(), args.limit, printer);
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ")
}

/// Says that there is more than was shown. What was counted may have expired.
fn more(count: u64, shown: usize, limit: u32, printer: &mut Printer) {
    let left = count.saturating_sub(shown as u64);
    if shown >= limit as usize && left > 0 {
        printer.note(format_args!("{} more (hint: --limit)", super::figures::grouped(left)));
    }
}
