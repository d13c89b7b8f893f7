//! The part of a lane that computes: takes events from the reader and applies them, on a thread that may block.
//!
//! If a batch fails, finds the event that is to blame, and leaves applied exactly what stands before it.

use std::borrow::Cow;
use std::sync::Arc;

use super::ahead;
use super::bounded::Bounded;
use super::parking::{Numbered, Open, Parking, Stays};
use super::positions::Positions;
use super::{Course, Fault, Overlay, Policy};
use crate::event::{Batch, BatchLimits, Event, Reference, TopicPartition};
use crate::letter::Letter;
use crate::op::Value;
use crate::projection::LaneId;
use crate::sandbox::{Failure, Instance, Module, Reason, Unstarted};
use crate::source::{self, Reader};
use crate::store::Cells;

/// What works on a lane's events.
pub(super) struct Worker<R, M: Module, C> {
    pub(super) reader: Bounded<R>,
    positions: Positions,
    pub(super) parking: Parking,
    /// The events of the last round that are dealt with.
    pub(super) applied: Batch,
    /// There but while the instance has it.
    overlay: Option<Box<Overlay<C>>>,
    module: M,
    /// None while it rests.
    instance: Option<M::Instance>,
    lane: LaneId,
    topics: Arc<[Arc<str>]>,
    course: Course,
    /// Events left out because they can't be applied.
    pub(super) skipped: u64,
    /// Bytes of writes that one commit may have about.
    write_bytes_max: usize,
    /// Whether it has not dealt with all that it took from its reader: there was a fault, or enough for one commit.
    pub(super) leaves: bool,
    /// Events that are tried at once. What stands before one that can't be applied is applied twice, so fewer are tried
    /// where there are many of those.
    at_once: usize,
}

/// A few events that are taken for the next round, and what was fetched for it by the keys of some of them.
pub(super) struct Taken {
    batch: Batch,
    filled: Result<(), source::Error>,
    fetched: Vec<(usize, Option<Value>)>,
}

/// How many events of a batch are applied, and why the next one can't be; if it can, what is applied is enough for a commit.
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

impl From<Unstarted> for Halt {
    fn from(unstarted: Unstarted) -> Self {
        match unstarted {
            Unstarted::Plugin(reason) => Halt::Spoiled(Fault::Instance(reason)),
            Unstarted::Machine(_) => Halt::Unavailable(Box::new(unstarted)),
        }
    }
}

impl<R, M, C> Worker<R, M, C>
where
    R: Reader,
    C: Cells,
    M: Module<Views = Overlay<C>>,
{
    #[allow(clippy::too_many_arguments)] // the parts of a lane
    pub(super) fn new(
        reader: Bounded<R>,
        positions: Positions,
        parking: Parking,
        overlay: Overlay<C>,
        module: M,
        lane: LaneId,
        topics: Arc<[Arc<str>]>,
        course: Course,
        write_bytes_max: usize,
    ) -> Result<Self, Unstarted> {
        let instance = module.instantiate(&lane, &topics)?;
        let overlay = Some(Box::new(overlay));
        let applied = Batch::default();
        Ok(Self {
            reader,
            positions,
            parking,
            applied,
            overlay,
            module,
            instance: Some(instance),
            lane,
            topics,
            course,
            skipped: 0,
            write_bytes_max,
            leaves: false,
            at_once: usize::MAX,
        })
    }

    /// Its reader, and what else is to be given back, which may be much memory.
    pub(super) fn into_parts(self) -> (Bounded<R>, impl Send + 'static) {
        (self.reader, (self.overlay, self.instance))
    }

    /// Gives up what takes memory and can be had again, which the next round does.
    pub(super) fn rest(&mut self) -> Option<impl Send + 'static> {
        self.applied = Batch::default();
        self.catch_up();
        self.instance.take()
    }

    /// Lets the overlay take in what the store has acknowledged.
    fn catch_up(&mut self) {
        let overlay = self.overlay();
        overlay.settle();
        overlay.remember();
    }

    pub(super) fn overlay(&mut self) -> &mut Overlay<C> {
        self.overlay.as_mut().expect("every call of the instance gives it back")
    }

    /// Bytes written by batches that are not on their way to the store yet.
    pub(super) fn pending_bytes(&self) -> usize {
        self.overlay.as_ref().map_or(0, |overlay| overlay.pending_bytes())
    }

    /// Whether what the next round will most likely read of the views is worth fetching before it.
    pub(super) fn can_read_ahead(&self) -> bool {
        self.overlay.as_ref().is_some_and(|overlay| overlay.can_read_ahead())
            && ahead::is_small(&self.applied)
            && !self.parking.has_retries()
    }

    /// Takes events for the next round, and fetches what it will most likely read of the views.
    pub(super) async fn read_ahead(&mut self, limits: &BatchLimits) -> Result<Taken, Halt> {
        let (batch, filled) = self.take(limits);
        let fetched = self.overlay().read_ahead(keys(&batch)).await;
        let fetched = fetched.map_err(|error| Halt::Unavailable(Box::new(error)))?;
        Ok(Taken { batch, filled, fetched })
    }

    fn take(&mut self, limits: &BatchLimits) -> (Batch, Result<(), source::Error>) {
        let mut batch = std::mem::take(&mut self.applied);
        batch.clear();
        let filled = self.reader.fill(&mut batch, limits);
        (batch, filled)
    }

    /// One round: what is at hand, up to the limits, is applied, or what was taken already. Before that, what was set aside and
    /// is to be tried again, a key a round: so all that is applied of a key is in one commit.
    pub(super) fn round(&mut self, limits: &BatchLimits, taken: Option<Taken>) -> Result<(), Halt> {
        self.catch_up();
        if self.instance.is_none() {
            self.instance = Some(self.start_instance()?);
        }
        if taken.is_none()
            && let Some(letters) = self.parking.next_retry()
        {
            self.applied.clear();
            return self.retry(letters, limits);
        }
        let (mut batch, filled) = match taken {
            Some(Taken { batch, filled, fetched }) => {
                let key = |event| batch.event(event).key.unwrap_or_default();
                self.overlay().take_in(fetched.into_iter().map(|(event, value)| (key(event), value)));
                (batch, filled)
            }
            None => self.take(limits),
        };
        if let Some(new) = self.positions.pass(&batch) {
            tracing::debug!(lane = %self.lane, "of {} events {} were there again", batch.len(), batch.len() - new.len());
            batch = new;
        }
        let (count, result) = self.apply_all(&batch);
        self.overlay().learn(keys(&batch).map(|(_, key)| key));
        self.leaves = count < batch.len();
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
            let end = batch.len().min(done.saturating_add(self.at_once));
            let is_all = (done, end) == (0, batch.len());
            let some = if is_all { Cow::Borrowed(batch) } else { Cow::Owned(batch.slice(done..end)) };
            match self.apply_some(&some) {
                Ok((passed, None)) => {
                    done += passed;
                    self.at_once = self.at_once.saturating_mul(2);
                    if passed < some.len() && !self.is_enough() {
                        return (done, Err(Halt::Fault(self.full(batch, done, None))));
                    }
                }
                Ok((passed, Some(reason))) => {
                    done += passed;
                    self.at_once = (some.len() / 4).max(1);
                    if let Err(fault) = self.set_aside(batch, done, reason) {
                        return (done, Err(Halt::Fault(fault)));
                    }
                    done += 1;
                }
                Err(halt) => return (done, Err(halt)),
            }
            if done < batch.len() && self.is_enough() {
                break;
            }
        }
        (done, Ok(()))
    }

    /// Whether what is applied is as much as one commit should write.
    fn is_enough(&self) -> bool {
        self.pending_bytes() >= self.write_bytes_max
    }

    /// Applies the events before the first that can't be applied, and says how many it got over and why not that one.
    /// Those that wait behind others are set aside.
    fn apply_some(&mut self, batch: &Batch) -> Result<(usize, Option<Reason>), Halt> {
        let Open { indexes, end } = self.parking.open(batch, self.course.parked_max);
        let open = match &indexes {
            None => Cow::Borrowed(batch),
            Some(indexes) => Cow::Owned(batch.select(indexes)),
        };
        let Isolated { healthy, guilty } = self.apply_healthy(&open)?;
        let Some(indexes) = indexes else { return Ok((healthy, guilty)) };
        let passed = indexes.get(healthy).copied().unwrap_or(end);
        for index in (0..passed).filter(|index| indexes.binary_search(index).is_err()) {
            let at = self.reference(batch, index);
            self.parking.park(&batch.event(index), &at);
        }
        Ok((passed, guilty))
    }

    /// Applies the events before the first that can't be applied.
    fn apply_healthy(&mut self, batch: &Batch) -> Result<Isolated, Halt> {
        if batch.is_empty() {
            return Ok(Isolated { healthy: 0, guilty: None });
        }
        let isolated = match self.apply(batch) {
            Ok(()) => Isolated { healthy: batch.len(), guilty: None },
            Err(failure) => self.take_apart(batch, failure)?,
        };
        self.keep()?;
        Ok(isolated)
    }

    /// Does with an event that can't be applied what is to be done with such.
    fn set_aside(&mut self, batch: &Batch, index: usize, reason: Reason) -> Result<(), Fault> {
        let event = self.reference(batch, index);
        match self.course.policy {
            Policy::Stop => return Err(Fault::Poison { event, reason }),
            Policy::Skip => {
                tracing::warn!(lane = %self.lane, "event {event} is left out: {reason}");
                self.skipped += 1;
            }
            Policy::Park if self.parking.count() >= self.course.parked_max => {
                return Err(self.full(batch, index, Some(reason)));
            }
            Policy::Park => {
                tracing::warn!(lane = %self.lane, "event {event} is set aside: {reason}");
                self.parking.fail(&batch.event(index), &event, &reason);
            }
        }
        Ok(())
    }

    fn full(&self, batch: &Batch, index: usize, reason: Option<Reason>) -> Fault {
        Fault::Full { event: self.reference(batch, index), most: self.course.parked_max, reason }
    }

    /// Applies letters of one key again, in order, up to the first that can't be applied. However many these are, it is one
    /// round, and so one commit.
    fn retry(&mut self, letters: Vec<Numbered>, limits: &BatchLimits) -> Result<(), Halt> {
        let (mut applied, mut stays) = (0, None);
        while stays.is_none() && applied < letters.len() {
            let mut batch = Batch::default();
            let mut missing = None;
            for (_, letter) in &letters[applied..] {
                let size = letter.payload.as_ref().map_or(0, |payload| payload.0.len());
                if batch.is_full_for(size, limits) {
                    break;
                }
                match self.readable(letter) {
                    Ok(topic) => batch.push(&Event {
                        topic,
                        partition: letter.partition,
                        offset: letter.offset,
                        timestamp: letter.timestamp,
                        key: letter.key.as_ref().map(|key| &*key.0),
                        headers: &letter.encoded_headers(),
                        payload: letter.payload.as_ref().map(|payload| &*payload.0),
                    }),
                    Err(why) => {
                        missing = Some(why);
                        break;
                    }
                }
            }
            let Isolated { healthy, guilty } = self.apply_healthy(&batch)?;
            applied += healthy;
            stays = guilty.map(Err).or(missing.map(Ok));
        }
        match &stays {
            Some(why) => {
                let event = letters[applied].1.reference();
                let why = why.as_ref().map_or_else(Reason::to_string, String::clone);
                tracing::warn!(lane = %self.lane, "event {event} was tried again and stays set aside: {why}");
            }
            None => tracing::info!(lane = %self.lane, "{applied} events that were set aside are applied"),
        }
        let stays = stays.as_ref().map(|why| match why {
            Ok(gone) => Stays::Gone(gone.clone()),
            Err(reason) => Stays::Failed(reason),
        });
        self.parking.retried(letters, applied, stays);
        Ok(())
    }

    /// Index of the letter's topic, if its event is all there; else what is not.
    fn readable(&self, letter: &Letter) -> Result<u32, String> {
        let Some(topic) = self.topics.iter().position(|topic| **topic == *letter.topic) else {
            return Err("the projection does not read its topic any more".to_owned());
        };
        match letter.left_out {
            Some(bytes) if letter.payload.is_none() && letter.headers.is_empty() => {
                Err(format!("its {bytes} bytes were too many to keep, and its topic has them no more"))
            }
            _ => Ok(topic as u32),
        }
    }

    fn apply(&mut self, batch: &Batch) -> Result<(), Failure> {
        let overlay = self.overlay.take().expect("every call of the instance gives it back");
        let instance = self.instance.as_mut().expect("every round begins with one");
        let (overlay, result) = instance.apply(batch, overlay);
        self.overlay = Some(overlay);
        result
    }

    /// A batch has failed. Applies it event by event, where work is counted, up to the first that fails by itself: so it
    /// is the same one on every machine. The events before it are applied and kept; it has written nothing.
    fn take_apart(&mut self, batch: &Batch, failure: Failure) -> Result<Isolated, Halt> {
        let named = match failure {
            Failure::Unavailable(source) => return Err(Halt::Unavailable(source)),
            Failure::Event(named, _) => named.unwrap_or(0),
        };
        tracing::debug!(lane = %self.lane, "a batch of {} events is taken apart", batch.len());
        self.overlay().discard();
        let (mut healthy, mut well) = (0, None);
        // What stands before the event that the plugin has named is most likely well, and is tried at once: it is no event of
        // it that is judged, so it need not be counted.
        if named > 0 {
            self.instance = Some(self.start_instance()?);
            match self.apply(&batch.slice(0..named)) {
                Ok(()) => healthy = named,
                Err(Failure::Unavailable(source)) => return Err(Halt::Unavailable(source)),
                Err(Failure::Event(..)) => self.overlay().discard(),
            }
            self.keep()?;
        }
        let counted = self.module.instantiate_counted(&self.lane, &self.topics)?;
        let uncounted = self.instance.replace(counted);
        if healthy > 0 {
            well = uncounted;
        }
        let mut guilty = None;
        while healthy < batch.len() {
            self.keep()?;
            if healthy > 0 && self.is_enough() {
                break;
            }
            match self.apply(&batch.slice(healthy..healthy + 1)) {
                Ok(()) => healthy += 1,
                Err(Failure::Unavailable(source)) => return Err(Halt::Unavailable(source)),
                Err(Failure::Event(_, reason)) => {
                    guilty = Some(reason);
                    self.overlay().discard();
                    break;
                }
            }
        }
        // If nobody is guilty, it was the size of the batch, not an event of it. Counting has its price, so what follows is
        // applied without.
        self.instance = match well {
            Some(instance) => Some(instance),
            None => Some(self.start_instance()?),
        };
        Ok(Isolated { healthy, guilty })
    }

    fn start_instance(&self) -> Result<M::Instance, Unstarted> {
        self.module.instantiate(&self.lane, &self.topics)
    }

    /// The events that are applied are to be committed.
    fn keep(&mut self) -> Result<(), Halt> {
        let kept = self.overlay().keep();
        kept.map_err(|refused| Halt::Spoiled(Fault::Instance(Reason::Refused(refused))))
    }

    fn reference(&self, batch: &Batch, index: usize) -> Reference {
        let event = batch.event(index);
        let topic = self.topics[event.topic as usize].clone();
        Reference { at: TopicPartition::new(topic, event.partition), offset: event.offset }
    }
}

/// The keys of the events that have one, and which those are.
fn keys(batch: &Batch) -> impl Iterator<Item = (usize, &[u8])> {
    (0..batch.len()).filter_map(|index| Some((index, batch.event(index).key?)))
}
