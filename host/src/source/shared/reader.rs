//! Reads the partitions of one lane: alone until it has caught up, then what is read for all, and alone again when it
//! has lost that. Where it stands it knows itself, so that no change of the way loses or doubles an event.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::cursor::Cursor;
use super::hub::{Hub, Opening};
use super::subscription::Standing;
use crate::event::{Batch, BatchLimits};
use crate::source::{Error, Reader, Source, Start, merge};

/// How often one that reads alone looks whether it may join.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How long one that has left its feeds reads alone at least.
const ALONE: Duration = Duration::from_secs(1);

/// How long the feeds may take to come to where one stands that reads alone.
const PATIENCE: Duration = Duration::from_secs(10);

/// What [`Shared`](super::Shared) opens.
pub struct SharedReader<S: Source> {
    hub: Arc<Hub<S>>,
    cursors: Vec<Cursor>,
    way: Way<S::Reader>,
    /// Told by the feeds.
    wake: Arc<Notify>,
    /// Until when it does not try to join; once it tries, until when at most.
    until: Instant,
}

/// How it gets its events.
enum Way<R> {
    /// Soon by a reader of its own.
    Opening(Opening<R>),
    Alone(R),
    /// By the feeds that its cursors subscribe to.
    Joined,
    /// Not any more. The error is there until it is told.
    Failed(Option<Error>),
}

/// What comes of a step.
#[derive(PartialEq)]
enum Flow {
    Ready,
    NotYet,
}

impl<S: Source> SharedReader<S> {
    /// Opens a reader on its own way, unless feeds have all that it wants.
    pub(super) async fn open(hub: Arc<Hub<S>>, from: Vec<Start>) -> Result<Self, Error> {
        let cursors: Vec<Cursor> = from.iter().cloned().map(Cursor::new).collect();
        let mut reader = Self {
            way: Way::Joined,
            cursors,
            wake: Arc::new(Notify::new()),
            until: Instant::now(),
            hub: hub.clone(),
        };
        if !reader.joins_at_once() {
            reader.way = Way::Alone(hub.source.open(from).await?);
        }
        Ok(reader)
    }

    /// Whether it could join without a reader of its own. Where it stands must be known: otherwise only the log can
    /// say which offset is the first.
    fn joins_at_once(&mut self) -> bool {
        if !self.cursors.iter().all(|cursor| cursor.next().is_some()) || !self.feeds_have_all() {
            return false;
        }
        self.subscribe_all();
        let joined = self.cursors.iter().all(|cursor| cursor.standing() == Some(Standing::Level));
        if !joined {
            self.unsubscribe_all();
        }
        joined
    }

    /// Goes on for a moment.
    async fn step(&mut self) -> Flow {
        self.try_to_join();
        match &mut self.way {
            Way::Failed(_) => return Flow::Ready,
            Way::Opening(opening) => {
                self.way = match opening.await {
                    Ok(reader) => Way::Alone(reader),
                    Err(error) => Way::Failed(Some(error)),
                };
            }
            Way::Alone(reader) => tokio::select! {
                biased;
                () = reader.ready() => return Flow::Ready,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            },
            Way::Joined => {
                self.cursors.iter_mut().for_each(Cursor::look);
                let lost = self.cursors.iter().any(Cursor::is_lost);
                let ready = merge::is_ready(&mut self.cursors);
                self.cursors.iter_mut().for_each(Cursor::release);
                match (lost, ready) {
                    (true, _) => self.leave(),
                    (false, true) => return Flow::Ready,
                    (false, false) => self.wake.notified().await,
                }
            }
        }
        Flow::NotYet
    }

    /// Joins, if it reads alone, has caught up, and the feeds stand where it stands.
    fn try_to_join(&mut self) {
        let Way::Alone(reader) = &mut self.way else { return };
        let subscribed = self.cursors.iter().any(|cursor| cursor.standing().is_some());
        if !subscribed {
            let caught_up = self.until <= Instant::now() && (reader.at_end() || self.feeds_have_all());
            if !caught_up {
                return;
            }
            self.subscribe_all();
            self.until = Instant::now() + PATIENCE;
        }
        let standings = || self.cursors.iter().map(Cursor::standing);
        if standings().all(|standing| standing == Some(Standing::Level)) {
            self.join();
        } else if standings().any(|standing| standing == Some(Standing::Gone)) || self.until <= Instant::now() {
            self.stay_alone();
        }
    }

    /// Subscribes to the feeds of all partitions. One that is not there yet begins where this reader stands; its own
    /// reader becomes that feed's, if it reads nothing else.
    fn subscribe_all(&mut self) {
        let single = self.cursors.len() == 1;
        for cursor in &mut self.cursors {
            let (subscription, place) = self.hub.feeds.subscribe(&cursor.stream, cursor.next(), &self.wake);
            cursor.subscribe(subscription);
            let Some(place) = place else { continue };
            match std::mem::replace(&mut self.way, Way::Joined) {
                Way::Alone(reader) if single => self.hub.read_with(place, cursor.next(), reader),
                way => {
                    self.way = way;
                    self.hub.read(place, cursor.next());
                }
            }
        }
    }

    fn unsubscribe_all(&mut self) {
        self.cursors.iter_mut().for_each(Cursor::unsubscribe);
    }

    fn feeds_have_all(&self) -> bool {
        self.cursors.iter().all(|cursor| self.hub.feeds.have(&cursor.stream, cursor.next()))
    }

    fn join(&mut self) {
        tracing::debug!("{} is read by the shared reader now", self.name());
        if let Way::Alone(reader) = std::mem::replace(&mut self.way, Way::Joined) {
            self.hub.close(reader);
        }
    }

    fn stay_alone(&mut self) {
        self.unsubscribe_all();
        self.until = Instant::now() + ALONE;
    }

    fn leave(&mut self) {
        tracing::debug!("{} has lost the shared reader and reads alone", self.name());
        self.stay_alone();
        self.way = Way::Opening(self.hub.opening(self.cursors.iter().map(Cursor::start).collect()));
    }

    /// Its partitions, for the log.
    fn name(&self) -> String {
        let stands = |cursor: &Cursor| match cursor.next() {
            Some(next) => format!("{}@{next}", cursor.stream),
            None => cursor.stream.to_string(),
        };
        self.cursors.iter().map(stands).collect::<Vec<_>>().join(" ")
    }
}

impl<S: Source> Reader for SharedReader<S> {
    async fn ready(&mut self) {
        while self.step().await == Flow::NotYet {}
    }

    fn fill(&mut self, batch: &mut Batch, limits: &BatchLimits) -> Result<(), Error> {
        match &mut self.way {
            Way::Opening(_) => Ok(()),
            Way::Failed(error) => error.take().map_or(Ok(()), Err),
            Way::Alone(reader) => {
                let before = batch.len();
                let filled = reader.fill(batch, limits);
                pass(&mut self.cursors, batch, before);
                filled
            }
            Way::Joined => {
                let filled = merge::fill(&mut self.cursors, batch, limits);
                self.cursors.iter_mut().for_each(Cursor::release);
                filled
            }
        }
    }

    fn at_end(&mut self) -> bool {
        match &mut self.way {
            Way::Opening(_) | Way::Failed(_) => false,
            Way::Alone(reader) => reader.at_end(),
            Way::Joined => {
                let at_end = merge::is_at_end(&mut self.cursors);
                self.cursors.iter_mut().for_each(Cursor::release);
                at_end
            }
        }
    }
}

/// Moves the cursors over the events of a batch from an index on.
fn pass(cursors: &mut [Cursor], batch: &Batch, from: usize) {
    // Runs of events of one partition are long as a rule.
    let mut last = 0;
    for event in (from..batch.len()).map(|index| batch.event(index)) {
        if !cursors[last].is_of(&event) {
            let of = cursors.iter().position(|cursor| cursor.is_of(&event));
            last = of.expect("a reader gives only events of its partitions");
        }
        cursors[last].pass(&event);
    }
}
