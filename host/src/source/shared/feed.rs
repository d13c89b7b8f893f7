//! The task that reads one partition for all. It ends when nobody reads it any more, or with its reader's first error:
//! then each of its readers sees for itself.

use std::future::Future;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::hub::Opening;
use super::place::Place;
use crate::event::{Batch, BatchLimits};
use crate::source::{Error, Pace, Reader, Source};

/// How often a feed that is not at the log's end looks whether it is; a reader does not tell by itself.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// How large a chunk may grow, where its ring has room for that.
const CHUNK: BatchLimits = BatchLimits { events_max: 1000, bytes_max: 256 << 10 };
/// Bytes of memory that an event takes beside its own.
const EVENT_BYTES: usize = 36;

/// How long nothing may have come before a feed takes a reader for partitions at rest.
const QUIET: Duration = Duration::from_secs(10);
/// What may come without such a pause before it has a fast one again.
const LITTLE: BatchLimits = BatchLimits { events_max: 100, bytes_max: 64 << 10 };

struct Feed<S: Source> {
    source: S,
    reader: S::Reader,
    place: Place,
    at_end: bool,
    /// The next offset to pass on; none for the first there is.
    next: Option<u64>,
    flow: Flow,
    change: Option<Change<S::Reader>>,
    /// Readers that are being closed, which may take its time.
    closing: JoinSet<()>,
}

/// How much comes, as far as that matters to which reader there is.
enum Flow {
    /// The reader is one that is fast. When something last came, or that was last tried to change.
    Much { since: Instant },
    /// The reader is one for partitions at rest. What has come without a pause, and when the last of it came.
    Little { events: usize, bytes: usize, since: Instant },
    /// The source has but one kind of reader.
    Any,
}

/// A reader that is being opened, to take the place of the one that there is.
struct Change<R> {
    pace: Pace,
    opening: Opening<Option<R>>,
}

enum Step {
    On,
    Unwanted,
    Failed(Error),
}

/// Reads a partition into its place, from a position on.
pub(super) async fn run<S: Source>(
    source: S,
    place: Place,
    next: Option<u64>,
    opening: impl Future<Output = Result<S::Reader, Error>>,
) {
    let opened = tokio::select! {
        opened = opening => opened,
        () = place.stop().cancelled() => return,
    };
    let reader = match opened {
        Ok(reader) => reader,
        Err(error) => return tracing::debug!("the shared reader of {} does not open: {error}", place.stream()),
    };
    place.opened();
    let flow = Flow::Much { since: Instant::now() };
    let feed = Feed { source, reader, place, at_end: false, next, flow, change: None, closing: JoinSet::new() };
    feed.run().await;
}

impl<S: Source> Feed<S> {
    /// Runs to its end, gives its place up, and closes its readers.
    async fn run(mut self) {
        loop {
            match self.step().await {
                Step::On => tokio::task::yield_now().await,
                Step::Unwanted => break,
                Step::Failed(error) => {
                    tracing::debug!("the shared reader of {} ends: {error}", self.place.stream());
                    break;
                }
            }
        }
        let Self { reader, change, place, mut closing, .. } = self;
        drop(place);
        closing.spawn_blocking(move || drop((reader, change)));
        closing.join_all().await;
    }

    /// Waits for more, and passes it on.
    async fn step(&mut self) -> Step {
        let quiet_from = self.quiet_from();
        let Self { reader, place, at_end, change, .. } = self;
        let more = async {
            place.room().await;
            tokio::select! {
                () = reader.ready() => {}
                () = sleep(LOOK_EVERY), if !*at_end => {}
            }
        };
        tokio::select! {
            biased;
            () = place.stop().cancelled() => return Step::Unwanted,
            opened = opened(change) => return self.take(opened),
            () = more => {}
            () = until(quiet_from) => {
                self.open(Pace::AtRest);
                return Step::On;
            }
        }
        let mut events = Batch::default();
        if let Err(error) = self.reader.fill(&mut events, &limits(self.place.chunk_bytes_max())) {
            return Step::Failed(error);
        }
        let events = self.unseen(events);
        self.count(&events);
        self.at_end = self.reader.at_end();
        self.place.publish(events, self.at_end);
        Step::On
    }

    /// When it opens a reader for partitions at rest, unless something comes before; never if it has one, or is about to.
    fn quiet_from(&self) -> Option<Instant> {
        match self.flow {
            Flow::Much { since } if self.at_end && self.change.is_none() => Some(since + QUIET),
            _ => None,
        }
    }

    /// Begins to open another reader.
    fn open(&mut self, pace: Pace) {
        let (source, start) = (self.source.clone(), self.place.stream().start(self.next));
        self.change =
            Some(Change { pace, opening: Box::pin(async move { source.open_instead(start, pace).await }) });
    }

    /// Takes the reader that was being opened. If there is none, the one that it has does as well, and it tries again later.
    fn take(&mut self, (pace, opened): (Pace, Result<Option<S::Reader>, Error>)) -> Step {
        let now = Instant::now();
        let is_quiet = !matches!(self.flow, Flow::Much { since } if since.elapsed() < QUIET);
        match opened {
            Ok(Some(mut other)) => {
                // What came in the meantime may be the first of much.
                if is_quiet {
                    std::mem::swap(&mut self.reader, &mut other);
                    tracing::debug!("the shared reader of {} is {}", self.place.stream(), pace.word());
                    self.flow = match pace {
                        Pace::Busy => Flow::Much { since: now },
                        Pace::AtRest => Flow::Little { events: 0, bytes: 0, since: now },
                    };
                }
                while self.closing.try_join_next().is_some() {}
                self.closing.spawn_blocking(move || drop(other));
            }
            Ok(None) => self.flow = Flow::Any,
            Err(error @ Error::Remade { .. }) => return Step::Failed(error),
            Err(error) => {
                tracing::debug!("the shared reader of {} stays as it is: {error}", self.place.stream());
                match &mut self.flow {
                    Flow::Much { since } => *since = now,
                    Flow::Little { events, bytes, .. } => (*events, *bytes) = (0, 0),
                    Flow::Any => {}
                }
            }
        }
        Step::On
    }

    /// The events that the reader before this one has not given.
    fn unseen(&mut self, events: Batch) -> Batch {
        let Some(last) = events.len().checked_sub(1) else { return events };
        let seen = self.next.map_or(0, |next| events.index_of(next));
        self.next = self.next.max(Some(events.event(last).offset + 1));
        if seen == 0 { events } else { events.slice(seen..events.len()) }
    }

    /// Counts what has come, and opens a fast reader if that is much.
    fn count(&mut self, came: &Batch) {
        if came.is_empty() {
            return;
        }
        let now = Instant::now();
        match &mut self.flow {
            Flow::Much { since } => *since = now,
            Flow::Little { events, bytes, since } => {
                if now - *since >= QUIET {
                    (*events, *bytes) = (0, 0);
                }
                *since = now;
                *events += came.len();
                *bytes += came.memory_bytes();
                if self.change.is_none() && (*events > LITTLE.events_max || *bytes > LITTLE.bytes_max) {
                    self.open(Pace::Busy);
                }
            }
            Flow::Any => {}
        }
    }
}

/// Waits for the reader that is being opened; never returns if none is.
async fn opened<R>(change: &mut Option<Change<R>>) -> (Pace, Result<Option<R>, Error>) {
    let Some(Change { opening, pace }) = change else { return std::future::pending().await };
    let (opened, pace) = (opening.await, *pace);
    *change = None;
    (pace, opened)
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// Limits of a chunk that may take so many bytes of memory.
fn limits(bytes_max: usize) -> BatchLimits {
    let half = bytes_max / 2;
    BatchLimits {
        events_max: CHUNK.events_max.min(half / EVENT_BYTES).max(1),
        bytes_max: CHUNK.bytes_max.min(half).max(1),
    }
}
