//! How librdkafka is set up, and what becomes of what it says.

use std::sync::atomic::{AtomicBool, Ordering};

use rdkafka::ClientContext;
use rdkafka::config::{ClientConfig, FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::statistics::Statistics;

/// Events that one reader fetches ahead, at most.
const FETCH_AHEAD_EVENTS: &str = "100000";

/// Hears what a client says of itself.
#[derive(Default)]
pub(super) struct Context {
    down: AtomicBool,
}

impl Context {
    /// Whether the client has lost all brokers.
    pub(super) fn is_down(&self) -> bool {
        self.down.load(Ordering::Relaxed)
    }
}

impl ClientContext for Context {
    fn error(&self, error: KafkaError, reason: &str) {
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AllBrokersDown) {
            self.down.store(true, Ordering::Relaxed);
        }
        tracing::debug!("librdkafka: {error}: {reason}");
    }

    /// Asked for by the property `statistics.interval.ms`.
    fn stats(&self, statistics: Statistics) {
        tracing::debug!(
            "librdkafka {} has received {} bytes of messages",
            statistics.name,
            statistics.rxmsg_bytes
        );
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }
}

impl ConsumerContext for Context {}

/// Passes on what librdkafka logs.
pub(super) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    tracing::debug!("librdkafka {level:?} {facility}: {message}");
}

/// What every client is set up with.
pub(super) fn config(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", brokers)
        .set("client.id", "lantern")
        .set("reconnect.backoff.max.ms", "1000")
        .set_log_level(RDKafkaLogLevel::Info);
    config
}

/// A partition's part of one answer of the broker, at most, but for a larger event that stands first: librdkafka's own
/// default.
const FETCH_BYTES_MAX: usize = 1 << 20;

/// A consumer that is told what to read and remembers nothing. It fetches about so many bytes ahead of each partition.
pub(super) fn consumer(
    brokers: &str,
    properties: &[(String, String)],
    ahead_bytes: usize,
) -> Result<BaseConsumer<Context>, KafkaError> {
    let mut config = config(brokers);
    config
        // Reading by assignment wants a name, although no group is ever joined.
        .set("group.id", "lantern")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        // An offset that the log does not have is an error for us to tell, never a jump.
        .set("auto.offset.reset", "error")
        .set("enable.partition.eof", "true")
        .set("isolation.level", "read_committed")
        .set("check.crcs", "true")
        .set("fetch.min.bytes", "1")
        // The broker says that a partition has no more only when it answers, and a lane of several partitions waits for
        // that before it takes the oldest event.
        .set("fetch.wait.max.ms", "100")
        // The default of a second stalls a reader whose queue was full.
        .set("fetch.queue.backoff.ms", "2")
        .set("queued.min.messages", FETCH_AHEAD_EVENTS)
        .set("queued.max.messages.kbytes", (ahead_bytes >> 10).to_string())
        // What is asked for may come when the queue has room for one more byte.
        .set("fetch.message.max.bytes", ahead_bytes.min(FETCH_BYTES_MAX).to_string());
    for (name, value) in properties {
        config.set(name, value);
    }
    BaseConsumer::from_config_and_context(&config, Context::default())
}
