//! `instructions`: how many instructions the processor takes for each micro-benchmark, as valgrind counts them, beside the figures that are
//! stored in `tests/instructions.toml`.
//!
//! Unlike times, these hardly differ from run to run, so that they show a change of some percent on any machine.

mod args;
mod callgrind;
mod figures;
mod measured;

use std::process::ExitCode;

use clap::Parser;

fn main() -> anyhow::Result<ExitCode> {
    args::Args::parse().run()
}
