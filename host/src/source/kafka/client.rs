//! How librdkafka is set up, and what becomes of what it says.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::config::{ClientConfig, FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::statistics::Statistics;

use super::budget::Allowance;
use crate::source::{Error, TopicId};

/// Events that one reader fetches ahead, at most.
const FETCH_AHEAD_EVENTS: &str = "100000";

/// Bytes of a response at most: librdkafka's own limit would refuse an event that a broker takes. No memory is set aside
/// for it.
const RESPONSE_BYTES_MAX: &str = "2147483647";

/// Hears what a client says of itself.
#[derive(Default)]
pub(super) struct Context {
    down: AtomicBool,
    /// The ids that topics must have.
    ids: BTreeMap<Arc<str>, TopicId>,
    /// The first topic that has another id, and that id.
    remade: OnceLock<(Arc<str>, TopicId)>,
}

impl Context {
    /// Whether the client has lost all brokers.
    pub(super) fn is_down(&self) -> bool {
        self.down.load(Ordering::Relaxed)
    }

    /// Hears of topics that have other ids than these.
    pub(super) fn of(ids: BTreeMap<Arc<str>, TopicId>) -> Self {
        Self { ids, ..Self::default() }
    }

    /// Says that a topic was made anew, if one was.
    pub(super) fn remade(&self) -> Result<(), Error> {
        let Some((topic, is)) = self.remade.get() else { return Ok(()) };
        let was = self.ids.get(topic).unwrap_or(is).clone();
        Err(Error::Remade { topic: topic.clone(), was, is: is.clone() })
    }

    fn note_id(&self, topic: &str, is: &str) {
        if let Some((topic, _)) = self.ids.get_key_value(topic).filter(|(_, id)| ***id != *is) {
            let _only_the_first = self.remade.set((topic.clone(), is.into()));
        }
    }
}

/// What librdkafka logs when a client learns the id of a topic, as it begins to fetch by it. There is no other way to
/// hear it: if a topic is made anew and has more events than the one before, librdkafka reads on without a word.
fn learned(message: &str) -> Option<(&str, &str)> {
    let (before, after) = message.split_once(" changed id from ")?;
    let (_, topic) = before.rsplit_once("Topic ")?;
    let (_, id) = after.trim_end().rsplit_once(" to ")?;
    Some((topic, id)).filter(|(_, id)| id.bytes().any(|letter| letter != b'A'))
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
        if let Some((topic, id)) = learned(message) {
            self.note_id(topic, id);
        }
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
        // What a broker may ask its clients to tell it takes 300 kB of each client's memory.
        .set("enable.metrics.push", "false")
        .set_log_level(RDKafkaLogLevel::Info);
    config
}

/// A partition's part of one answer of the broker, at most, but for a larger event that stands first. An answer is kept until
/// the last of its events is taken, so it is half of librdkafka's own default.
const FETCH_BYTES_MAX: usize = 512 << 10;

/// How long the broker may wait for events before it answers that there are none; if some come, it answers at once. A lane of
/// several partitions waits for that answer where transactions are open or were aborted, before it takes the oldest event.
const FETCH_WAIT: Duration = Duration::from_secs(5);
const FETCH_WAIT_SEVERAL: Duration = Duration::from_millis(100);
/// So long a partition at rest that was left out of a request, since it has moved to another broker, say, may wait for the others.
const FETCH_WAIT_AT_REST: Duration = Duration::from_secs(1);

/// Bytes that are fetched ahead of a partition at rest, at most. When it is at rest no more they are fetched again.
const AT_REST_AHEAD_BYTES: usize = 128 << 10;

/// How a consumer fetches.
pub(super) struct Fetching {
    /// About so many bytes ahead of each partition.
    ahead_bytes: usize,
    /// How long the broker may wait for events.
    wait: Duration,
    /// How often to look whether there is room again for what is fetched ahead.
    look_every: Duration,
}

impl Fetching {
    /// The partitions of a lane, of which there are so many.
    pub(super) fn of_lane(partitions: usize, allowance: &Allowance) -> Self {
        let wait = if partitions > 1 { FETCH_WAIT_SEVERAL } else { FETCH_WAIT };
        Self { ahead_bytes: allowance.partition_bytes(), wait, look_every: allowance.look_every() }
    }

    /// Partitions in which nothing is expected, however many.
    pub(super) fn at_rest(allowance: &Allowance) -> Self {
        Self { ahead_bytes: AT_REST_AHEAD_BYTES, wait: FETCH_WAIT_AT_REST, look_every: allowance.look_every() }
    }
}

/// A consumer that is told what to read and remembers nothing. It is in no group.
pub(super) fn consumer(
    brokers: &str,
    properties: &[(String, String)],
    fetching: Fetching,
    context: Context,
) -> Result<BaseConsumer<Context>, KafkaError> {
    let Fetching { ahead_bytes, wait, look_every } = fetching;
    let wait = within_timeout(wait, properties);
    let mut config = config(brokers);
    config
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        // An offset that the log does not have is an error for us to tell, never a jump.
        .set("auto.offset.reset", "error")
        .set("enable.partition.eof", "true")
        .set("isolation.level", "read_committed")
        .set("check.crcs", "true")
        .set("fetch.min.bytes", "1")
        .set("fetch.wait.max.ms", wait.as_millis().to_string())
        .set("fetch.queue.backoff.ms", look_every.as_millis().to_string())
        .set("queued.min.messages", FETCH_AHEAD_EVENTS)
        .set("queued.max.messages.kbytes", (ahead_bytes >> 10).to_string())
        .set("receive.message.max.bytes", RESPONSE_BYTES_MAX)
        // What is asked for may come when the queue has room for one more byte.
        .set("fetch.message.max.bytes", ahead_bytes.min(FETCH_BYTES_MAX).to_string());
    for (name, value) in properties.iter().filter(|(name, _)| name != "group.id") {
        config.set(name, value);
    }
    if !context.ids.is_empty() {
        let more = config.get("debug").map(|more| format!("{more},")).unwrap_or_default();
        config.set("debug", more + "topic").set_log_level(RDKafkaLogLevel::Debug);
    }
    BaseConsumer::from_config_and_context(&config, context)
}

/// How long the broker may wait at most. A request behind a fetch waits for that, and none may take longer than
/// `socket.timeout.ms`.
fn within_timeout(wait: Duration, properties: &[(String, String)]) -> Duration {
    let timeout = properties.iter().find(|(name, _)| name == "socket.timeout.ms");
    let timeout = timeout.and_then(|(_, value)| value.parse().ok()).map(Duration::from_millis);
    timeout.map_or(wait, |timeout| wait.min(timeout / 4))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::kafka::budget::Budget;

    #[test]
    fn a_fetch_waits_for_no_more_than_a_part_of_what_a_request_may_take() {
        let wait =
            |timeout: &str| within_timeout(FETCH_WAIT, &[("socket.timeout.ms".to_owned(), timeout.to_owned())]);
        assert_eq!(wait("60000"), FETCH_WAIT);
        assert_eq!(wait("2000"), Duration::from_millis(500));
        assert_eq!(wait("soon"), FETCH_WAIT, "librdkafka refuses it");
    }

    #[test]
    fn who_has_several_partitions_is_answered_sooner() {
        let any = Budget::new(1 << 20).take(1);
        let waits = [Fetching::of_lane(1, &any), Fetching::of_lane(8, &any), Fetching::at_rest(&any)]
            .map(|fetching| fetching.wait);
        assert_eq!(waits, [FETCH_WAIT, FETCH_WAIT_SEVERAL, FETCH_WAIT_AT_REST]);
    }

    #[test]
    fn a_topic_that_is_made_anew_is_heard_of() {
        let context = Context::of([("t".into(), "q1Wj-0".into())].into());
        let said = |text: &str| context.log(RDKafkaLogLevel::Debug, "METADATA", text);
        said("[thrd:main]: Topic t changed id from AAAAAAAAAAAAAAAAAAAAAA to q1Wj-0");
        said("[thrd:main]: Topic other changed id from AAAAAAAAAAAAAAAAAAAAAA to x");
        said("[thrd:main]: Topic t changed id from q1Wj-0 to AAAAAAAAAAAAAAAAAAAAAA");
        said("[thrd:main]: Topic t [0] Leader 1 Epoch 0");
        assert!(context.remade().is_ok());
        said("[thrd:main]: Topic t changed id from q1Wj-0 to 9PX+1a");
        let remade = context.remade().unwrap_err().to_string();
        assert_eq!(remade, "topic `t` was deleted and made anew: its id was q1Wj-0 and is 9PX+1a");
    }
}
