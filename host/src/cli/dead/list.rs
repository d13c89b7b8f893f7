//! `lantern dead list`.

use serde_json::json;

use super::choice::{Choice, Letters};
use super::text;
use crate::cli::Printer;
use crate::cli::connect::{Connection, block_on};
use crate::cli::figures::grouped;
use crate::cli::table::wants_colour;

/// Rows that are shown unless told otherwise.
const SHOWN: usize = 20;

/// List dead letters, partition by partition in the order of their events
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lantern dead list balances
  lantern dead list balances --reason panic --since 1h
  lantern dead list balances --json | jq '.dead_letters[].message'")]
pub(super) struct Args {
    /// List those of this projection
    name: String,

    #[command(flatten)]
    choice: Choice,

    /// Show so many at most [default: 20, or all as JSON]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,

    /// Print JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connection: Connection,
}

pub(super) fn run(args: Args, printer: &mut Printer) -> anyhow::Result<()> {
    block_on(async {
        let operator = args.connection.operator();
        let letters = Letters::read(&operator, &args.name, &args.choice).await?;
        let chosen = letters.chosen(&args.choice, &[])?;
        let limit = args.limit.map_or(if args.json { usize::MAX } else { SHOWN }, |limit| limit as usize);
        let shown = &chosen[..chosen.len().min(limit)];
        if args.json {
            let shown: Vec<_> = shown.iter().map(|found| text::line_as_json(&found.letter)).collect();
            printer.out(json!({ "dead_letters": shown }));
        } else if chosen.is_empty() {
            let such = if letters.all.is_empty() { "" } else { "such " };
            printer.note(format_args!("there are no {such}dead letters"));
        } else {
            text::table(shown).lines(wants_colour()).iter().for_each(|line| printer.out(line));
        }
        if shown.len() < chosen.len() {
            printer.note(format_args!("{} more (hint: --limit)", grouped((chosen.len() - shown.len()) as u64)));
        }
        Ok(())
    })
}
