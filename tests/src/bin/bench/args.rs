//! The command line, and what it starts: the benchmark, or one native contender as a process of its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::native::Consumer;
use crate::results::{Results, Row};
use crate::suites::{Plan, Suite};
use crate::workload::Workload;
use crate::{cutover, dead, native, outage, page, report, rounds, suites};

/// Rounds that count, unless it is said otherwise.
pub const ROUNDS: usize = 5;
const ROUNDS_QUICK: usize = 3;

/// Events of a topic, unless it is said otherwise.
pub const EVENTS: u64 = 1_000_000;
/// Events of them for the naive contender, unless it is said otherwise.
pub const EVENTS_NAIVE: u64 = 15_000;
const EVENTS_NAIVE_QUICK: u64 = 10_000;

/// Measure Lantern beside native consumers of the same job, on a real Kafka and a real Redis
#[derive(Parser)]
#[command(name = "bench")]
pub struct Args {
    /// Take minutes instead of an hour: fewer rounds, and fewer events for the slow contenders
    #[arg(long)]
    quick: bool,

    /// Keep the results in a file; suites that it has and that are not measured now stay as they are
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// How many rounds of the race count; one more goes before them to warm up
    #[arg(long, value_name = "N")]
    rounds: Option<usize>,

    /// How many events the topic of the race has, and those of other suites at most
    #[arg(long, value_name = "N", default_value_t = EVENTS)]
    events: u64,

    /// Measure these suites only
    #[arg(long, value_name = "SUITE", value_delimiter = ',')]
    only: Vec<Suite>,

    /// Measure those suites only that the file of --json has not
    #[arg(long, requires = "json")]
    missing: bool,

    #[command(subcommand)]
    command: Option<Command>,
}

/// What else it can do: measure what is no race, or be a native contender, which the benchmark starts so that its time and
/// CPU are measured like Lantern's
#[derive(Subcommand)]
enum Command {
    /// Measure how fast all events of a topic are applied, from the first on
    Rebuild {
        #[command(flatten)]
        plan: rounds::Plan,
        /// Write the results to a file
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },
    /// Measure how long a reader waits at a cutover
    Cutover {
        /// Do it with so many accounts
        #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [100_000, 1_000_000])]
        accounts: Vec<u64>,
        /// Do it so many times
        #[arg(long, value_name = "N", default_value_t = ROUNDS)]
        rounds: usize,
    },
    /// Measure what events cost that can't be applied and are set aside
    Dead {
        /// Load so many events
        #[arg(long, value_name = "N", default_value_t = EVENTS)]
        events: u64,
        /// Let so many of them be poison
        #[arg(long, value_name = "N", default_value_t = 1000)]
        poison: u64,
        /// Do it so many times
        #[arg(long, value_name = "N", default_value_t = 3)]
        rounds: usize,
    },
    /// Measure how soon work goes on after an outage, and what a host takes while it waits
    Outage {
        /// Keep it away for so many seconds
        #[arg(long, value_name = "N", default_value_t = 60)]
        seconds: u64,
        /// Go on producing so many events a second
        #[arg(long, value_name = "N", default_value_t = 2_000)]
        rate: usize,
    },
    /// Make the page of docs/ of stored results
    Page {
        /// The file that --json has written
        results: PathBuf,
        /// Write it to this file and not to stdout
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    #[command(hide = true)]
    Best(Addresses),
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
    /// What to do with its events
    #[arg(default_value = "balances")]
    pub workload: Workload,
}

impl Args {
    /// Does what was asked for.
    pub fn run(self) -> anyhow::Result<()> {
        match &self.command {
            Some(Command::Best(addresses)) => native::run(Consumer::Best, addresses),
            Some(Command::Careful(addresses)) => native::run(Consumer::Careful, addresses),
            Some(Command::Naive(addresses)) => native::run(Consumer::Naive, addresses),
            Some(Command::Rebuild { plan, json }) => finish(rounds::play(plan)?, json.as_deref()),
            Some(Command::Cutover { accounts, rounds }) => finish(cutover::measure(accounts, *rounds)?, None),
            Some(Command::Dead { events, poison, rounds }) => dead::measure(*events, *poison, *rounds),
            Some(Command::Outage { seconds, rate }) => outage::measure(Duration::from_secs(*seconds), *rate),
            Some(Command::Page { results, out }) => page::write(results, out.as_deref()),
            None => suites::play(&self.plan()),
        }
    }

    fn plan(self) -> Plan {
        Plan {
            rounds: self.rounds.unwrap_or(if self.quick { ROUNDS_QUICK } else { ROUNDS }),
            events: self.events,
            events_slow: if self.quick { EVENTS_NAIVE_QUICK } else { EVENTS_NAIVE },
            only: self.only,
            quick: self.quick,
            file: self.json,
            missing: self.missing,
        }
    }
}

/// Shows the results, and writes them to a file if there is to be one.
fn finish(rows: Vec<Row>, json: Option<&Path>) -> anyhow::Result<()> {
    report::print(&rows);
    let results = Results { about: Vec::new(), rows };
    json.map_or(Ok(()), |file| results.write(file))
}
