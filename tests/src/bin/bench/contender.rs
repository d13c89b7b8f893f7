//! Who takes part, and how each is started: always as a process, always on an empty Redis.

use std::fmt;
use std::ops::DerefMut;
use std::process::Command;

use anyhow::Context;
use lantern_tests::{Host, Process, artefacts};

use crate::stage::{Load, Stage};

/// A way to do the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Contender {
    /// The native consumer that a careful engineer writes: batches, state in memory, overlapped and fenced writes
    Careful,
    /// `lantern run` with the plugin `balances`
    Lantern,
    /// The native consumer of a first afternoon: read, write and commit, event by event
    Naive,
}

/// A process that is ended when it is dropped.
pub type Running = Box<dyn DerefMut<Target = Process>>;

impl Contender {
    /// What it is started as, for finding the process.
    pub fn binary(self) -> &'static str {
        match self {
            Contender::Lantern => "lantern",
            Contender::Careful | Contender::Naive => "bench",
        }
    }

    /// The events that it has to go through. A rate is a rate: the naive one is spared most of them.
    pub fn load(self, stage: &Stage) -> &Load {
        match self {
            Contender::Lantern | Contender::Careful => &stage.full,
            Contender::Naive => &stage.short,
        }
    }

    /// Starts it.
    pub fn start(self, stage: &Stage) -> anyhow::Result<Running> {
        let topic = &self.load(stage).topic;
        if self == Contender::Lantern {
            let run = Host::run(&stage.kafka.url(), &stage.redis);
            let run = run.projection("balances", &artefacts::plugin("balances"), &[topic]);
            return Ok(Box::new(run.start()));
        }
        let mut command = Command::new(std::env::current_exe().context("this program has no file")?);
        command.args([&*self.to_string(), stage.kafka.servers(), &stage.redis.url(), topic]);
        // The inner box is what derefs, as a `Host` does.
        Ok(Box::new(Box::new(Process::spawn(&self.to_string(), command))))
    }
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Contender::Careful => "careful",
            Contender::Lantern => "lantern",
            Contender::Naive => "naive",
        })
    }
}
