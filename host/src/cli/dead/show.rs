//! `lantern dead show`.

use super::choice::{Choice, Letters};
use super::text;
use crate::cli::Printer;
use crate::cli::connect::{Connection, block_on};
use crate::cli::operate::failure;
use crate::letter::Letter;

/// Show a dead letter in full: the event, and why it could not be applied
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lantern dead show balances account-events/3@1041")]
pub(super) struct Args {
    /// Show one of this projection
    name: String,

    /// The event: TOPIC/PARTITION@OFFSET
    event: String,

    /// One of this generation, live or not [default: the live one]
    #[arg(long, value_name = "N")]
    generation: Option<u64>,

    /// Print JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connection: Connection,
}

pub(super) fn run(args: Args, printer: &mut Printer) -> anyhow::Result<()> {
    block_on(async {
        let operator = args.connection.operator();
        let choice = Choice { generation: args.generation, ..Choice::default() };
        let letters = Letters::read(&operator, &args.name, &choice).await?;
        for found in letters.chosen(&choice, &[args.event])? {
            let behind = letters.behind(found);
            let read = operator.registry.letter(&args.name, letters.generation, &found.share, found.number).await;
            let Some(full) = read.map_err(|error| failure(&error))? else { continue };
            let Letter { headers, payload, backtrace, .. } = full;
            let letter = Letter { headers, payload, backtrace, ..found.letter.clone() };
            if args.json {
                printer.out(text::as_json(&letter, behind));
            } else {
                text::full(&letter, behind).iter().for_each(|line| printer.out(line));
            }
        }
        Ok(())
    })
}
