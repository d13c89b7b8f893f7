//! Where a test's events come from: Kafka or the embedded log, so that one story can be told on both.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::event::Event;
use crate::kafka::Kafka;
use crate::log_dir::LogDir;

/// One of Lantern's sources.
pub enum Source {
    /// The broker that this test process shares.
    Kafka(&'static Kafka),
    /// An embedded log of the test's own.
    Log(LogDir),
}

impl Source {
    /// The shared broker.
    pub fn kafka() -> Source {
        Source::Kafka(Kafka::shared())
    }

    /// A fresh embedded log.
    pub fn log() -> Source {
        Source::Log(LogDir::new())
    }

    /// What `--source` takes.
    pub fn url(&self) -> String {
        match self {
            Source::Kafka(kafka) => kafka.url(),
            Source::Log(log) => log.url(),
        }
    }

    /// Makes a topic and gives its name, which no other test has.
    pub fn topic(&self, name: &str, partitions: u32) -> String {
        let topic = unique(name);
        match self {
            Source::Kafka(kafka) => kafka.create_topic(&topic, partitions),
            Source::Log(log) => log.create_topic(&topic, partitions),
        }
        topic
    }

    /// Appends events, in their order.
    pub fn append(&self, topic: &str, events: &[Event]) {
        match self {
            Source::Kafka(kafka) => kafka.produce(topic, events),
            Source::Log(log) => log.append(topic, events),
        }
    }
}

/// A name that nothing else on a shared broker has.
pub fn unique(name: &str) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("{name}-{}-{}-{number}", std::process::id(), startup_ms())
}

/// Tells this process from an earlier one of the same id.
fn startup_ms() -> u128 {
    use std::sync::LazyLock;
    use std::time::SystemTime;
    static STARTED: LazyLock<u128> =
        LazyLock::new(|| SystemTime::UNIX_EPOCH.elapsed().expect("the clock is past 1970").as_millis());
    *STARTED
}
