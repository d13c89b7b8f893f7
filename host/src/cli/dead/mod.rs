//! `lantern dead`: the events that a projection has set aside.

mod choice;
mod discard;
mod list;
mod retry;
mod settle;
mod show;
mod text;

use super::Printer;

/// Look after dead letters: events that a projection could not apply, and those of their keys that wait behind them
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    List(list::Args),
    Show(show::Args),
    Retry(retry::Args),
    Discard(discard::Args),
}

pub(crate) fn run(args: Args, printer: &mut Printer) -> anyhow::Result<()> {
    match args.command {
        Command::List(args) => list::run(args, printer),
        Command::Show(args) => show::run(args, printer),
        Command::Retry(args) => retry::run(args, printer),
        Command::Discard(args) => discard::run(args, printer),
    }
}
