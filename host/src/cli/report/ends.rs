//! Asks a source where its topics begin and end: all at once, and no longer than a person likes to wait.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::app::AnySource;
use crate::event::TopicPartition;
use crate::lane::chain;
use crate::source::{Bounds, Error};

/// How long all questions together may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a source has said of some topics.
#[derive(Clone, Debug, Default)]
pub(super) struct Ends {
    /// How many partitions each topic has.
    pub(super) partitions: BTreeMap<String, u32>,
    pub(super) bounds: BTreeMap<TopicPartition, Bounds>,
    /// Why something is not known, if it is not.
    pub(super) away: Option<String>,
}

/// Asks about topics. What is not answered in time is not known.
pub(super) async fn ask(source: Option<&AnySource>, topics: &BTreeSet<String>) -> Ends {
    let mut ends = Ends::default();
    if topics.is_empty() {
        return ends;
    }
    let Some(source) = source else {
        ends.away = Some("the source is not known (hint: name it with --source)".to_owned());
        return ends;
    };
    let deadline = Instant::now() + PATIENCE;
    let mut asking = JoinSet::new();
    for topic in topics.clone() {
        let source = source.clone();
        asking.spawn(async move {
            let count = source.partitions(&topic).await;
            (topic, count)
        });
    }
    for (topic, count) in ends.answers(asking, source, deadline).await {
        ends.partitions.insert(topic, count);
    }
    let mut asking = JoinSet::new();
    for (topic, count) in &ends.partitions {
        for at in (0..*count).map(|partition| TopicPartition::new(topic.as_str(), partition)) {
            let source = source.clone();
            asking.spawn(async move {
                let bounds = source.bounds(&at).await;
                (at, bounds)
            });
        }
    }
    ends.bounds = ends.answers(asking, source, deadline).await.into_iter().collect();
    ends
}

impl Ends {
    /// The answers that come in time. Notes why there is none to the others.
    async fn answers<Q: 'static, A: 'static>(
        &mut self,
        mut asking: JoinSet<(Q, Result<A, Error>)>,
        source: &AnySource,
        deadline: Instant,
    ) -> Vec<(Q, A)> {
        let mut answers = Vec::new();
        loop {
            match timeout_at(deadline, asking.join_next()).await {
                Ok(None) => return answers,
                Ok(Some(Ok((about, Ok(answer))))) => answers.push((about, answer)),
                Ok(Some(Ok((_, Err(error))))) => {
                    self.away.get_or_insert(format!("{} (hint: {})", chain(&error), error.hint()));
                }
                Ok(Some(Err(panic))) => drop(self.away.get_or_insert(panic.to_string())),
                Err(_too_late) => {
                    let seconds = PATIENCE.as_secs();
                    let text =
                        format!("{source:?} does not answer in {seconds} s (hint: check that it is running)");
                    self.away.get_or_insert(text);
                    return answers;
                }
            }
        }
    }
}
