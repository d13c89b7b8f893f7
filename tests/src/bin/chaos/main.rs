//! `chaos`: breaks everything that a Lantern installation stands on, again and again, and says whether its views are right.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use lantern_tests::chaos::{Diary, Length, Plan, Stop, run};

/// Break what Lantern stands on, at random, and compare its views with the events in the end
#[derive(Parser)]
#[command(name = "chaos")]
struct Args {
    /// Inject faults for so long
    #[arg(long, value_name = "N", default_value_t = 5)]
    minutes: u32,

    /// Begin the random numbers here [default: anywhere]
    #[arg(long, value_name = "S")]
    seed: Option<u64>,

    /// Keep what hosts say in this directory
    #[arg(long, value_name = "DIR")]
    logs: Option<PathBuf>,
}

#[expect(clippy::print_stdout, reason = "the result of the program")]
fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    // The standard library seeds this from the operating system's random source.
    let seed = args.seed.unwrap_or_else(|| RandomState::new().build_hasher().finish() >> 32);
    let (diary, stop) = (Diary::new(true), Stop::default());
    diary.note(&format!("seed {seed}"));
    let told = stop.clone();
    let signals = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    signals.spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            told.order();
        }
    });
    let plan = Plan { seed, length: Length::Minutes(args.minutes), logs: args.logs };
    let Some(outcome) = run(&plan, &diary, &stop) else {
        anyhow::bail!("Kafka does not run on this machine (hint: install Java 17 or newer and Maven)");
    };
    println!("{outcome}");
    Ok(if outcome.findings().is_empty() && !stop.is_ordered() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
