//! The peers: stream processors that others have made, each with the job written as its users would write it. Their sources
//! are in `tests/peers`; `./x bench` builds them into the target directory.

use std::env;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::process::Command;

use lantern_tests::Process;
use lantern_tests::artefacts::{repository, target_dir};
use lantern_tests::scratch::Scratch;

/// A Java heap that none of the workloads fills. Java itself would take up to a fourth of the machine's memory.
const SMALL_HEAP: [&str; 2] = ["-Xms256m", "-Xmx512m"];

/// Who it is, and where it keeps its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Peer {
    /// Kafka Streams with its default store, RocksDB
    KafkaStreams,
    /// Kafka Streams with its store in memory
    KafkaStreamsInMemory,
    /// Kafka Streams with its default store, and with less memory than Java would take by itself
    KafkaStreamsSmallHeap,
    /// Quix Streams, in Python
    Quix,
}

impl Peer {
    /// Whether it can do this.
    pub fn does(self, workload: &str) -> bool {
        match self {
            Peer::KafkaStreams => ["balances", "documents", "counters"].contains(&workload),
            // The counters have no store.
            Peer::KafkaStreamsInMemory => ["balances", "documents"].contains(&workload),
            Peer::KafkaStreamsSmallHeap | Peer::Quix => workload == "balances",
        }
    }

    /// The folder that `./x bench` has built it into.
    pub fn folder(self) -> Option<PathBuf> {
        built(match self {
            Peer::KafkaStreams | Peer::KafkaStreamsInMemory | Peer::KafkaStreamsSmallHeap => "kafka-streams",
            Peer::Quix => "quix",
        })
    }

    /// Whether `./x bench` has built it.
    pub fn is_built(self) -> bool {
        program(self).is_some()
    }
}

/// A peer that runs, and its folder.
pub struct Running {
    // In this order it is killed before its folder is removed.
    process: Process,
    _scratch: Scratch,
}

/// Starts a peer on a topic, without any state from before. None if it is not built or can't do this workload.
pub fn start(peer: Peer, servers: &str, redis_url: &str, topic: &str, workload: &str) -> Option<Running> {
    let scratch = Scratch::new("peer");
    let command = command(peer, servers, redis_url, topic, workload, scratch.path())?;
    Some(Running { process: Process::spawn("peer", command), _scratch: scratch })
}

impl Deref for Running {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

impl DerefMut for Running {
    fn deref_mut(&mut self) -> &mut Process {
        &mut self.process
    }
}

/// What starts a peer on a topic, without any state from before; `scratch` is an empty folder with a name that no other start
/// has. None if the peer is not installed or can't do this workload.
pub fn command(
    peer: Peer,
    servers: &str,
    redis_url: &str,
    topic: &str,
    workload: &str,
    scratch: &Path,
) -> Option<Command> {
    let name = scratch.file_name()?.to_str()?;
    let mut command = peer.does(workload).then(|| program(peer))??;
    match peer {
        Peer::KafkaStreams | Peer::KafkaStreamsInMemory | Peer::KafkaStreamsSmallHeap => {
            let store = if peer == Peer::KafkaStreamsInMemory { "in-memory" } else { "rocksdb" };
            command.arg(format!("-Dapplication.id={name}"));
            command.arg(format!("-Dstate.dir={}", scratch.display()));
            command.args(["lantern.bench.Main", servers, redis_url, topic, workload, store]);
        }
        Peer::Quix => {
            command.args([servers, redis_url, topic, name]).arg(scratch);
        }
    }
    Some(command)
}

/// The program without its arguments, if all that it needs is there.
fn program(peer: Peer) -> Option<Command> {
    match peer {
        Peer::KafkaStreams | Peer::KafkaStreamsInMemory | Peer::KafkaStreamsSmallHeap => {
            let folder = peer.folder()?;
            let home = env::var_os("JAVA_HOME").map(|home| PathBuf::from(home).join("bin/java"));
            let java = home.filter(|java| java.exists()).unwrap_or_else(|| "java".into());
            let mut command = Command::new(java);
            command.args(SMALL_HEAP.iter().filter(|_| peer == Peer::KafkaStreamsSmallHeap));
            command.arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn");
            command.arg("-cp").arg(format!("{0}/*:{0}/build/classes", folder.display()));
            Some(command)
        }
        Peer::Quix => {
            let mut command = Command::new("python3");
            command.arg(repository().join("tests/peers/quix/projection.py")).env("PYTHONPATH", peer.folder()?);
            Some(command)
        }
    }
}

/// The folder that `./x bench` has built a peer into, with a program that was on this machine then.
fn built(name: &str) -> Option<PathBuf> {
    let folder = target_dir().join("peers").join(name);
    folder.join("ready").exists().then_some(folder)
}
