//! The stage: a plugin's lanes on events and a store in memory, played step by step.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::schedule::Step;
use crate::event::{Batch, BatchLimits, Reference, TopicPartition};
use crate::lane::{Blocking, Course, Exit, Fault, Lane, Outages, Overlay, Policy, Settings, State, Status, chain};
use crate::projection::{Description, Ordering, Projection, Share};
use crate::sandbox::Module;
use crate::source::memory::MemoryLog;
use crate::store::memory::{Held, Memory, MemoryCells};

/// How long a lane waits before it tries again what the machine has no room for.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// A lane has nobody who could take its store from it.
const NEVER: Duration = Duration::from_secs(u32::MAX as u64);

/// Events, and the lanes that they meet in.
#[derive(Clone, Debug)]
pub struct Stage {
    log: MemoryLog,
    projection: Projection,
    lanes: Vec<Line>,
    course: Course,
    settings: Settings,
}

/// The events of one lane.
#[derive(Clone, Debug)]
struct Line {
    share: Share,
    partitions: Vec<(u32, TopicPartition)>,
    /// In the order in which the lane takes them.
    events: Arc<Batch>,
}

/// What a play has led to.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The structures of all views, by the name of the view and, of a keyed one, `:` and the key.
    pub structures: BTreeMap<Vec<u8>, Held>,
    /// The lanes that could not go on.
    pub halted: Vec<Halted>,
    /// The events that are set aside.
    pub set_aside: Vec<(Reference, String)>,
    /// How many events are left out.
    pub skipped: u64,
}

/// A lane that could not go on.
#[derive(Clone, Debug, PartialEq)]
pub struct Halted {
    /// Which events it takes.
    pub share: String,
    /// The event that it stopped at, if it was one.
    pub event: Option<Reference>,
    /// Why.
    pub reason: String,
    /// What the author can do about it.
    pub hint: &'static str,
}

impl Outcome {
    /// Whether the same has come of it.
    pub fn is_like(&self, other: &Outcome) -> bool {
        (&self.structures, &self.halted, &self.set_aside) == (&other.structures, &other.halted, &other.set_aside)
    }
}

impl Stage {
    /// A stage for a plugin of this description, on these events. What can't be applied is dealt with by the policy.
    pub fn new(description: &Description, log: MemoryLog, policy: Policy, parked_max: usize) -> Self {
        let topics: Arc<[Arc<str>]> = description.topics.iter().map(|topic| topic.as_str().into()).collect();
        let projection = Projection {
            name: description.name.as_str().into(),
            generation: 1,
            begun: 0,
            live: true,
            prefix: "".into(),
            topics: topics.clone(),
            views: description.views.clone().into(),
            ordering: description.ordering,
        };
        let mut shares: BTreeMap<u32, Vec<(u32, TopicPartition)>> = BTreeMap::new();
        for (topic, name) in (0..).zip(&*topics) {
            for at in log.partitions().filter(|at| at.topic == *name) {
                let share = if description.ordering == Ordering::Global { 0 } else { at.partition };
                shares.entry(share).or_default().push((topic, at.clone()));
            }
        }
        let share = |number| match description.ordering {
            Ordering::Global => Share::Whole,
            Ordering::Partition => Share::Partition(number),
        };
        let line = |(number, partitions): (u32, Vec<_>)| {
            let events = Arc::new(log.merged(&partitions));
            Line { share: share(number), partitions, events }
        };
        let lanes = shares.into_iter().map(line).collect();
        let settings = Settings {
            batch: BatchLimits { events_max: usize::MAX, bytes_max: usize::MAX },
            look_every: NEVER,
            backoff: BACKOFF,
            blocking: Blocking::Here,
            ..Settings::default()
        };
        Self { log, projection, lanes, course: Course { policy, parked_max, ..Course::default() }, settings }
    }

    /// How many events each lane has.
    pub fn lengths(&self) -> Vec<usize> {
        self.lanes.iter().map(|line| line.events.len()).collect()
    }

    /// The events in the order of their times, each by the index of its lane; every lane's in their own order.
    pub fn by_time(&self) -> Vec<usize> {
        let mut next = vec![0; self.lanes.len()];
        let mut order = Vec::new();
        let time = |lane: usize, next: &[usize]| {
            let events = &self.lanes[lane].events;
            (next[lane] < events.len()).then(|| events.event(next[lane]).timestamp)
        };
        while let Some((_, lane)) = (0..next.len()).filter_map(|lane| Some((time(lane, &next)?, lane))).min() {
            order.push(lane);
            next[lane] += 1;
        }
        order
    }

    /// Where an event of a lane stands.
    pub fn reference(&self, lane: usize, index: usize) -> Reference {
        let event = self.lanes[lane].events.event(index);
        let topic = self.projection.topics[event.topic as usize].clone();
        Reference { at: TopicPartition::new(topic, event.partition), offset: event.offset }
    }

    /// The description's views.
    pub fn views(&self) -> &[crate::projection::View] {
        &self.projection.views
    }

    /// Plays the events in these steps, from nothing. A runtime of one thread makes every play the same.
    pub async fn play<M>(&self, module: &M, steps: impl IntoIterator<Item = Step>) -> Outcome
    where
        M: Module<Views = Overlay<MemoryCells>>,
    {
        let memory = Memory::default();
        let (mut actors, mut skipped) = (Vec::new(), 0);
        for line in &self.lanes {
            actors.push(self.start(line, module, &memory, 0));
        }
        for Step { lane, events, is_last_of_instance } in steps {
            let actor = &mut actors[lane];
            actor.take(events).await;
            if is_last_of_instance && !actor.has_ended() {
                let released = *actor.release.borrow();
                skipped += actor.status.borrow().skipped;
                let fresh = self.start(&self.lanes[lane], module, &memory, released);
                std::mem::replace(actor, fresh).end().await;
            }
        }
        self.outcome(actors, &memory, skipped).await
    }

    fn start<M>(&self, line: &Line, module: &M, memory: &Memory, released: usize) -> Actor
    where
        M: Module<Views = Overlay<MemoryCells>>,
    {
        let (release, gate) = watch::channel(released);
        let (status, told) = watch::channel(Status::default());
        let shutdown = CancellationToken::new();
        let lane = Lane {
            projection: self.projection.clone(),
            share: line.share,
            partitions: line.partitions.clone(),
            source: self.log.gated(gate),
            module: module.clone(),
            store: memory.clone(),
            settings: self.settings.clone(),
            course: self.course.clone(),
            outages: Outages::default(),
            status,
        };
        let task = tokio::spawn(lane.run(shutdown.clone()));
        Actor { share: line.share, base: released, release, status: told, shutdown, task }
    }

    /// What has come of it. So many events were left out by instances that are gone.
    async fn outcome(&self, actors: Vec<Actor>, memory: &Memory, skipped: u64) -> Outcome {
        let mut outcome = Outcome { skipped, ..Outcome::default() };
        for actor in actors {
            let (share, skipped) = (actor.share.to_string(), actor.status.borrow().skipped);
            outcome.skipped += skipped;
            let letters = memory.letters(&self.projection.name, self.projection.generation, &share);
            let letters = letters.all.into_values();
            outcome.set_aside.extend(
                letters.map(|letter| (letter.reference(), format!("{}: {}", letter.reason, letter.message))),
            );
            if let Exit::Stopped(fault) = actor.end().await {
                let event = match &fault {
                    Fault::Poison { event, .. } | Fault::Full { event, .. } => Some(event.clone()),
                    _ => None,
                };
                outcome.halted.push(Halted { share, event, reason: chain(&fault), hint: fault.hint() });
            }
        }
        outcome.structures = memory.structures();
        outcome
    }
}

/// A lane that is playing.
struct Actor {
    share: Share,
    /// How many events were released before it was started.
    base: usize,
    release: watch::Sender<usize>,
    status: watch::Receiver<Status>,
    shutdown: CancellationToken,
    task: JoinHandle<Exit>,
}

impl Actor {
    /// Takes so many events more, and has committed them when this returns; fewer if it can't go on.
    async fn take(&mut self, events: usize) {
        self.release.send_modify(|released| *released += events);
        let wanted = (*self.release.borrow() - self.base) as u64;
        let has_come = |status: &Status| status.committed >= wanted || matches!(status.state, State::Stopped(_));
        // An error is a lane that has ended without a word: it has panicked.
        let _ = self.status.wait_for(has_come).await;
    }

    fn has_ended(&self) -> bool {
        self.task.is_finished() || matches!(self.status.borrow().state, State::Stopped(_))
    }

    async fn end(self) -> Exit {
        self.shutdown.cancel();
        self.task.await.unwrap_or(Exit::Stopped(Fault::Panic))
    }
}
