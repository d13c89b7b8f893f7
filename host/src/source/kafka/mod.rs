//! Events from Apache Kafka, by librdkafka. What is read is never read through a group, nor from offsets that were
//! committed to Kafka: groups only share partitions out among hosts.
//!
//! This is the only folder that names rdkafka.

mod admin;
mod budget;
mod client;
mod connection;
mod describe;
mod group;
mod member;
mod queue;
mod reader;

use std::collections::BTreeMap;
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaConfRes;

use super::{Bounds, Error, Pace, Source, Start, Topic, TopicId};
use crate::event::TopicPartition;
use budget::Budget;
use client::{Context, Fetching};
use connection::{Connection, Resting};
pub use group::KafkaGroup;
pub use reader::KafkaReader;

/// How long a question to the broker may take.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(5);

/// How long it may take until a new reader has heard of its partition: a broker waits for others before, and where transactions
/// have left their marks that is so more than once.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// Bytes that all readers of a cluster fetch ahead together, unless told otherwise.
const FETCH_AHEAD_BYTES: usize = 256 << 20;

/// A Kafka cluster.
#[derive(Clone)]
pub struct Kafka {
    brokers: Arc<str>,
    properties: Arc<[(String, String)]>,
    /// Asks about topics and offsets; reads nothing.
    questions: Arc<BaseConsumer<Context>>,
    /// What readers may fetch ahead.
    budget: Budget,
    /// By which partitions are read that are at rest.
    resting: Resting,
}

/// Settings that librdkafka does not take.
#[derive(Debug, thiserror::Error)]
#[error("librdkafka does not take the settings: {0}")]
pub struct BadSettings(String);

/// The error without the values of properties, which may be secret.
impl From<KafkaError> for BadSettings {
    fn from(error: KafkaError) -> Self {
        Self(match error {
            // What looks like none may be the end of a password with `&` in it.
            KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, _, name, _) => {
                match looks_like_one(&name) {
                    true => format!("there is no property `{name}`"),
                    false => "one of the properties does not exist, and has a name that none has".to_owned(),
                }
            }
            KafkaError::ClientConfig(_, _, name, _) => format!("property `{name}` does not take its value"),
            other => other.to_string(),
        })
    }
}

/// Whether a text could be the name of a property: words of small letters, with dots between them.
fn looks_like_one(name: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    name.contains('.') && name.split('.').all(is_word)
}

impl Kafka {
    /// The cluster behind the brokers `host:port,…`, with further properties of librdkafka (for TLS or SASL, say).
    /// Does not connect yet.
    pub fn new(brokers: &str, properties: Vec<(String, String)>) -> Result<Self, BadSettings> {
        let budget = Budget::new(FETCH_AHEAD_BYTES);
        // Nothing is fetched by this one.
        let fetching = Fetching::at_rest(&budget.take(0));
        let questions = client::consumer(brokers, &properties, fetching, Context::default());
        Ok(Self {
            brokers: brokers.into(),
            properties: properties.into(),
            questions: Arc::new(questions?),
            budget,
            resting: Resting::default(),
        })
    }

    /// Lets all readers that are opened from now on fetch about so many bytes ahead together. However many there are,
    /// each may fetch one MiB.
    pub fn with_fetch_ahead(self, bytes: usize) -> Self {
        Self { budget: Budget::new(bytes), ..self }
    }

    /// The brokers, `host:port,…`.
    pub fn brokers(&self) -> &str {
        &self.brokers
    }

    fn what(&self) -> String {
        format!("kafka://{}", self.brokers)
    }

    /// Asks the broker something on a thread that may block.
    async fn ask<A: Send + 'static>(
        &self,
        ask: impl FnOnce(&BaseConsumer<Context>) -> Result<A, KafkaError> + Send + 'static,
    ) -> Result<A, KafkaError> {
        let questions = self.questions.clone();
        let answer = tokio::task::spawn_blocking(move || ask(&questions)).await;
        answer.unwrap_or(Err(KafkaError::Canceled))
    }

    /// A client that is to fetch so many partitions of topics with these ids.
    fn connection(&self, ids: BTreeMap<Arc<str>, TopicId>, partitions: usize) -> Result<Connection, KafkaError> {
        let allowance = self.budget.take(partitions);
        let fetching = Fetching::of_lane(partitions, &allowance);
        Connection::new(&self.brokers, &self.properties, ids, fetching, allowance)
    }

    /// A reader of one partition for such a pace.
    fn instead(
        &self,
        from: Start,
        bounds: Bounds,
        ids: BTreeMap<Arc<str>, TopicId>,
        pace: Pace,
    ) -> Result<KafkaReader, KafkaError> {
        if pace == Pace::Busy {
            return KafkaReader::new(self.connection(ids, 1)?, vec![(from, bounds)], self.what());
        }
        let topic = (from.at.topic.clone(), from.id.clone());
        let seat = self.resting.seat(&topic, from.at.partition, || {
            let allowance = self.budget.take(0);
            let fetching = Fetching::at_rest(&allowance);
            Connection::new(&self.brokers, &self.properties, ids, fetching, allowance)
        });
        KafkaReader::seated(seat?, from, bounds, self.what())
    }

    fn unavailable(&self, error: KafkaError) -> Error {
        Error::Unavailable { what: self.what(), source: Box::new(error) }
    }

    /// What a reader is to read, checked against what the log has.
    async fn unread(&self, start: &Start) -> Result<Bounds, Error> {
        let at = start.at.clone();
        let Bounds { first, end } = self.bounds(&at).await?;
        match start.next {
            None => Ok(Bounds { first, end }),
            Some(next) if next < first => Err(Error::Truncated { at, next, first }),
            Some(next) if next > end => Err(Error::Shortened { at, next, end }),
            Some(next) => Ok(Bounds { first: next, end }),
        }
    }

    /// Whether the topics still are those that they must be.
    async fn check(&self, ids: &BTreeMap<Arc<str>, TopicId>) -> Result<(), Error> {
        for (topic, was) in ids {
            match self.topic(topic).await {
                Ok(Topic { id: Some(is), .. }) if is != *was => {
                    return Err(Error::Remade { topic: topic.clone(), was: was.clone(), is });
                }
                // It was there when the lane was made, and a broker that starts may not know it yet.
                Err(Error::NoSuchTopic { .. }) => {
                    return Err(self.unavailable(KafkaError::MetadataFetch(RDKafkaErrorCode::UnknownTopic)));
                }
                answer => drop(answer?),
            }
        }
        Ok(())
    }
}

/// The ids that the topics must have, of those for which that matters.
fn ids(from: &[Start]) -> BTreeMap<Arc<str>, TopicId> {
    from.iter().filter_map(|start| Some((start.at.topic.clone(), start.id.clone()?))).collect()
}

impl Source for Kafka {
    type Reader = KafkaReader;
    type Group = KafkaGroup;

    async fn topic(&self, name: &str) -> Result<Topic, Error> {
        let asked = name.to_owned();
        let answer = self.ask(move |consumer| describe::describe(consumer, &asked, QUESTION_TIMEOUT)).await;
        answer.map_err(|error| match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::InvalidTopic) => {
                Error::NoSuchTopic { topic: name.to_owned(), what: self.what() }
            }
            Some(RDKafkaErrorCode::TopicAuthorizationFailed) => {
                Error::Denied { topic: name.to_owned(), what: self.what() }
            }
            _ => self.unavailable(error),
        })
    }

    async fn bounds(&self, at: &TopicPartition) -> Result<Bounds, Error> {
        let asked = at.clone();
        let number = i32::try_from(at.partition).map_err(|_| Error::NoSuchPartition { at: at.clone() })?;
        let marks = self.ask(move |consumer| consumer.fetch_watermarks(&asked.topic, number, QUESTION_TIMEOUT));
        match marks.await {
            Ok((first, end)) => Ok(Bounds { first: first.max(0).unsigned_abs(), end: end.max(0).unsigned_abs() }),
            // Even "unknown": the topic was there when the lane was made, and a broker that starts may not know it yet.
            Err(error) => Err(self.unavailable(error)),
        }
    }

    async fn is_compacted(&self, topic: &str) -> Result<bool, Error> {
        let (brokers, properties, asked) = (self.brokers.clone(), self.properties.clone(), topic.to_owned());
        let answer =
            tokio::task::spawn_blocking(move || admin::cleanup_policy(&brokers, &properties, &asked)).await;
        let reason = match answer.unwrap_or(Err(KafkaError::Canceled)) {
            // Together with "delete", a key's last event goes too when it is old enough.
            Ok(Some(policy)) => return Ok(policy.trim() == "compact"),
            Ok(None) => {
                self.topic(topic).await?;
                format!("it does not tell the settings of topic `{topic}`: that takes the right DescribeConfigs")
            }
            // As text: debug-printing an error of the admin client has crashed.
            Err(error) => error.to_string(),
        };
        Err(Error::Unavailable { what: self.what(), source: reason.into() })
    }

    async fn open(&self, from: Vec<Start>) -> Result<KafkaReader, Error> {
        let ids = ids(&from);
        self.check(&ids).await?;
        let mut starts = Vec::with_capacity(from.len());
        for start in from {
            let unread = match self.unread(&start).await {
                Ok(unread) => unread,
                // That may be because the topic was made anew in between.
                Err(error) => return Err(self.check(&ids).await.err().unwrap_or(error)),
            };
            starts.push((start, unread));
        }
        let connection = self.connection(ids, starts.len()).map_err(|e| self.unavailable(e))?;
        KafkaReader::new(connection, starts, self.what()).map_err(|e| self.unavailable(e))
    }

    async fn open_instead(&self, from: Start, pace: Pace) -> Result<Option<KafkaReader>, Error> {
        let ids = ids(slice::from_ref(&from));
        self.check(&ids).await?;
        let Bounds { first, .. } = self.unread(&from).await?;
        // That it is at its end is for the broker to say: until then the other reader is the better one.
        let bounds = Bounds { first, end: u64::MAX };
        let mut reader = self.instead(from, bounds, ids, pace).map_err(|e| self.unavailable(e))?;
        let answered = tokio::time::timeout(ANSWER_TIMEOUT, reader.answered()).await;
        let error = match answered {
            Ok(Ok(())) => return Ok(Some(reader)),
            Ok(Err(error)) => error,
            Err(_) => self.unavailable(KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut)),
        };
        // Closing a reader may take its time.
        let _ = tokio::task::spawn_blocking(move || drop(reader)).await;
        Err(error)
    }

    async fn join(&self, installation: &str, host: &str) -> Result<KafkaGroup, Error> {
        KafkaGroup::join(&self.brokers, &self.properties, installation, host).map_err(|e| self.unavailable(e))
    }
}
