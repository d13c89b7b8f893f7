//! The command line, and what it starts: the benchmark, or one native contender as a process of its own.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

use crate::contender::Contender;
use crate::results::Results;
use crate::stage::Stage;
use crate::{careful, cutover, dead, naive, outage, report, rounds};

const ROUNDS: usize = 9;
const ROUNDS_QUICK: usize = 3;

const EVENTS: u64 = 1_000_000;
const EVENTS_NAIVE: u64 = 50_000;
const EVENTS_NAIVE_QUICK: u64 = 10_000;

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

    /// Measure these only; a ratio needs `careful` among them
    #[arg(long, value_name = "SUBJECT", value_delimiter = ',')]
    only: Vec<Subject>,

    #[command(subcommand)]
    command: Option<Command>,
}

/// What can be measured
#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Subject {
    /// The native consumer that a careful engineer writes
    Careful,
    /// The whole host
    Lantern,
    /// The native consumer of a first afternoon
    Naive,
}

/// What else it can do: measure what is no race, or be a native contender, which the benchmark starts so that its time and
/// CPU are measured like Lantern's
#[derive(Subcommand)]
enum Command {
    /// Measure how long a reader waits at a cutover
    Cutover {
        /// Do it with so many accounts
        #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [100_000, 1_000_000])]
        accounts: Vec<u64>,
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
        match &self.command {
            Some(Command::Careful(addresses)) => careful::run(addresses),
            Some(Command::Naive(addresses)) => naive::run(addresses),
            Some(Command::Cutover { accounts }) => {
                let rows: Vec<_> =
                    accounts.iter().map(|accounts| cutover::measure(*accounts)).collect::<Result<_, _>>()?;
                report::print(&rows);
                Ok(())
            }
            Some(Command::Dead { events, poison, rounds }) => dead::measure(*events, *poison, *rounds),
            Some(Command::Outage { seconds, rate }) => outage::measure(Duration::from_secs(*seconds), *rate),
            None => self.bench(),
        }
    }

    fn bench(self) -> anyhow::Result<()> {
        let rounds = self.rounds.unwrap_or(if self.quick { ROUNDS_QUICK } else { ROUNDS });
        let events_naive = if self.quick { EVENTS_NAIVE_QUICK } else { EVENTS_NAIVE };
        let wanted = |subject| self.only.is_empty() || self.only.contains(&subject);
        let mut rows = Vec::new();
        let contenders = [
            (Subject::Careful, Contender::Careful),
            (Subject::Lantern, Contender::Lantern),
            (Subject::Naive, Contender::Naive),
        ];
        let contenders: Vec<_> =
            contenders.into_iter().filter(|(subject, _)| wanted(*subject)).map(|(_, c)| c).collect();
        if !contenders.is_empty() {
            let stage = Stage::set(self.events, events_naive.min(self.events), &contenders)?;
            rows.extend(rounds::play(&stage, &contenders, rounds)?);
        }
        report::print(&rows);
        let results = Results { about: Vec::new(), rows };
        self.json.map_or(Ok(()), |file| results.write(&file))
    }
}
