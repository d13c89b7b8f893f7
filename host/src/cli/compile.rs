//! `lantern compile`: not for people. A host lets this process compile a plugin, so that compiling has bounds and can be
//! ended.

use std::io::{stdin, stdout};
use std::process::ExitCode;

use crate::app;

/// Compile the plugin on stdin to stdout, for a host
#[derive(clap::Args)]
pub(crate) struct Args {
    /// For this engine
    engine: String,

    /// In so much time of processors
    seconds: u64,

    /// In so much memory
    bytes: u64,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let code = app::compile(&args.engine, args.seconds, args.bytes, stdin().lock(), stdout().lock())?;
    Ok(ExitCode::from(code))
}
