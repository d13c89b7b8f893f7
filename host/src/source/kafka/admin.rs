//! What only Kafka's admin protocol tells: the settings of topics. Nothing is changed by it.

use rdkafka::admin::{AdminClient, AdminOptions, ConfigResource, ResourceSpecifier};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::KafkaError;

use super::QUESTION_TIMEOUT;
use super::client::{self, Context};

/// What becomes of the old events of a topic: `delete`, `compact` or both. Blocks, with a client of its own: it is
/// asked once in a long while.
pub(super) fn cleanup_policies(
    brokers: &str,
    properties: &[(String, String)],
    topic: &str,
) -> Result<Vec<String>, KafkaError> {
    let mut config = client::config(brokers);
    for (name, value) in properties {
        config.set(name, value);
    }
    let admin = AdminClient::from_config_and_context(&config, Context::default())?;
    let asked = [ResourceSpecifier::Topic(topic)];
    let options = AdminOptions::new().request_timeout(Some(QUESTION_TIMEOUT));
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|_| KafkaError::Canceled)?;
    let answers = runtime.block_on(admin.describe_configs(&asked, &options))?;
    let topic = answers.into_iter().next().unwrap_or(Err(rdkafka::error::RDKafkaErrorCode::BadMessage));
    let policies = topic.map_err(KafkaError::AdminOp)?;
    Ok(split(&policies))
}

fn split(topic: &ConfigResource) -> Vec<String> {
    let policies = topic.get("cleanup.policy").and_then(|entry| entry.value.as_deref()).unwrap_or_default();
    policies.split(',').map(|policy| policy.trim().to_owned()).collect()
}
