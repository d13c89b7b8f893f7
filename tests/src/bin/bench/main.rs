//! `bench`: how fast Lantern is, in one run on one machine beside native consumers of the same job.
//!
//! A number counts only after the views that it stands for are equal to an independent fold of the events.

mod args;
mod boundary;
mod contender;
mod cpu;
mod cutover;
mod dead;
mod native;
mod outage;
mod peer;
mod report;
mod results;
mod rounds;
mod stage;
mod statistics;
mod threads;
mod workload;

use clap::Parser;

fn main() -> anyhow::Result<()> {
    args::Args::parse().run()
}
