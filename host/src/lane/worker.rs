//! The part of a lane that computes: takes events from the reader and applies them, on a thread that may block.
//!
//! If a batch fails, finds the event that is to blame, and leaves applied exactly what stands before it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::positions::Positions;
use super::{Course, Fault, Overlay};
use crate::event::{Batch, BatchLimits, Reference, TopicPartition};
use crate::projection::LaneId;
use crate::sandbox::{Failure, Instance, Module, Reason};
use crate::source::{self, Reader};
use crate::store::Cells;

/// What works on a lane's events.
pub(super) struct Worker<R, M: Module, C> {
    pub(super) reader: R,
    positions: Positions,
    /// The events of the last round that are applied.
    pub(super) applied: Batch,
    /// There but while the instance has it.
    overlay: Option<Box<Overlay<C>>>,
    module: M,
    instance: M::Instance,
    lane: LaneId,
    topics: Arc<[Arc<str>]>,
    course: Course,
    /// Events left out because they can't be applied.
    pub(super) skipped: u64,
}

/// How many events of a batch are applied, and why the next one can't be.
struct Isolated {
    healthy: usize,
    guilty: Option<Reason>,
}

/// Why a round ended early.
#[derive(Debug)]
pub(super) enum Halt {
    /// The lane can't go on beyond the events that are applied.
    Fault(Fault),
    /// The source is away; what came before is applied.
    Source(source::Error),
    /// The lane can't go on, and what it has applied but not committed is spoiled.
    Spoiled(Fault),
    /// The views could not be read, and what the lane has applied but not committed is spoiled.
    Unavailable(Box<dyn std::error::Error + Send + Sync>),
}

impl<R, M, C> Worker<R, M, C>
where
    R: Reader,
    C: Cells,
    M: Module<Views = Overlay<C>>,
{
    #[allow(clippy::too_many_arguments)] // the parts of a lane
    pub(super) fn new(
        reader: R,
        positions: Positions,
        overlay: Overlay<C>,
        module: M,
        lane: LaneId,
        topics: Arc<[Arc<str>]>,
        course: Course,
    ) -> Result<Self, Fault> {
        let instance = module.instantiate(&lane, &topics).map_err(Fault::Instance)?;
        let overlay = Some(Box::new(overlay));
        let applied = Batch::default();
        Ok(Self { reader, positions, applied, overlay, module, instance, lane, topics, course, skipped: 0 })
    }

    /// Its reader, and what else is to be given back, which may be much memory.
    pub(super) fn into_parts(self) -> (R, impl Send + 'static) {
        (self.reader, (self.overlay, self.instance))
    }

    pub(super) fn overlay(&mut self) -> &mut Overlay<C> {
        self.overlay.as_mut().expect("every call of the instance gives it back")
    }

    /// Bytes written by batches that are not on their way to the store yet.
    pub(super) fn pending_bytes(&self) -> usize {
        self.overlay.as_ref().map_or(0, |overlay| overlay.pending_bytes())
    }

    /// One round: what is at hand, up to the limits, is applied.
    pub(super) fn round(&mut self, limits: &BatchLimits) -> Result<(), Halt> {
        let mut batch = std::mem::take(&mut self.applied);
        batch.clear();
        let filled = self.reader.fill(&mut batch, limits);
        if let Some(new) = self.positions.pass(&batch) {
            tracing::debug!(lane = %self.lane, "of {} events {} were there again", batch.len(), batch.len() - new.len());
            batch = new;
        }
        if let Some(until) = &self.course.until {
            batch = up_to(&batch, until, &self.topics);
        }
        let (count, result) = self.apply_all(&batch);
        self.applied = if count == batch.len() { batch } else { batch.slice(0..count) };
        result?;
        filled.map_err(|error| match error.is_transient() {
            true => Halt::Source(error),
            false => Halt::Fault(Fault::Source(error)),
        })
    }

    /// Applies the events in order, and says how many it got over.
    fn apply_all(&mut self, batch: &Batch) -> (usize, Result<(), Halt>) {
        let mut done = 0;
        while done < batch.len() {
            let rest = if done == 0 { Cow::Borrowed(batch) } else { Cow::Owned(batch.slice(done..batch.len())) };
            let Isolated { healthy, guilty } = match self.apply(&rest) {
                Ok(()) => Isolated { healthy: rest.len(), guilty: None },
                Err(failure) => match self.isolate(&rest, failure) {
                    Ok(isolated) => isolated,
                    Err(halt) => return (done, Err(halt)),
                },
            };
            if let Err(refused) = self.overlay().keep() {
                return (done, Err(Halt::Spoiled(Fault::Instance(Reason::Refused(refused)))));
            }
            done += healthy;
            match guilty {
                None => {}
                Some(reason) if self.course.skips => {
                    let event = self.reference(batch, done);
                    tracing::warn!(lane = %self.lane, "event {event} is left out: {reason}");
                    self.skipped += 1;
                    done += 1;
                }
                Some(reason) => {
                    let event = self.reference(batch, done);
                    return (done, Err(Halt::Fault(Fault::Poison { event, reason })));
                }
            }
        }
        (done, Ok(()))
    }

    fn apply(&mut self, batch: &Batch) -> Result<(), Failure> {
        let mut overlay = self.overlay.take().expect("every call of the instance gives it back");
        overlay.begin();
        let (overlay, result) = self.instance.apply(batch, overlay);
        self.overlay = Some(overlay);
        result
    }

    /// A batch has failed. Applies the events before the first that can't be applied, in fresh instances. Each turn
    /// has fewer events to look at, so it ends whatever the plugin does.
    fn isolate(&mut self, batch: &Batch, mut failure: Failure) -> Result<Isolated, Halt> {
        let mut guilty = None;
        let mut healthy = batch.len();
        loop {
            self.renew()?;
            let applied = match failure {
                Failure::Unavailable(source) => return Err(Halt::Unavailable(source)),
                Failure::Event(Some(index), reason) => {
                    (healthy, guilty) = (index, Some(reason));
                    if healthy == 0 { Ok(()) } else { self.apply(&batch.slice(0..healthy)) }
                }
                Failure::Event(None, _) => self.apply_singly(batch, healthy),
            };
            match applied {
                // If nobody is guilty, it was the size of the batch, not an event of it.
                Ok(()) => return Ok(Isolated { healthy, guilty }),
                Err(earlier) => failure = earlier,
            }
        }
    }

    /// Applies the first events one by one, and says which one fails.
    fn apply_singly(&mut self, batch: &Batch, count: usize) -> Result<(), Failure> {
        for index in 0..count {
            self.apply(&batch.slice(index..index + 1)).map_err(|failure| match failure {
                Failure::Event(_, reason) => Failure::Event(Some(index), reason),
                failure => failure,
            })?;
        }
        Ok(())
    }

    fn renew(&mut self) -> Result<(), Halt> {
        self.overlay().discard();
        let instance = self.module.instantiate(&self.lane, &self.topics);
        self.instance = instance.map_err(|reason| Halt::Fault(Fault::Instance(reason)))?;
        Ok(())
    }

    fn reference(&self, batch: &Batch, index: usize) -> Reference {
        let event = batch.event(index);
        let topic = self.topics[event.topic as usize].clone();
        Reference { at: TopicPartition::new(topic, event.partition), offset: event.offset }
    }
}

/// The events before the offsets to stop at.
fn up_to(batch: &Batch, until: &BTreeMap<TopicPartition, u64>, topics: &[Arc<str>]) -> Batch {
    let mut kept = Batch::default();
    for event in batch.iter() {
        let at = TopicPartition::new(topics[event.topic as usize].clone(), event.partition);
        if until.get(&at).is_some_and(|end| event.offset < *end) {
            kept.push(&event);
        }
    }
    kept
}
