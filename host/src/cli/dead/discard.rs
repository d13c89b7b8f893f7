//! `lantern dead discard`.

use super::choice::Letters;
use super::settle::{Meant, count, settle};
use super::text;
use crate::cli::Printer;
use crate::cli::closing::{only_a_plan, say};
use crate::cli::connect::{Connection, block_on};
use crate::cli::figures::grouped;
use crate::cli::table::wants_colour;

/// Drop dead letters: the projection will never apply these events
///
/// What waits behind a dropped event stays set aside until it is tried again.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lantern dead discard balances account-events/3@1041
  lantern dead discard balances --key acc-42 --plan")]
pub(super) struct Args {
    #[command(flatten)]
    meant: Meant,

    /// Say what would be dropped, and change nothing
    #[arg(long)]
    plan: bool,

    #[command(flatten)]
    connection: Connection,
}

pub(super) fn run(args: Args, printer: &mut Printer) -> anyhow::Result<()> {
    block_on(async {
        let operator = args.connection.operator();
        let letters = Letters::read(&operator, &args.meant.name, &args.meant.choice).await?;
        let chosen = args.meant.chosen(&letters)?;
        let name = &args.meant.name;
        say(name, format_args!("{} dropped", count(&chosen)), printer);
        if !chosen.is_empty() {
            text::table(&chosen)
                .lines(wants_colour())
                .iter()
                .for_each(|line| printer.out(format_args!("  {line}")));
        }
        if args.plan {
            only_a_plan(printer);
            return Ok(());
        }
        let dropped = settle(&operator, &letters, &chosen, true).await?;
        if dropped < chosen.len() as u64 {
            let gone = chosen.len() as u64 - dropped;
            printer.note(format_args!("{} of them were not set aside any more", grouped(gone)));
        }
        let rest = letters.rest(&chosen);
        if rest > 0 {
            let of = grouped(rest as u64);
            printer
                .note(format_args!("{of} more of these keys stay set aside: lantern dead retry {name} --key KEY"));
        }
        Ok(())
    })
}
