//! `bench`: how fast Lantern is, in one run on one machine beside native consumers of the same job.
//!
//! A number counts only after the views that it stands for are equal to an independent fold of the events.

mod about;
mod args;
mod boundary;
mod careful;
mod checkpoints;
mod consumer;
mod contender;
mod cpu;
mod cutover;
mod dead;
mod goals;
mod idle;
mod job;
mod latency;
mod live;
mod meter;
mod naive;
mod outage;
mod pace;
mod page;
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

use clap::Parser;

fn main() -> anyhow::Result<()> {
    args::Args::parse().run()
}
