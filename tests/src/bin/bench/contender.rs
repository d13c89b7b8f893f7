//! Who takes part, and how each is started: always as a process, always on an empty Redis.

use std::fmt;
use std::ops::DerefMut;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use clap::ValueEnum;
use lantern_tests::{Host, Operator, Process, artefacts};

use crate::peer::{self, Peer};
use crate::stage::{Case, Load, Stage};
use crate::workload::Workload;

/// How many projections the host has that shows what several on one topic cost.
const MANY: usize = 10;

/// A way to do the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Contender {
    /// `lantern run` with the workload's plugin
    Lantern,
    /// The same with ten projections of that plugin on the one topic
    LanternTen,
    /// The best native consumer: messages by the batch, three threads, the protocol of Redis by hand
    Best,
    /// The native consumer that a careful engineer writes: batches, state in memory, overlapped and fenced writes
    Careful,
    /// The native consumer of a first afternoon: read, write and commit, event by event
    Naive,
    /// Kafka Streams with its default store, RocksDB
    KafkaStreams,
    /// Kafka Streams with its store in memory
    KafkaStreamsInMemory,
    /// Kafka Streams with its default store, and a heap of 512 MiB
    KafkaStreamsSmallHeap,
    /// Quix Streams, in Python
    Quix,
}

/// A process that is ended when it is dropped.
pub type Running = Box<dyn DerefMut<Target = Process>>;

impl Contender {
    /// Whether it is measured with a workload. What several projections cost is seen with one.
    pub fn does(self, workload: Workload) -> bool {
        match self.peer() {
            Some(peer) => peer.does(workload.projection()),
            None => self != Contender::LanternTen || workload == Workload::Balances,
        }
    }

    /// Whether it can be started on this machine.
    pub fn is_here(self) -> bool {
        self.peer().is_none_or(Peer::is_built)
    }

    /// The events that it has to go through. A rate is a rate: the slow ones are spared most of them.
    pub fn load(self, case: &Case) -> &Load {
        match self {
            Contender::Naive => &case.short,
            Contender::Quix => &case.part,
            _ => &case.full,
        }
    }

    /// The names of the projections that it keeps.
    pub fn projections(self, workload: Workload) -> Vec<String> {
        let name = workload.projection();
        match self {
            Contender::LanternTen => (0..MANY).map(|number| format!("{name}-{number}")).collect(),
            _ => vec![name.to_owned()],
        }
    }

    /// Does what comes before the start and is not measured: an operator deploys.
    pub fn prepare(self, stage: &Stage, case: &Case) {
        if !self.is_lantern() {
            return;
        }
        let (operator, source) = (Operator::of(&stage.redis), stage.kafka.url());
        let settings = case.workload.setting().into_iter().flat_map(|setting| ["--set", setting]);
        let args: Vec<&str> = ["--source", &source].into_iter().chain(settings).collect();
        for name in self.projections(case.workload) {
            operator.deploy(&name, &case.workload.plugin(), &self.load(case).topic, &args);
        }
    }

    /// Starts it.
    pub fn start(self, stage: &Stage, case: &Case) -> anyhow::Result<Running> {
        if self.is_lantern() {
            return Ok(Box::new(Host::run(&stage.kafka.url(), &stage.redis).start()));
        }
        if let Some(peer) = self.peer() {
            let (servers, redis, topic) = (stage.kafka.servers(), stage.redis.url(), &self.load(case).topic);
            let running = peer::start(peer, servers, &redis, topic, case.workload.projection());
            return Ok(Box::new(running.context("it is not built (hint: `./x bench` does that)")?));
        }
        let value = self.to_possible_value().context("every contender can be named")?;
        let mut command = Command::new(std::env::current_exe().context("this program has no file")?);
        command.args([value.get_name(), stage.kafka.servers(), &stage.redis.url(), &self.load(case).topic]);
        command.arg(case.workload.to_string());
        // The inner box is what derefs, as a `Host` does.
        Ok(Box::new(Box::new(Process::spawn(value.get_name(), command))))
    }

    /// Files of its program, and folders of such. A native consumer is this program.
    pub fn programs(self) -> Vec<PathBuf> {
        match self.peer() {
            Some(peer) => peer.folder().into_iter().collect(),
            None if self.is_lantern() => vec![artefacts::lantern().to_owned()],
            None => Vec::new(),
        }
    }

    fn peer(self) -> Option<Peer> {
        match self {
            Contender::KafkaStreams => Some(Peer::KafkaStreams),
            Contender::KafkaStreamsInMemory => Some(Peer::KafkaStreamsInMemory),
            Contender::KafkaStreamsSmallHeap => Some(Peer::KafkaStreamsSmallHeap),
            Contender::Quix => Some(Peer::Quix),
            _ => None,
        }
    }

    /// Whether it is a host of Lantern.
    pub fn is_lantern(self) -> bool {
        matches!(self, Contender::Lantern | Contender::LanternTen)
    }
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Contender::Lantern => "Lantern",
            Contender::LanternTen => "Lantern, 10 projections",
            Contender::Best => "best",
            Contender::Careful => "careful",
            Contender::Naive => "naive",
            Contender::KafkaStreams => "Kafka Streams",
            Contender::KafkaStreamsInMemory => "Kafka Streams, in memory",
            Contender::KafkaStreamsSmallHeap => "Kafka Streams, 512 MiB heap",
            Contender::Quix => "Quix Streams",
        })
    }
}
