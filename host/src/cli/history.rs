//! What a topic still has of its history: whether a rebuild would see all of it, and how much that is.

use std::collections::BTreeMap;

use tokio::task::JoinSet;

use super::UserError;
use crate::app::AnySource;
use crate::event::TopicPartition;
use crate::lane::chain;
use crate::source::{Bounds, Error};

/// Partitions that are asked about at once, at most.
const QUESTIONS_MAX: usize = 16;

/// What topics still have of their history.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    /// Events that a rebuild has to apply.
    pub(super) events: u64,
    /// Which partitions no longer begin at zero, in words; empty if none of that matters.
    lost: String,
}

impl History {
    /// What views that are built of it would lack, in a sentence; none if they would lack nothing.
    pub(super) fn lack(&self) -> Option<String> {
        (!self.lost.is_empty())
            .then(|| format!("a part of the history is gone, and the views lack it: {}", self.lost))
    }
}

/// What a rebuild would see; none if the source is not known. Refuses one that would not see all.
pub(super) async fn check(
    source: Option<&AnySource>,
    topics: &[String],
    from_earliest: bool,
) -> Result<Option<History>, UserError> {
    let Some(source) = source else { return Ok(None) };
    let (mut events, mut lost) = (0, Vec::new());
    for topic in topics {
        let mut gone = Vec::new();
        let partitions = source.topic(topic).await.map_err(|e| failure(&e))?.partitions;
        for (at, bounds) in all_bounds(source, topic, partitions).await? {
            events += bounds.end - bounds.first.min(bounds.end);
            if bounds.first > 0 {
                gone.push(format!("{at} begins at offset {}", bounds.first));
            }
        }
        // Asked only where it matters: it takes a right of its own.
        if gone.is_empty() {
            continue;
        }
        match source.is_compacted(topic).await {
            Ok(true) => {}
            Err(error) if !from_earliest => return Err(failure(&error)),
            Ok(false) | Err(_) => lost.append(&mut gone),
        }
    }
    let lost = lost.join(", ");
    if lost.is_empty() || from_earliest {
        return Ok(Some(History { events, lost }));
    }
    Err(UserError::refused(
        format!("a part of the history is gone: {lost}; views rebuilt from what is left would lack it"),
        "if that is meant, say --from-earliest",
    ))
}

/// Where the partitions of the topics end now, `topic/partition` to offset.
pub(super) async fn ends(
    source: Option<&AnySource>,
    topics: &[String],
) -> Result<BTreeMap<String, u64>, UserError> {
    let Some(source) = source else {
        return Err(UserError::refused(
            "where the topics end now is not known without their source",
            "name it with --source, or start a host first",
        ));
    };
    let mut ends = BTreeMap::new();
    for topic in topics {
        let partitions = source.partitions(topic).await.map_err(|e| failure(&e))?;
        let bounds = all_bounds(source, topic, partitions).await?;
        ends.extend(bounds.into_iter().map(|(at, bounds)| (at.to_string(), bounds.end)));
    }
    Ok(ends)
}

/// What the log has of each partition of a topic. Each answer takes a round trip, so several are asked for at once.
async fn all_bounds(
    source: &AnySource,
    topic: &str,
    partitions: u32,
) -> Result<BTreeMap<TopicPartition, Bounds>, UserError> {
    let mut bounds = BTreeMap::new();
    let (mut left, mut asking) = (0..partitions, JoinSet::new());
    loop {
        for at in left.by_ref().take(QUESTIONS_MAX - asking.len()).map(|number| TopicPartition::new(topic, number))
        {
            let source = source.clone();
            asking.spawn(async move { source.bounds(&at).await.map(|bounds| (at, bounds)) });
        }
        let Some(answer) = asking.join_next().await else { return Ok(bounds) };
        let (at, of) = answer.expect("nobody ends a question").map_err(|e| failure(&e))?;
        bounds.insert(at, of);
    }
}

pub(super) fn failure(error: &Error) -> UserError {
    UserError::failure(chain(error), error.hint())
}
