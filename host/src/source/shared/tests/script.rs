//! A log in memory that counts what is read of it, and fails where it is told to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use crate::event::{Batch, BatchLimits, Event, TopicPartition};
use crate::source::merge::{self, Head};
use crate::source::{Assignment, Bounds, Error, Group, Pace, Reader, Source, Start, Topic};

/// Bytes of every event's payload, which says its offset.
pub(super) const PAYLOAD_BYTES: usize = 100;

/// How long it takes to open a reader.
const OPENING: Duration = Duration::from_millis(3);

/// The log. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Script {
    state: Arc<Mutex<State>>,
    changed: Arc<Notify>,
}

/// What was read of a script.
#[derive(Clone, Copy)]
pub(super) struct Counts {
    /// Readers that are open.
    pub(super) readers: usize,
    /// Readers that were opened.
    pub(super) opened: usize,
    /// Of them those for partitions at rest.
    pub(super) rested: usize,
    /// Bytes of payloads that all readers have given.
    pub(super) bytes: usize,
}

#[derive(Default)]
struct State {
    /// The time of the event at each offset; offsets may be missing.
    partitions: BTreeMap<u32, BTreeMap<u64, i64>>,
    /// The first offset of each partition, where that is not 0.
    first: BTreeMap<u32, u64>,
    /// Readers that are open, and how many were opened.
    readers: usize,
    opened: usize,
    rested: usize,
    /// Bytes of payloads that all readers have given.
    bytes: usize,
    /// Readers that were opened before so many are broken.
    broken: usize,
    away: bool,
    /// Whether it has readers for partitions at rest.
    rests: bool,
}

impl Script {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// What was read so far, and by how many.
    pub(super) fn counts(&self) -> Counts {
        let state = self.state();
        Counts { readers: state.readers, opened: state.opened, rested: state.rested, bytes: state.bytes }
    }

    pub(super) fn append(&self, partition: u32, events: impl IntoIterator<Item = (u64, i64)>) {
        self.state().partitions.entry(partition).or_default().extend(events);
        self.changed.notify_waiters();
    }

    /// Every reader that is open fails.
    pub(super) fn break_readers(&self) {
        let mut state = self.state();
        state.broken = state.opened;
        self.changed.notify_waiters();
    }

    /// No reader opens, or all do again.
    pub(super) fn set_away(&self, away: bool) {
        self.state().away = away;
    }

    /// It has readers for partitions at rest from now on.
    pub(super) fn with_rest(self) -> Self {
        self.state().rests = true;
        self
    }

    /// Drops what is before an offset.
    pub(super) fn truncate(&self, partition: u32, first: u64) {
        let mut state = self.state();
        state.first.insert(partition, first);
        state.partitions.entry(partition).or_default().retain(|offset, _| *offset >= first);
    }

    pub(super) fn offsets(&self, partition: u32) -> Vec<u64> {
        self.state().partitions.get(&partition).into_iter().flat_map(|events| events.keys().copied()).collect()
    }
}

/// No host ever asks a script for its group.
pub(super) struct Nobody;

impl Group for Nobody {
    fn subscribe(&self, _topics: BTreeSet<Arc<str>>) {}

    fn assignment(&self) -> watch::Receiver<Assignment> {
        watch::channel(Assignment::default()).1
    }

    fn report(&self, _offsets: BTreeMap<TopicPartition, u64>) {}

    async fn leave(self) {}
}

impl Source for Script {
    type Reader = ScriptReader;
    type Group = Nobody;

    async fn topic(&self, _name: &str) -> Result<Topic, Error> {
        Ok(Topic { partitions: self.state().partitions.len() as u32, id: None })
    }

    async fn bounds(&self, at: &TopicPartition) -> Result<Bounds, Error> {
        let offsets = self.offsets(at.partition);
        let end = offsets.last().map_or(0, |last| last + 1);
        Ok(Bounds { first: offsets.first().copied().unwrap_or(end), end })
    }

    async fn is_compacted(&self, _topic: &str) -> Result<bool, Error> {
        Ok(false)
    }

    async fn join(&self, _installation: &str, _host: &str) -> Result<Nobody, Error> {
        Ok(Nobody)
    }

    async fn open(&self, from: Vec<Start>) -> Result<ScriptReader, Error> {
        tokio::time::sleep(OPENING).await;
        let mut state = self.state();
        if state.away {
            return Err(away());
        }
        for Start { at, next, .. } in &from {
            let first = state.first.get(&at.partition).copied().unwrap_or(0);
            if let Some(next) = next.filter(|next| *next < first) {
                return Err(Error::Truncated { at: at.clone(), next, first });
            }
        }
        state.opened += 1;
        state.readers += 1;
        let number = state.opened;
        drop(state);
        let cursor = |start: Start| ScriptCursor {
            script: self.clone(),
            number,
            topic: start.topic,
            partition: start.at.partition,
            next: start.next.unwrap_or(0),
        };
        Ok(ScriptReader { script: self.clone(), cursors: from.into_iter().map(cursor).collect() })
    }

    async fn open_instead(&self, from: Start, pace: Pace) -> Result<Option<ScriptReader>, Error> {
        if !self.state().rests {
            return Ok(None);
        }
        let reader = self.open(vec![from]).await?;
        self.state().rested += usize::from(pace == Pace::AtRest);
        Ok(Some(reader))
    }
}

fn away() -> Error {
    Error::Unavailable { what: "the script".into(), source: "the cable".into() }
}

pub(super) struct ScriptReader {
    script: Script,
    cursors: Vec<ScriptCursor>,
}

struct ScriptCursor {
    script: Script,
    number: usize,
    topic: u32,
    partition: u32,
    next: u64,
}

impl Reader for ScriptReader {
    async fn ready(&mut self) {
        let changed = self.script.changed.clone();
        loop {
            let changed = changed.notified();
            if merge::is_ready(&mut self.cursors) {
                return;
            }
            changed.await;
        }
    }

    fn fill(&mut self, batch: &mut Batch, limits: &BatchLimits) -> Result<(), Error> {
        merge::fill(&mut self.cursors, batch, limits)
    }

    fn at_end(&mut self) -> bool {
        merge::is_at_end(&mut self.cursors)
    }
}

impl Drop for ScriptReader {
    fn drop(&mut self) {
        self.script.state().readers -= 1;
    }
}

impl ScriptCursor {
    fn event(&self, state: &State) -> Option<(u64, i64)> {
        let events = state.partitions.get(&self.partition)?;
        events.range(self.next..).next().map(|(offset, timestamp)| (*offset, *timestamp))
    }
}

impl merge::Cursor for ScriptCursor {
    fn head(&mut self) -> Result<Head, Error> {
        let state = self.script.state();
        if self.number <= state.broken {
            return Err(away());
        }
        let event = self.event(&state);
        Ok(event.map_or(Head::End, |(_, timestamp)| Head::Event { timestamp, bytes: PAYLOAD_BYTES }))
    }

    fn take(&mut self, take: impl FnOnce(&Event<'_>)) {
        let mut state = self.script.state();
        let (offset, timestamp) = self.event(&state).unwrap();
        state.bytes += PAYLOAD_BYTES;
        let payload = format!("{offset:0PAYLOAD_BYTES$}");
        take(&Event {
            topic: self.topic,
            partition: self.partition,
            offset,
            timestamp,
            key: None,
            headers: b"",
            payload: Some(payload.as_bytes()),
        });
        self.next = offset + 1;
    }
}
