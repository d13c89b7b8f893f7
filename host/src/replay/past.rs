//! The past: a deployed projection's events replayed through its module into memory, up to a point. The live view is never
//! touched, and nothing is written anywhere.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::cut::{Cut, Tally, Until};
use crate::event::{Batch, BatchLimits, TopicPartition};
use crate::lane::{Course, Exit, Fault, Lane, Outages, Overlay, Settings, State, Status};
use crate::projection::{Projection, Share};
use crate::sandbox::Module;
use crate::source::{Error, Reader, Source, Start};
use crate::store::memory::{Memory, MemoryCells};

/// Events that are applied at once. Few, so that few are applied again if one of them is looked for.
const BATCH_EVENTS: usize = 500;
/// How often it is looked whether the end has come.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Part of history: which partitions, up to which point.
#[derive(Clone, Debug)]
pub struct Past<S> {
    source: Cut<S>,
    partitions: Vec<(u32, TopicPartition)>,
    /// The first offset that each partition has.
    firsts: BTreeMap<TopicPartition, u64>,
    /// Offsets that there are in all, about as many as events.
    total: u64,
}

impl<S: Source> Past<S> {
    /// The history of a projection's topics: of all partitions or of one number, as the source has it now, or up to these
    /// offsets if any are given.
    pub async fn new(
        source: S,
        projection: &Projection,
        partition: Option<u32>,
        until: Until,
        as_of: &BTreeMap<TopicPartition, u64>,
    ) -> Result<Self, Error> {
        let (mut partitions, mut total) = (Vec::new(), 0);
        let (mut firsts, mut ends) = (BTreeMap::new(), BTreeMap::new());
        for (index, topic) in (0..).zip(&*projection.topics) {
            let count = source.topic(topic).await?.partitions;
            for number in (0..count).filter(|number| partition.is_none_or(|wanted| wanted == *number)) {
                let at = TopicPartition::new(topic.clone(), number);
                let bounds = source.bounds(&at).await?;
                let end = if as_of.is_empty() { bounds.end } else { as_of.get(&at).copied().unwrap_or(0) };
                let end = end.min(bounds.end);
                total += end.saturating_sub(bounds.first);
                firsts.insert(at.clone(), bounds.first.min(end));
                ends.insert(at.clone(), end);
                partitions.push((index, at));
            }
        }
        Ok(Self { source: Cut::new(source, until, ends), partitions, firsts, total })
    }

    /// How many events there are at most.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// How far a replay has come.
    pub fn tally(&self) -> &Arc<Tally> {
        self.source.tally()
    }

    /// Reads it, and says where each partition ends: the offset behind its last event.
    pub async fn ends(&self) -> Result<BTreeMap<TopicPartition, u64>, Error> {
        let start =
            |(topic, at): &(u32, TopicPartition)| Start { at: at.clone(), topic: *topic, next: None, id: None };
        let mut reader = self.source.open(self.partitions.iter().map(start).collect()).await?;
        let mut batch = Batch::default();
        while !reader.at_end() {
            tokio::select! {
                () = reader.ready() => reader.fill(&mut batch, &Settings::default().batch)?,
                // That there is no more, a reader does not tell by itself.
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            batch.clear();
        }
        // Closing a consumer blocks.
        let _ = tokio::task::spawn_blocking(move || drop(reader)).await;
        let mut ends = self.firsts.clone();
        ends.extend(self.tally().ends());
        Ok(ends)
    }

    /// Replays it: all partitions in one lane, by the times of their events, so that what is seen of several is in order.
    /// Gives the views, and why it could not go on if it could not.
    pub async fn replay<M>(&self, projection: &Projection, module: M, course: Course) -> (Memory, Option<Fault>)
    where
        M: Module<Views = Overlay<MemoryCells>>,
    {
        let memory = Memory::default();
        let (status, mut told) = watch::channel(Status::default());
        let settings = Settings {
            batch: BatchLimits { events_max: BATCH_EVENTS, ..Settings::default().batch },
            look_every: LOOK_EVERY,
            ..Settings::default()
        };
        let lane = Lane {
            projection: Projection { live: true, prefix: "".into(), ..projection.clone() },
            share: Share::Whole,
            partitions: self.partitions.clone(),
            source: self.source.clone(),
            module,
            store: memory.clone(),
            settings,
            course,
            outages: Outages::default(),
            status,
        };
        let shutdown = CancellationToken::new();
        let tally = self.tally().clone();
        let is_over = |status: &Status| {
            let is_done = status.at_end && tally.is_covered_by(&status.checkpoint);
            (is_done && status.state == State::Running) || matches!(status.state, State::Stopped(_))
        };
        let watching = async {
            // A lane that has ended tells its end itself.
            let _ = told.wait_for(is_over).await;
            shutdown.cancel();
        };
        match tokio::join!(lane.run(shutdown.clone()), watching).0 {
            Exit::Shutdown => (memory, None),
            Exit::Stopped(fault) => (memory, Some(fault)),
        }
    }
}
