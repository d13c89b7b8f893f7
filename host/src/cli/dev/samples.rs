//! Topics of the log of `lantern dev`, and the sample events of a project, which go into topics that have none yet.

use super::project::Project;
use super::screen::Screen;
use crate::cli::{UserError, emit};
use crate::event::TopicPartition;
use crate::lane::chain;
use crate::source::embedded::EmbeddedLog;
use crate::source::{Error, Source};

/// Where a projection's topics are made, with how many partitions, and whose samples go there.
pub(super) struct Topics<'a> {
    pub(super) log: &'a EmbeddedLog,
    pub(super) partitions: u32,
    pub(super) project: Option<&'a Project>,
}

impl Topics<'_> {
    /// Creates the topics that are missing, and fills those that are empty.
    pub(super) async fn prepare(&self, topics: &[String], screen: &Screen) -> anyhow::Result<()> {
        for topic in topics {
            self.create(topic, screen).await?;
            let samples = self.project.and_then(|project| project.samples(topic));
            if let Some(samples) = samples
                && is_empty(self.log, topic).await?
            {
                screen.print(|printer| emit::append_file(self.log, topic, &samples, printer))?;
            }
        }
        Ok(())
    }

    async fn create(&self, topic: &str, screen: &Screen) -> Result<(), UserError> {
        let Self { log, partitions, .. } = self;
        if log.topic(topic).await.is_err_and(|error| matches!(error, Error::NoSuchTopic { .. })) {
            log.create(topic, *partitions).map_err(|e| UserError::failure(chain(&e), e.hint()))?;
            screen.note(format_args!("created topic {topic} with {partitions} partitions"));
        }
        Ok(())
    }
}

/// Whether a topic has no event.
pub(super) async fn is_empty(log: &EmbeddedLog, topic: &str) -> Result<bool, Error> {
    for partition in 0..log.topic(topic).await?.partitions {
        if log.bounds(&TopicPartition::new(topic, partition)).await?.end > 0 {
            return Ok(false);
        }
    }
    Ok(true)
}
