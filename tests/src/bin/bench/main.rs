//! `bench`: how fast Lantern is, in one run on one machine beside native consumers of the same job.
//!
//! A number counts only after the views that it stands for have been compared with what the events must make of them.

mod about;
mod args;
mod checkpoints;
mod contender;
mod cpu;
mod cutover;
mod dead;
mod goals;
mod idle;
mod latency;
mod live;
mod meter;
mod native;
mod outage;
mod pace;
mod page;
mod peer;
mod report;
mod results;
mod rotation;
mod rounds;
mod scaling;
mod servers;
mod stage;
mod start;
mod statistics;
mod suites;
mod threads;
mod workload;

use clap::Parser;

fn main() -> anyhow::Result<()> {
    args::Args::parse().run()
}
