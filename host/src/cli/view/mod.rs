//! `lantern view`: what the views of a projection hold, read from where its readers read them.

mod reader;
mod text;

use serde_json::json;

use super::connect::{Connection, block_on};
use super::operate::{Operator, nearest};
use super::table::printable;
use super::{Printer, UserError};
use crate::control::{Deployment, Generation};
use crate::projection::{Kind, View};
use reader::Reader;

/// Show the views of a projection, or records of one
#[derive(clap::Args)]
#[command(after_help = "\
Of a ranking the highest come first, of a list the newest, of other views any. Redis clients find a view under its
KEY, which the list of views shows.

Examples:
  lantern view balances
  lantern view balances accounts acc-42
  lantern view leaderboard by-balance --limit 3
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

    /// Print JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connection: Connection,
}

pub(crate) fn run(args: Args, printer: &mut Printer) -> anyhow::Result<()> {
    block_on(async {
        let operator = args.connection.operator();
        let (_, recorded) = operator.find(&args.name).await?;
        let deployment = &recorded.deployment;
        let Some(generation) = deployment.live() else {
            let message = format!("projection `{}` is being undeployed", args.name);
            return Err(UserError::failure(message, "`lantern list` shows what is deployed").into());
        };
        let Some(wanted) = &args.view else {
            return list(&args, &operator, deployment, generation, printer).await;
        };
        let view = find(wanted, &args.name, generation)?;
        check(&args, view)?;
        let reader = Reader { registry: &operator.registry, deployment, view };
        if view.keyed && args.key.is_none() && (view.kind != Kind::Value || args.ids.is_empty()) {
            return show_keys(&args, &reader, printer).await;
        }
        let records = reader.records(args.key.as_deref(), &args.ids, args.limit as usize).await?;
        if args.json {
            printer.out(text::records_as_json(&args.name, view, &reader.key(args.key.as_deref()), &records.found));
        } else {
            text::records(view, &records.found).iter().for_each(|line| printer.out(line));
        }
        if records.found.is_empty() && !args.ids.is_empty() {
            let message = format!("view `{}` has no record {}", view.name, quoted(&args.ids));
            return Err(UserError::failure(
                message,
                format!("`lantern view {} {}` shows some", args.name, view.name),
            )
            .into());
        }
        records.missing.iter().for_each(|id| printer.note(format_args!("there is no record `{id}`")));
        if args.ids.is_empty() {
            more(records.count, records.found.len(), args.limit, printer);
        }
        Ok(())
    })
}

fn find<'a>(wanted: &str, projection: &str, generation: &'a Generation) -> Result<&'a View, UserError> {
    let names: Vec<String> = generation.views.iter().map(|view| view.name.clone()).collect();
    generation.views.iter().find(|view| view.name == *wanted).ok_or_else(|| {
        let hint = match nearest(wanted, &names) {
            Some(other) => format!("did you mean `{other}`?"),
            None => format!("it has {}", names.join(", ")),
        };
        UserError::usage(format!("projection `{projection}` has no view `{wanted}`"), hint)
    })
}

fn check(args: &Args, view: &View) -> Result<(), UserError> {
    let name = &view.name;
    let is_value = view.kind == Kind::Value;
    if args.key.is_some() && !view.keyed {
        let message = format!("view `{name}` is {view}, which is not keyed");
        return Err(UserError::usage(message, "leave --key out"));
    }
    if args.ids.is_empty() {
        return Ok(());
    }
    if view.kind == Kind::List {
        let message = format!("view `{name}` is {view}, whose entries have no ids");
        return Err(UserError::usage(message, "say with --limit how many of the newest to show"));
    }
    if view.keyed && !is_value && args.key.is_none() {
        let message = format!("view `{name}` is {view}, and no key is given");
        return Err(UserError::usage(message, "name the key with --key; without ids, its keys are listed"));
    }
    if is_value && args.key.is_some() {
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
    if args.json {
        let views = counted.iter().map(|(view, key, count)| {
            json!({ "name": view.name, "kind": view.kind, "keyed": view.keyed, "key": key, "count": count })
        });
        printer.out(json!({ "projection": args.name, "views": views.collect::<Vec<_>>() }));
    } else {
        text::views(&counted).iter().for_each(|line| printer.out(line));
    }
    Ok(())
}

/// Shows the keys of a keyed view; those of values with their values.
async fn show_keys(args: &Args, reader: &Reader<'_>, printer: &mut Printer) -> anyhow::Result<()> {
    let keys = reader.keys(args.limit as usize).await?;
    let view = reader.view;
    if view.kind == Kind::Value {
        let found: Vec<_> = reader.values(&keys).await?.into_iter().flatten().collect();
        if args.json {
            printer.out(text::records_as_json(&args.name, view, &reader.key(None), &found));
        } else {
            text::records(view, &found).iter().for_each(|line| printer.out(line));
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
    more(reader.count().await?, keys.len(), args.limit, printer);
    Ok(())
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
