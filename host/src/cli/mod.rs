//! The command line: one file a command, whose arguments' comments are its help.
//!
//! Data goes to stdout and talk to stderr. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no such projection, 4 refused.

mod acl;
mod apply;
mod as_of;
mod audit;
mod build;
mod cancel;
mod clock;
mod closing;
mod compile;
mod connect;
mod dead;
mod deploy;
mod dev;
mod doctor;
mod emit;
mod error;
mod explain;
mod figures;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod gc;
mod history;
mod how;
mod inspect;
mod kit;
mod limit;
mod list;
mod manifest;
mod moving;
mod named;
mod new;
mod operate;
mod past;
mod pause;
mod plan;
mod prepare;
mod printer;
mod progress;
mod promote;
mod rebuild;
mod report;
mod resume;
mod rollback;
mod run;
mod secret;
mod sign;
mod source;
mod status;
mod stop;
mod table;
mod test;
mod undeploy;
mod view;
mod wait;

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
    New(Box<new::Args>),
    Build(Box<build::Args>),
    Dev(Box<dev::Args>),
    Run(Box<run::Args>),
    Emit(Box<emit::Args>),
    Deploy(Box<deploy::Args>),
    Apply(Box<apply::Args>),
    List(Box<list::Args>),
    Status(Box<status::Args>),
    Wait(Box<wait::Args>),
    View(Box<view::Args>),
    Explain(Box<explain::Args>),
    History(Box<audit::Args>),
    Rebuild(Box<rebuild::Args>),
    Promote(Box<promote::Args>),
    Cancel(Box<cancel::Args>),
    Rollback(Box<rollback::Args>),
    Pause(Box<pause::Args>),
    Resume(Box<resume::Args>),
    Undeploy(Box<undeploy::Args>),
    Gc(Box<gc::Args>),
    Dead(Box<dead::Args>),
    Doctor(Box<doctor::Args>),
    Inspect(Box<inspect::Args>),
    Test(Box<test::Args>),
    Acl(Box<acl::Args>),
    Sign(Box<sign::Args>),
    #[command(hide = true)]
    Compile(compile::Args),
}

/// Parses the command line, does what it says, and gives the process's exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    let mut printer = Printer::default();
    let result = match cli.command {
        Command::Compile(args) => match compile::run(&args) {
            Ok(code) => return code,
            failed => failed.map(drop),
        },
        Command::New(args) => new::run(*args, &mut printer),
        Command::Build(args) => build::run(*args, &mut printer),
        Command::Run(args) => run::run(*args),
        Command::Dev(args) => dev::run(*args, &mut printer),
        Command::Emit(args) => emit::run(*args, &mut printer),
        Command::Deploy(args) => deploy::run(*args, &mut printer),
        Command::Apply(args) => apply::run(*args, &mut printer),
        Command::List(args) => list::run(*args, &mut printer),
        Command::Status(args) => status::run(*args, &mut printer),
        Command::Wait(args) => wait::run(*args, &mut printer),
        Command::View(args) => view::run(*args, &mut printer),
        Command::Explain(args) => explain::run(*args, &mut printer),
        Command::History(args) => audit::run(*args, &mut printer),
        Command::Rebuild(args) => rebuild::run(*args, &mut printer),
        Command::Promote(args) => promote::run(*args, &mut printer),
        Command::Cancel(args) => cancel::run(*args, &mut printer),
        Command::Rollback(args) => rollback::run(*args, &mut printer),
        Command::Pause(args) => pause::run(*args, &mut printer),
        Command::Resume(args) => resume::run(*args, &mut printer),
        Command::Undeploy(args) => undeploy::run(*args, &mut printer),
        Command::Gc(args) => gc::run(*args, &mut printer),
        Command::Dead(args) => dead::run(*args, &mut printer),
        Command::Doctor(args) => doctor::run(*args, &mut printer),
        Command::Inspect(args) => inspect::run(*args, &mut printer),
        Command::Test(args) => test::run(*args, &mut printer),
        Command::Acl(args) => acl::run(*args, &mut printer),
        Command::Sign(args) => sign::run(*args, &mut printer),
    };
    let result = result.and_then(|()| printer.finish().map_err(cannot_print));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            printer.error(&error);
            ExitCode::from(error.downcast_ref().map_or(1, UserError::exit_code))
        }
    }
}

/// Says what is wrong with the command line, or gives the help that was asked for.
fn refuse(error: &clap::Error) -> ExitCode {
    let said = error.to_string();
    let shown = secret::without_addresses(&said);
    // What is wrong with an address is said by its parser, without it; clap knows nothing more of that error.
    let is_ours = error.context().next().is_none();
    if error.use_stderr() && !is_ours && shown != said {
        Printer::default().note(shown.trim_end());
    } else if error.print().is_err() {
        return ExitCode::FAILURE;
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

fn cannot_print(error: std::io::Error) -> anyhow::Error {
    UserError::failure(format!("not all could be printed: {error}"), "make room where stdout goes, and try again")
        .into()
}

/// Sends the log to stderr; `RUST_LOG` says how much of it, and `default` if it does not.
fn start_log(default: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let ansi = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(ansi).init();
}
