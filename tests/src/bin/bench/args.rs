//! The command line, and what it starts: the benchmark, or one native contender as a process of its own.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::contender::Contender;
use crate::stage::Stage;
use crate::{careful, naive, report, rounds};

const ROUNDS: usize = 9;
const ROUNDS_QUICK: usize = 3;

const EVENTS: u64 = 1_000_000;
const EVENTS_NAIVE: u64 = 200_000;
const EVENTS_NAIVE_QUICK: u64 = 30_000;

/// Measure Lantern beside native consumers of the same job, on a real Kafka and a real Redis
#[derive(Parser)]
#[command(name = "bench")]
pub struct Args {
    /// Take minutes instead of an hour: fewer rounds, and fewer events for the slow contenders
    #[arg(long)]
    quick: bool,

    /// Write the results to a file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// How many rounds count; one more goes before them to warm up
    #[arg(long, value_name = "N")]
    rounds: Option<usize>,

    /// How many events the topic has
    #[arg(long, value_name = "N", default_value_t = EVENTS)]
    events: u64,

    /// Measure these contenders only; a ratio needs `careful` among them
    #[arg(long, value_name = "CONTENDER", value_delimiter = ',')]
    only: Vec<Contender>,

    #[command(subcommand)]
    native: Option<Native>,
}

/// A native contender, started by the benchmark so that its time and CPU are measured like Lantern's
#[derive(Subcommand)]
enum Native {
    #[command(hide = true)]
    Careful(Addresses),
    #[command(hide = true)]
    Naive(Addresses),
}

/// Where a native contender reads and writes
#[derive(clap::Args)]
pub struct Addresses {
    /// The broker, as host:port
    pub kafka: String,
    /// The Redis, as a URL
    pub redis: String,
    /// The topic
    pub topic: String,
}

impl Args {
    /// Does what was asked for.
    pub fn run(self) -> anyhow::Result<()> {
        match &self.native {
            Some(Native::Careful(addresses)) => careful::run(addresses),
            Some(Native::Naive(addresses)) => naive::run(addresses),
            None => self.bench(),
        }
    }

    fn bench(self) -> anyhow::Result<()> {
        let rounds = self.rounds.unwrap_or(if self.quick { ROUNDS_QUICK } else { ROUNDS });
        let events_naive = if self.quick { EVENTS_NAIVE_QUICK } else { EVENTS_NAIVE };
        let contenders = if self.only.is_empty() { Contender::ALL.to_vec() } else { self.only };
        let stage = Stage::set(self.events, events_naive.min(self.events), &contenders)?;
        let rows = report::rows(&rounds::play(&stage, &contenders, rounds)?);
        report::print(&rows);
        self.json.map_or(Ok(()), |file| report::write_json(&rows, &file))
    }
}
