//! What only Kafka's admin protocol tells: the settings of topics. Nothing is changed by it.

use rdkafka::admin::{AdminClient, AdminOptions, ResourceSpecifier};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::KafkaError;
use tokio::runtime::Handle;

use super::QUESTION_TIMEOUT;
use super::client::{self, Context};

/// A topic's `cleanup.policy`: `delete`, `compact` or both. None if the broker does not tell: rdkafka loses its reason,
/// be it that there is no such topic or that it is not for us to know.
///
/// Blocks, on a thread of the runtime that may; the client is made for it, since it is asked once in a long while.
pub(super) fn cleanup_policy(
    brokers: &str,
    properties: &[(String, String)],
    topic: &str,
) -> Result<Option<String>, KafkaError> {
    let mut config = client::config(brokers);
    for (name, value) in properties {
        config.set(name, value);
    }
    let admin = AdminClient::from_config_and_context(&config, Context::default())?;
    let asked = [ResourceSpecifier::Topic(topic)];
    let options = AdminOptions::new().request_timeout(Some(QUESTION_TIMEOUT));
    let answers = Handle::current().block_on(admin.describe_configs(&asked, &options))?;
    let settings = answers.into_iter().find_map(Result::ok);
    Ok(settings.and_then(|topic| topic.get("cleanup.policy").and_then(|entry| entry.value.clone())))
}
