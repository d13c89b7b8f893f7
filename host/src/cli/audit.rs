//! `lantern history`: who has done what to the projections, and when.

use serde_json::json;

use super::Printer;
use super::connect::{Connection, block_on};
use super::figures::moment;
use super::operate::failure;
use super::table::{FAINT, PLAIN, STRONG, Side, Table, wants_colour};
use crate::store::redis::HistoryLine;

/// Show what was done to the projections, by whom and when; the newest comes last
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lantern history
  lantern history balances --count 5
  lantern history --json | jq '.history[] | select(.action == \"cutover\")'")]
pub(crate) struct Args {
    /// Show what concerns this projection, whether it is still deployed or not [default: all]
    name: Option<String>,

    /// Show this many of the newest entries; some ten thousand are kept
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    count: u64,

    /// Print JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connection: Connection,
}

pub(crate) fn run(args: Args, printer: &mut Printer) -> anyhow::Result<()> {
    let lines = block_on(async {
        let operator = args.connection.operator();
        let count = usize::try_from(args.count).unwrap_or(usize::MAX);
        let lines = operator.registry.history(args.name.as_deref(), count).await.map_err(|e| failure(&e))?;
        if let Some(name) = args.name.as_deref().filter(|_| lines.is_empty()) {
            operator.find(name).await?;
        }
        Ok(lines)
    })?;
    if args.json {
        printer.out(as_json(&lines));
    } else if lines.is_empty() {
        printer.note("nothing is kept of what was done");
    } else {
        table(&lines).lines(wants_colour()).iter().for_each(|line| printer.out(line));
    }
    Ok(())
}

fn table(lines: &[HistoryLine]) -> Table {
    let columns = ["WHEN", "WHO", "ACTION", "PROJECTION", "WHAT"].map(|name| (name, Side::Left));
    let mut table = Table::new(columns);
    for HistoryLine { at, entry } in lines {
        let cells = [
            (moment(*at), FAINT),
            (entry.who.clone(), PLAIN),
            (entry.action.clone(), STRONG),
            (entry.projection.clone(), PLAIN),
            (entry.what.clone(), PLAIN),
        ];
        table.row(cells);
    }
    table
}

fn as_json(lines: &[HistoryLine]) -> serde_json::Value {
    let lines = lines.iter().map(|HistoryLine { at, entry }| {
        json!({
            "at": moment(*at),
            "who": entry.who,
            "action": entry.action,
            "projection": entry.projection,
            "what": entry.what,
        })
    });
    json!({ "history": lines.collect::<Vec<_>>() })
}
