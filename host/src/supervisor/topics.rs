//! What the topics are: how many partitions each has, and its id, as far as the source says. Asked in the background, so that a source
//! that is away holds nobody up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::lane::Outages;
use crate::source::{self, Source, Topic, TopicId};

/// How often a topic is asked about again: soon if it is not known yet, else now and then, for partitions may be added.
const ASK_UNKNOWN: Duration = Duration::from_millis(500);
const ASK_KNOWN: Duration = Duration::from_secs(30);

/// How often a topic that was there must be said to be gone until that is believed: a broker that has just started may
/// not know its topics yet.
const DOUBTS: u32 = 10;

/// What is known of a topic.
#[derive(Clone, Debug)]
pub(super) enum Known {
    /// What it is.
    Is(Topic),
    /// It can't be read.
    Wrong(Arc<source::Error>),
}

/// What is known of the topics.
pub(super) struct Topics {
    known: BTreeMap<Arc<str>, Known>,
    ask_at: BTreeMap<Arc<str>, Instant>,
    /// How often topics that were there are said to be gone.
    doubts: BTreeMap<Arc<str>, u32>,
    asking: JoinSet<(Arc<str>, Result<Topic, source::Error>)>,
    outages: Outages,
}

impl Topics {
    pub(super) fn new(outages: Outages) -> Self {
        Self {
            known: BTreeMap::new(),
            ask_at: BTreeMap::new(),
            doubts: BTreeMap::new(),
            asking: JoinSet::new(),
            outages,
        }
    }

    pub(super) fn get(&self, topic: &str) -> Option<&Known> {
        self.known.get(topic)
    }

    /// Asks about those that are not known, or not any more for sure.
    pub(super) fn ask<S: Source>(&mut self, source: &S, wanted: &BTreeSet<Arc<str>>) {
        self.known.retain(|topic, _| wanted.contains(topic));
        self.ask_at.retain(|topic, _| wanted.contains(topic));
        let now = Instant::now();
        for topic in wanted {
            if self.ask_at.get(topic).is_some_and(|at| now < *at) {
                continue;
            }
            // Not again before this answer is there, which sets the time anew.
            self.ask_at.insert(topic.clone(), now + ASK_KNOWN);
            let (source, topic) = (source.clone(), topic.clone());
            self.asking.spawn(async move {
                let answer = source.topic(&topic).await;
                (topic, answer)
            });
        }
    }

    /// Asks about all of them as soon as it can: partitions may have been added.
    pub(super) fn refresh(&mut self) {
        self.ask_at.values_mut().for_each(|at| *at = Instant::now());
    }

    /// A reader has heard that a topic was made anew, and which id it has. How many partitions it has is asked.
    pub(super) fn note_id(&mut self, topic: &Arc<str>, id: &TopicId) {
        if let Some(Known::Is(known)) = self.known.get_mut(topic) {
            known.id = Some(id.clone());
        }
        self.ask_at.insert(topic.clone(), Instant::now());
    }

    /// Waits for the next answer; true if it says something new. Never returns while nothing is asked.
    pub(super) async fn answer(&mut self) -> bool {
        let Some(answered) = self.asking.join_next().await else { return std::future::pending().await };
        let Ok((topic, answer)) = answered else { return false };
        let now = Instant::now();
        let (known, again) = match answer {
            Ok(is) => {
                self.doubts.remove(&topic);
                self.outages.worked("the source");
                (Known::Is(is), ASK_KNOWN)
            }
            Err(error @ source::Error::Unavailable { .. }) => {
                self.outages.failed("the source", &error, error.hint());
                self.ask_at.insert(topic, now + ASK_UNKNOWN);
                return false;
            }
            Err(error) => {
                let doubts = self.doubts.entry(topic.clone()).or_default();
                *doubts += 1;
                if matches!(self.known.get(&topic), Some(Known::Is(_))) && *doubts < DOUBTS {
                    self.ask_at.insert(topic, now + ASK_UNKNOWN);
                    return false;
                }
                (Known::Wrong(Arc::new(error)), ASK_UNKNOWN)
            }
        };
        self.ask_at.insert(topic.clone(), now + again);
        let is_new = match (self.known.get(&topic), &known) {
            (Some(Known::Is(before)), Known::Is(is)) => before != is,
            (Some(Known::Wrong(_)), Known::Wrong(_)) => false,
            _ => true,
        };
        self.known.insert(topic, known);
        is_new
    }

    /// When the next question is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.ask_at.values().min().copied()
    }
}
