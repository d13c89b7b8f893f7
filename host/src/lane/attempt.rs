//! One life of a lane: from its epoch to its first trouble. Batch N+1 is applied while batch N is being committed.
//!
//! [`Attempt::step`] waits for one thing to happen and decides what follows; nothing else happens elsewhere.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinError;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::ahead;
use super::pending::Pending;
use super::settings::Working;
use super::stride::Stride;
use super::worker::{Halt, Worker};
use super::{Blocking, Course, Fault, Overlay, Settings, State, Status};
use crate::event::BatchLimits;
use crate::projection::Projection;
use crate::sandbox::{Module, Unstarted};
use crate::source::{self, Reader};
use crate::store::{self, Commit, Session};

/// A lane with a rate takes the events of so much time at once.
const PACE: Duration = Duration::from_millis(50);

/// A lane that has had no events for so long rests: it gives up memory that it can have again, and looks after the store no
/// more often than this.
const REST: Duration = Duration::from_secs(5);

/// How a life of a lane ended.
#[derive(Debug)]
pub(super) enum End {
    /// It was told to, and has committed what it had applied.
    Shutdown,
    /// It has committed what it was given of much that is to be tried again, or what fits of a batch, and must be given the
    /// rest.
    Anew,
    /// The lane can't go on.
    Fault(Fault),
    /// The store is away, or has lost what the lane wrote.
    Store(store::Error),
    /// The source is away.
    Source(source::Error),
    /// The views could not be read.
    Unavailable(Box<dyn std::error::Error + Send + Sync>),
}

impl From<Unstarted> for End {
    fn from(unstarted: Unstarted) -> Self {
        match unstarted {
            Unstarted::Plugin(reason) => End::Fault(Fault::Instance(reason)),
            Unstarted::Machine(_) => End::Unavailable(Box::new(unstarted)),
        }
    }
}

/// A worker back from a round, and how it went.
type Rounded<R, M, S> = (Box<Worker<R, M, <S as Session>::Cells>>, Result<(), Halt>);
/// A worker at its round.
type Round<R, M, S> = Working<Rounded<R, M, S>>;
/// A session at a commit of so many events, or at a look.
type Call<S> = Pin<Box<dyn Future<Output = (S, Done)> + Send>>;

/// What a session has done.
enum Done {
    Committed(usize, Result<(), store::Error>),
    Looked(Result<(), store::Error>),
}

/// What can happen to a lane.
enum Happening<R, M: Module, S: Session> {
    Readable,
    Applied(Result<Rounded<R, M, S>, JoinError>),
    Stored(S, Done),
    LingerOver,
    Paced,
    TimeToLook,
    Shutdown,
}

/// One life of a lane. Worker and session are each at home or away at work.
pub(super) struct Attempt<'a, R, M: Module, S: Session> {
    projection: &'a Projection,
    settings: &'a Settings,
    course: &'a Course,
    status: &'a watch::Sender<Status>,
    shutdown: &'a CancellationToken,
    worker: Option<Box<Worker<R, M, S::Cells>>>,
    round: Option<Round<R, M, S>>,
    session: Option<S>,
    call: Option<Call<S>>,
    acknowledge: watch::Sender<u64>,
    pending: Pending,
    readable: bool,
    stride: Stride,
    /// When the round that is under way has begun, and what was to be written then, in bytes.
    begun: (Instant, usize),
    looked: Instant,
    /// Before this no more events are taken, if the lane has a rate.
    paced: Instant,
    /// Why no more events are taken. The lane ends with it once the pending ones are committed.
    ending: Option<End>,
    /// Whether the store has been asked, after the last event, if the lane may still speak for its projection.
    confirmed: bool,
    /// Whether all there was had been read when that was last looked at, and when the last commit was started.
    at_end: bool,
    commits_end: bool,
}

impl<'a, R, M, S> Attempt<'a, R, M, S>
where
    R: Reader,
    S: Session,
    M: Module<Views = Overlay<S::Cells>>,
{
    #[allow(clippy::too_many_arguments)] // the parts of a lane, and what was opened for this life
    pub(super) fn new(
        projection: &'a Projection,
        settings: &'a Settings,
        course: &'a Course,
        status: &'a watch::Sender<Status>,
        shutdown: &'a CancellationToken,
        worker: Worker<R, M, S::Cells>,
        session: S,
        acknowledge: watch::Sender<u64>,
    ) -> Self {
        Self {
            projection,
            settings,
            course,
            status,
            shutdown,
            // What is to be tried again does not wait for events.
            readable: worker.parking.has_retries(),
            worker: Some(Box::new(worker)),
            round: None,
            session: Some(session),
            call: None,
            acknowledge,
            pending: Pending::default(),
            stride: Stride::default(),
            begun: (Instant::now(), 0),
            looked: Instant::now(),
            paced: Instant::now(),
            ending: None,
            confirmed: false,
            at_end: false,
            commits_end: false,
        }
    }

    /// Runs to its end.
    pub(super) async fn run(mut self) -> End {
        let end = loop {
            if let Some(end) = self.step().await {
                break end;
            }
        };
        // Wakes a read that waits for a commit which will never be acknowledged.
        drop(self.acknowledge);
        let blocking = self.settings.blocking;
        if let Some(round) = self.round.filter(|_| blocking != Blocking::Here) {
            // A plugin's call is never abandoned: it ends by itself, at the latest when its time is up.
            let _ = round.await;
        }
        if let Some(worker) = self.worker {
            let (reader, memory) = worker.into_parts();
            drop(blocking.in_background().run(move || drop(memory)));
            // Closing a reader may take its time.
            let _ = blocking.run(move || drop(reader)).await;
        }
        end
    }

    /// Waits for one thing to happen, and starts what follows from it.
    async fn step(&mut self) -> Option<End> {
        let happening = self.happening().await;
        if let Some(end) = self.note(happening) {
            return Some(end);
        }
        self.start_commit();
        self.start_round();
        let idle = self.worker.is_some() && self.session.is_some() && self.pending.is_empty();
        if idle && matches!(self.ending, Some(End::Fault(_))) && !self.confirmed {
            // What a fenced or rewound lane has read says nothing of the event.
            self.confirmed = true;
            self.start_look();
            return None;
        }
        if idle { self.ending.take() } else { None }
    }

    async fn happening(&mut self) -> Happening<R, M, S> {
        let has_room = self.room().is_some();
        let linger_over = self.linger_over();
        let paced = Some(self.paced).filter(|paced| self.worker.is_some() && *paced > Instant::now());
        let look_every = self.settings.look_every;
        let every = if self.rests() { REST.max(look_every) } else { look_every };
        let look_at = self.settings.next_look(self.looked, every);
        let Self { worker, round, session, call, shutdown, readable, ending, .. } = self;
        tokio::select! {
            biased;
            () = shutdown.cancelled(), if ending.is_none() => Happening::Shutdown,
            (session, done) = some(call) => Happening::Stored(session, done),
            round = some(round) => Happening::Applied(round),
            () = ready(worker), if ending.is_none() && has_room && !*readable => Happening::Readable,
            () = until(linger_over.unwrap_or(look_at)), if linger_over.is_some() => Happening::LingerOver,
            () = until(paced.unwrap_or(look_at)), if paced.is_some() => Happening::Paced,
            () = until(look_at), if session.is_some() => Happening::TimeToLook,
        }
    }

    /// Takes in what happened. Some end is at once.
    fn note(&mut self, happening: Happening<R, M, S>) -> Option<End> {
        match happening {
            Happening::Shutdown => self.ending = Some(End::Shutdown),
            Happening::Readable => self.readable = true,
            Happening::LingerOver | Happening::Paced => {}
            Happening::TimeToLook => {
                self.note_position();
                self.rest();
                self.start_look();
            }
            Happening::Applied(Err(panic)) => {
                tracing::error!("{panic}");
                self.round = None;
                return Some(End::Fault(Fault::Panic));
            }
            Happening::Applied(Ok((mut worker, result))) => {
                self.round = None;
                self.pending.add(&worker.applied, &self.projection.topics);
                if result.is_ok() && !worker.leaves {
                    // All that stands before is applied.
                    worker.reader.take_reached().into_iter().for_each(|(at, next)| self.pending.pass(at, next));
                }
                if worker.parking.has_changes() {
                    self.pending.touch();
                }
                let (began, written) = self.begun;
                let wrote = worker.pending_bytes().saturating_sub(written);
                self.stride.learn(worker.applied.len(), began.elapsed(), wrote);
                self.pace(worker.applied.len());
                self.readable = worker.parking.has_retries();
                let wants_more = worker.parking.wants_more() || worker.leaves;
                self.worker = Some(worker);
                self.note_position();
                match result {
                    Ok(()) if wants_more => self.ending = Some(End::Anew),
                    Ok(()) => {}
                    Err(Halt::Fault(fault)) => self.ending = Some(End::Fault(fault)),
                    Err(Halt::Source(error)) => self.ending = Some(End::Source(error)),
                    Err(Halt::Spoiled(fault)) => return Some(End::Fault(fault)),
                    Err(Halt::Unavailable(source)) => return Some(End::Unavailable(source)),
                }
            }
            Happening::Stored(session, done) => {
                self.call = None;
                self.looked = Instant::now();
                match done {
                    Done::Committed(events, Ok(())) => self.acknowledged(events, &session),
                    Done::Looked(Ok(())) => {}
                    Done::Committed(_, Err(error)) | Done::Looked(Err(error)) => return Some(End::Store(error)),
                }
                self.session = Some(session);
            }
        }
        None
    }

    /// Whether there have been no events for a while.
    fn rests(&self) -> bool {
        self.begun.0.elapsed() >= REST
    }

    /// Gives up memory if it rests.
    fn rest(&mut self) {
        let rests = self.rests();
        let Some(worker) = self.worker.as_mut().filter(|_| rests) else { return };
        if let Some(memory) = worker.rest() {
            drop(self.settings.blocking.in_background().run(move || drop(memory)));
        }
    }

    /// Events were taken: if the lane has a rate, the next ones have to wait for their time.
    fn pace(&mut self, events: usize) {
        if let Some(rate) = self.course.rate {
            self.paced = self.paced.max(Instant::now()) + Duration::from_secs_f64(events as f64 / rate);
        }
    }

    /// Tells whether all there is has been read and committed. What comes at the end while the lane stands there does not
    /// change that: otherwise one that events flow through would hardly ever be at the end.
    fn note_position(&mut self) {
        let Some(worker) = &mut self.worker else { return };
        self.at_end = worker.reader.at_end() && !worker.leaves;
        let is_committed = self.pending.is_empty() && self.session.is_some();
        let (is_at_end, skipped) = (self.at_end, worker.skipped);
        self.status.send_if_modified(|status| {
            let at_end = is_at_end && (is_committed || status.at_end);
            let changed = (status.at_end, status.skipped) != (at_end, skipped);
            (status.at_end, status.skipped) = (at_end, skipped);
            changed
        });
    }

    fn acknowledged(&mut self, events: usize, session: &S) {
        self.acknowledge.send_modify(|number| *number += 1);
        self.status.send_modify(|status| {
            status.state = State::Running;
            status.committed += events as u64;
            status.checkpoint.clone_from(session.checkpoint());
            status.at_end |= self.at_end && self.commits_end;
        });
    }

    /// How much more may be applied before it must be committed. None if the worker is away or nothing more fits.
    fn room(&self) -> Option<BatchLimits> {
        let worker = self.worker.as_ref()?;
        let batch = self.settings.batch;
        let mut events_max = batch.events_max.saturating_sub(self.pending.events);
        if let Some(rate) = self.course.rate {
            let at_once = (rate * PACE.as_secs_f64()).max(1.0) as usize;
            events_max = if self.paced > Instant::now() { 0 } else { events_max.min(at_once) };
        }
        let bytes_max = batch.bytes_max.saturating_sub(self.pending.bytes);
        let writes_fit = worker.pending_bytes() < self.settings.write_bytes_max;
        (events_max > 0 && bytes_max > 0 && writes_fit).then_some(BatchLimits { events_max, bytes_max })
    }

    /// When the pending events have waited long enough although there is room for more.
    fn linger_over(&self) -> Option<Instant> {
        let waiting = self.session.is_some() && self.worker.is_some() && self.room().is_some();
        self.pending.since.filter(|_| waiting).map(|since| since + self.settings.linger)
    }

    fn start_commit(&mut self) {
        let due = match self.pending.since {
            None => false,
            Some(since) => {
                since.elapsed() >= self.settings.linger || self.room().is_none() || self.ending.is_some()
            }
        };
        let (true, Some(worker)) = (due, &mut self.worker) else { return };
        let Some(mut session) = self.session.take() else { return };
        worker.overlay().settle();
        let changes = worker.overlay().send();
        let letters = worker.parking.take_changes();
        let (events, checkpoint) = self.pending.take(session.checkpoint());
        self.commits_end = self.at_end;
        self.call = Some(Box::pin(async move {
            let result = session.commit(Commit { changes, checkpoint, letters }).await;
            (session, Done::Committed(events, result))
        }));
    }

    fn start_look(&mut self) {
        let Some(mut session) = self.session.take() else { return };
        self.call = Some(Box::pin(async move {
            let result = session.look().await;
            (session, Done::Looked(result))
        }));
    }

    fn start_round(&mut self) {
        let (true, None, Some(mut limits)) = (self.readable, &self.ending, self.room()) else { return };
        let Some(mut worker) = self.worker.take() else { return };
        if self.settings.blocking != Blocking::Here {
            limits.events_max = limits.events_max.min(self.stride.events());
        }
        self.begun = (Instant::now(), worker.pending_bytes());
        let blocking = self.settings.blocking;
        let round = move |mut worker: Box<Worker<R, M, S::Cells>>, taken| {
            blocking.run(move || {
                let result = worker.round(&limits, taken);
                (worker, result)
            })
        };
        // Who asks for it to be done here says how many events a round has.
        let few = if blocking == Blocking::Here { limits } else { ahead::few(&limits) };
        // What is done in the background must not keep others waiting, and may wait itself.
        let reads_ahead = blocking != Blocking::Background && worker.can_read_ahead();
        self.round = Some(match reads_ahead {
            false => round(worker, None),
            true => Box::pin(async move {
                match worker.read_ahead(&few).await {
                    Ok(taken) => round(worker, Some(taken)).await,
                    Err(halt) => Ok((worker, Err(halt))),
                }
            }),
        });
    }
}

/// The output of what is under way; never, if nothing is.
async fn some<F: Future + Unpin>(future: &mut Option<F>) -> F::Output {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

async fn ready<R: Reader, M, C>(worker: &mut Option<Box<Worker<R, M, C>>>)
where
    M: Module<Views = Overlay<C>>,
    C: store::Cells,
{
    match worker {
        Some(worker) => worker.reader.ready().await,
        None => std::future::pending().await,
    }
}

async fn until(instant: Instant) {
    tokio::time::sleep_until(instant).await;
}
