//! `bench`: how fast Lantern is, in one run on one machine beside native consumers of the same job.
//!
//! A number counts only after the views that it stands for are equal to an independent fold of the events.

mod args;
mod careful;
mod consumer;
mod contender;
mod cpu;
mod cutover;
mod dead;
mod job;
mod naive;
mod outage;
mod report;
mod results;
mod rounds;
mod stage;
mod statistics;

use clap::Parser;

fn main() -> anyhow::Result<()> {
    args::Args::parse().run()
}
