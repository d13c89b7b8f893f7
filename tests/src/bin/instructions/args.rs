//! The command line, and what it starts.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::{fs, thread};

use anyhow::ensure;
use clap::{Parser, Subcommand};
use lantern_tests::artefacts;
use lantern_tests::micro::{self, Case};

use crate::figures::{Counts, Figures, Maker};
use crate::{callgrind, measured};

/// Compare how many instructions each micro-benchmark takes with the figures that are stored
#[derive(Parser)]
#[command(name = "instructions", subcommand_negates_reqs = true)]
pub struct Args {
    /// Store what is counted now
    #[arg(long, conflicts_with = "cases")]
    update: bool,

    /// Look at these only
    #[arg(value_name = "CASE")]
    cases: Vec<String>,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Do the work of a case, to be counted
    #[command(hide = true)]
    Run { case: String },
}

impl Args {
    /// Does what was asked for. The code is not zero if a figure is stale.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Some(Command::Run { case }) => measured::run(&case).map(|()| ExitCode::SUCCESS),
            None => self.look(),
        }
    }

    #[expect(clippy::print_stdout, clippy::print_stderr, reason = "results go to stdout and talk to stderr")]
    fn look(self) -> anyhow::Result<ExitCode> {
        let maker = Maker::here()?;
        let stored = Figures::stored()?;
        if !self.update && !stored.are_of(&maker) {
            eprintln!(
                "instructions were NOT looked at: the figures are of {}, and this is {maker}",
                stored.maker()
            );
            eprintln!("hint: store those of this machine by ./x check --update-instructions");
            return Ok(ExitCode::SUCCESS);
        }
        ensure!(callgrind::is_there(), "there is no valgrind (hint: install it)");
        let wanted = |case: &&Case| self.cases.is_empty() || self.cases.iter().any(|name| name == case.name);
        let cases: Vec<_> = micro::counted().filter(wanted).collect();
        ensure!(!cases.is_empty(), "there is no such case");
        let counts = count(&cases)?;
        if self.update {
            return stored.update(&maker, &counts).map(|()| ExitCode::SUCCESS);
        }
        for (name, count) in &counts {
            println!("{name:<40} {count:>10.1}");
        }
        let stale = stored.stale(&counts, self.cases.is_empty());
        if stale.is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
        eprintln!("instructions for an item are not those of tests/instructions.toml:");
        stale.iter().for_each(|stale| eprintln!("  {stale}"));
        eprintln!("hint: callgrind_annotate shows where they go, from {}", callgrind::folder().display());
        eprintln!("hint: if it is meant so, store them by ./x check --update-instructions");
        Ok(ExitCode::FAILURE)
    }
}

/// Counts on all processors: how long it takes does not matter.
fn count(cases: &[&'static Case]) -> anyhow::Result<Counts> {
    fs::create_dir_all(callgrind::folder())?;
    let echo = artefacts::plugin("echo");
    let left = Mutex::new(cases.iter());
    let next = || left.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || -> anyhow::Result<Counts> {
        let mut counts = BTreeMap::new();
        while let Some(case) = next() {
            counts.insert(case.name.to_owned(), callgrind::count(case, &echo)?);
        }
        Ok(counts)
    };
    thread::scope(|scope| {
        let workers = thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let counts = workers.into_iter().map(|worker| worker.join().expect("it does not panic"));
        counts.collect::<Result<Vec<_>, _>>().map(|counts| counts.into_iter().flatten().collect())
    })
}
