//! The command line: one file a command, whose arguments' comments are its help.
//!
//! Data goes to stdout and talk to stderr. Exit codes: 0 done, 1 failed, 2 wrong usage.

mod dev;
mod emit;
mod error;
mod named;
mod printer;
mod run;
mod source;
mod stop;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

pub(crate) use error::UserError;
pub(crate) use printer::Printer;

/// Keep Redis views of event topics by WebAssembly projections, exactly once
#[derive(Parser)]
#[command(name = "lantern", version, propagate_version = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(Box<run::Args>),
    Dev(Box<dev::Args>),
    Emit(Box<emit::Args>),
}

/// Parses the command line, does what it says, and gives the process's exit code.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut printer = Printer::default();
    let result = match cli.command {
        Command::Run(args) => run::run(*args),
        Command::Dev(args) => dev::run(*args, &mut printer),
        Command::Emit(args) => emit::run(*args, &mut printer),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            printer.error(&error);
            ExitCode::from(error.downcast_ref().map_or(1, UserError::exit_code))
        }
    }
}

/// Sends the log to stderr; `RUST_LOG` says how much of it, and `default` if it does not.
fn start_log(default: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let ansi = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(ansi).init();
}
