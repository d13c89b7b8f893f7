//! A witness: a module that notes which events change what is watched, and what it held before and after.
//!
//! A batch is applied whole, but for events that bear the name of what is watched, which are alone from the start. Only if
//! it has written what is watched, it is taken back and applied again in smaller parts, until the events that did it are
//! alone. So what the others cost is what they always cost.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use crate::event::{Batch, Event, Reference, TopicPartition, headers};
use crate::lane::Overlay;
use crate::op::{Cell, CellRef, Query, Value};
use crate::projection::{Description, Kind, LaneId};
use crate::sandbox::{Failure, Instance, Module, Reason, Unstarted, ViewError};
use crate::store::Cells;

/// Into how many parts a batch is cut of which some event has changed what is watched.
const PARTS: usize = 16;
/// If one of so many events has done it, the next ones are applied one by one.
const DENSE: usize = 4;

/// What is watched.
#[derive(Clone, Debug, PartialEq)]
pub struct Watch {
    /// Index of the view.
    pub view: u32,
    /// Its kind.
    pub kind: Kind,
    /// Which structure of a keyed view; empty otherwise.
    pub key: Vec<u8>,
    /// The field or member, empty of a value; none for all that the structure has.
    pub member: Option<Vec<u8>>,
    /// How many of the latest changes are kept.
    pub latest: usize,
}

/// An event that has changed what is watched.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Where it stands.
    pub event: Reference,
    /// Its time, in milliseconds since the Unix epoch; -1 if it has none.
    pub timestamp: i64,
    /// Its type, as it says itself.
    pub event_type: Option<String>,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Whether it has removed all that the structure held, before what it changed.
    pub cleared: bool,
    /// What it has changed.
    pub cells: Vec<Changed>,
}

/// One thing that changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed {
    /// The field or member; empty of a value. None if it is an entry that was pushed to a list.
    pub member: Option<Vec<u8>>,
    /// What it held.
    pub before: Option<Value>,
    /// What it holds.
    pub after: Option<Value>,
}

/// What was seen.
#[derive(Debug, Default)]
pub struct Seen {
    /// The latest changes, oldest first.
    pub latest: VecDeque<Change>,
    /// How many there were.
    pub count: u64,
}

/// A module that is watched. Its clones and instances tell the same [`Seen`].
#[derive(Clone, Debug)]
pub struct Witness<M> {
    module: M,
    watch: Arc<Watch>,
    seen: Arc<Mutex<Seen>>,
}

/// An instance that is watched.
pub struct Testimony<M: Module> {
    module: M,
    instance: M::Instance,
    is_counted: bool,
    /// Whether many events of the last batch have changed what is watched.
    is_dense: bool,
    lane: LaneId,
    topics: Vec<Arc<str>>,
    watch: Arc<Watch>,
    seen: Arc<Mutex<Seen>>,
}

impl<M> Witness<M> {
    /// Watches what a module does.
    pub fn new(module: M, watch: Watch) -> Self {
        Self { module, watch: Arc::new(watch), seen: Arc::default() }
    }

    /// What was seen so far.
    pub fn seen(&self) -> Seen {
        std::mem::take(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<C: Cells, M: Module<Views = Overlay<C>>> Module for Witness<M> {
    type Views = Overlay<C>;
    type Instance = Testimony<M>;

    fn description(&self) -> &Description {
        self.module.description()
    }

    fn digest(&self) -> &str {
        self.module.digest()
    }

    fn instantiate(&self, lane: &LaneId, topics: &[Arc<str>]) -> Result<Testimony<M>, Unstarted> {
        self.testimony(lane, topics, false)
    }

    fn instantiate_counted(&self, lane: &LaneId, topics: &[Arc<str>]) -> Result<Testimony<M>, Unstarted> {
        self.testimony(lane, topics, true)
    }
}

impl<M: Module> Witness<M> {
    fn testimony(&self, lane: &LaneId, topics: &[Arc<str>], is_counted: bool) -> Result<Testimony<M>, Unstarted> {
        let Self { module, watch, seen } = self.clone();
        let instance = start(&module, lane, topics, is_counted)?;
        let (lane, topics) = (lane.clone(), topics.to_vec());
        Ok(Testimony { module, instance, is_counted, is_dense: false, lane, topics, watch, seen })
    }
}

fn start<M: Module>(
    module: &M,
    lane: &LaneId,
    topics: &[Arc<str>],
    is_counted: bool,
) -> Result<M::Instance, Unstarted> {
    match is_counted {
        true => module.instantiate_counted(lane, topics),
        false => module.instantiate(lane, topics),
    }
}

/// A batch whose parts could not be applied as it was.
struct Undone(Failure);

impl From<Failure> for Undone {
    fn from(failure: Failure) -> Self {
        Undone(failure)
    }
}

impl From<ViewError> for Undone {
    fn from(error: ViewError) -> Self {
        Undone(match error {
            ViewError::Refused(refused) => Failure::Event(None, Reason::Refused(refused)),
            ViewError::Unavailable(source) => Failure::Unavailable(source),
        })
    }
}

impl<C: Cells, M: Module<Views = Overlay<C>>> Instance for Testimony<M> {
    type Views = Overlay<C>;

    fn apply(&mut self, batch: &Batch, views: Box<Overlay<C>>) -> (Box<Overlay<C>>, Result<(), Failure>) {
        let (mut views, mut changes) = (Some(views), Vec::new());
        let mut run = Run { testimony: self, views: &mut views, kept: None, changes: &mut changes };
        let result = run.whole(batch);
        let kept = run.kept.take();
        let mut views = views.expect("every call of the instance gives it back");
        match result {
            Ok(()) => {
                self.is_dense = changes.len() >= batch.len().div_ceil(DENSE);
                self.note(changes);
                (views, Ok(()))
            }
            Err(Undone(failure)) => {
                if let Some(kept) = kept {
                    views.go_back(kept);
                }
                (views, Err(failure))
            }
        }
    }
}

impl<M: Module> Testimony<M> {
    fn note(&self, changes: Vec<Change>) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.count += changes.len() as u64;
        seen.latest.extend(changes);
        let excess = seen.latest.len().saturating_sub(self.watch.latest);
        seen.latest.drain(..excess);
    }
}

/// One batch on its way through an instance.
struct Run<'a, C, M: Module> {
    testimony: &'a mut Testimony<M>,
    views: &'a mut Option<Box<Overlay<C>>>,
    /// What was kept before the batch, once a part of it is kept by itself.
    kept: Option<crate::op::Changes>,
    changes: &'a mut Vec<Change>,
}

impl<C: Cells, M: Module<Views = Overlay<C>>> Run<'_, C, M> {
    fn views(&mut self) -> &mut Overlay<C> {
        self.views.as_mut().expect("every call of the instance gives it back")
    }

    fn call(&mut self, batch: &Batch) -> Result<(), Failure> {
        let views = self.views.take().expect("every call of the instance gives it back");
        let (views, result) = self.testimony.instance.apply(batch, views);
        *self.views = Some(views);
        result
    }

    /// Applies a batch, and finds out which of its events change what is watched. What it writes last is not kept yet.
    fn whole(&mut self, batch: &Batch) -> Result<(), Undone> {
        let parts = self.parts(batch);
        if parts.len() > 1 {
            return self.each(batch, &parts);
        }
        self.call(batch)?;
        if !self.is_touched() {
            return Ok(());
        }
        if batch.len() == 1 {
            return self.note(batch);
        }
        // Back to where the batch began. What the instance remembers of it must go too.
        self.views().discard();
        let Testimony { module, lane, topics, is_counted, .. } = &*self.testimony;
        let fresh = start(module, lane, topics, *is_counted).map_err(|unstarted| match unstarted {
            Unstarted::Plugin(reason) => Failure::Event(None, reason),
            Unstarted::Machine(_) => Failure::Unavailable(Box::new(unstarted)),
        })?;
        self.testimony.instance = fresh;
        self.each(batch, &chunks(batch.len(), batch.len().div_ceil(PARTS)))
    }

    /// Applies a batch part by part. What the last one writes is not kept yet.
    fn each(&mut self, batch: &Batch, parts: &[Range<usize>]) -> Result<(), Undone> {
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                self.keep()?;
            }
            self.whole(&batch.slice(part.clone()))?;
        }
        Ok(())
    }

    fn keep(&mut self) -> Result<(), Undone> {
        if self.kept.is_none() {
            self.kept = Some(self.views().kept());
        }
        self.views().keep().map_err(|refused| ViewError::Refused(refused).into())
    }

    /// A batch in parts from the start: each event alone where most of the last ones did it, or those that bear the name of
    /// what is watched.
    fn parts(&self, batch: &Batch) -> Vec<Range<usize>> {
        if self.testimony.is_dense {
            return chunks(batch.len(), 1);
        }
        let Watch { key, member, .. } = &*self.testimony.watch;
        let name = member.as_ref().filter(|member| !member.is_empty()).unwrap_or(key);
        let (mut parts, mut start) = (Vec::new(), 0);
        for index in 0..batch.len() {
            if !name.is_empty() && batch.event(index).key == Some(name) {
                parts.extend([start..index, index..index + 1]);
                start = index + 1;
            }
        }
        parts.push(start..batch.len());
        parts.retain(|part| !part.is_empty());
        parts
    }

    fn is_touched(&mut self) -> bool {
        let watch = self.testimony.watch.clone();
        let Some(structure) = self.views().written().structure(watch.view, &watch.key) else { return false };
        match &watch.member {
            Some(member) => structure.cleared || structure.cells.contains_key(&**member),
            None => true,
        }
    }

    /// Notes what a single event has changed.
    fn note(&mut self, batch: &Batch) -> Result<(), Undone> {
        let watch = self.testimony.watch.clone();
        let written = self.views().written().structure(watch.view, &watch.key).cloned().unwrap_or_default();
        let mut cells: Vec<Changed> = Vec::new();
        let is_watched = |member: &[u8]| watch.member.as_ref().is_none_or(|watched| **watched == *member);
        let mut members: Vec<&[u8]> =
            written.cells.keys().map(|member| &**member).filter(|m| is_watched(m)).collect();
        if let Some(member) =
            watch.member.as_ref().filter(|member| written.cleared && !members.contains(&&***member))
        {
            members.push(member);
        }
        for member in members {
            let cell = CellRef { view: watch.view, key: &watch.key, member };
            let before = self.views().before(query(watch.kind), &cell)?;
            let after = match written.cells.get(member) {
                Some(Cell::Put(value)) => Some(value.clone()),
                Some(Cell::Add(_)) => crate::sandbox::Views::read(self.views(), query(watch.kind), &cell)?,
                Some(Cell::Remove) | None => None,
            };
            if before != after {
                cells.push(Changed { member: Some(member.to_vec()), before, after });
            }
        }
        let pushed = written.pushed.iter().map(|entry| Some(Value::Bytes(entry.clone())));
        cells.extend(pushed.map(|after| Changed { member: None, before: None, after }));
        // What it held of which nothing is known but that it is gone.
        let cleared = written.cleared && watch.member.is_none();
        if cleared || !cells.is_empty() {
            let event = batch.event(0);
            self.changes.push(Change { cleared, ..self.testimony.change(&event, cells) });
        }
        Ok(())
    }
}

impl<M: Module> Testimony<M> {
    fn change(&self, event: &Event<'_>, cells: Vec<Changed>) -> Change {
        let topic = self.topics.get(event.topic as usize).cloned().unwrap_or_default();
        let at = TopicPartition::new(topic, event.partition);
        Change {
            event: Reference { at, offset: event.offset },
            timestamp: event.timestamp,
            event_type: event_type(event),
            key: event.key.map(<[u8]>::to_vec),
            cleared: false,
            cells,
        }
    }
}

/// So many events in parts of a size.
fn chunks(events: usize, size: usize) -> Vec<Range<usize>> {
    (0..events).step_by(size.max(1)).map(|start| start..events.min(start + size)).collect()
}

fn query(kind: Kind) -> Query {
    match kind {
        Kind::Table | Kind::Counters => Query::Hget,
        Kind::Ranking => Query::Zscore,
        Kind::Set => Query::Sismember,
        Kind::Value | Kind::List => Query::Get,
    }
}

/// The type that an event bears: in CloudEvents' header, or in the field `type` of a payload that is a JSON object.
fn event_type(event: &Event<'_>) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Typed {
        r#type: String,
    }
    let of_header = headers(event.headers).filter(|(name, _)| *name == b"ce_type").last();
    match of_header {
        Some((_, Some(name))) => Some(String::from_utf8_lossy(name).into_owned()),
        _ => serde_json::from_slice::<Typed>(event.payload?).ok().map(|typed| typed.r#type),
    }
}
