//! The task that reads one partition for all. It ends when nobody reads it any more, or with its reader's first error:
//! then each of its readers sees for itself.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::hub::Opening;
use super::place::Place;
use crate::event::{Batch, BatchLimits};
use crate::source::{Error, Reader, Source};

/// How often a feed that is not at the log's end looks whether it is; a reader does not tell by itself.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// How large a chunk may grow, where its ring has room for that.
const CHUNK: BatchLimits = BatchLimits { events_max: 1000, bytes_max: 256 << 10 };
/// Bytes of memory that an event takes beside its own.
const EVENT_BYTES: usize = 36;

/// How long nothing may have come before a feed takes a reader for partitions at rest.
const QUIET: Duration = Duration::from_secs(10);
/// What that reader gives before the feed has one of its own again. A source may stall where more comes at once.
const BUSY: BatchLimits = BatchLimits { events_max: 100, bytes_max: 64 << 10 };

struct Feed<S: Source> {
    source: S,
    reader: S::Reader,
    place: Place,
    at_end: bool,
    /// The next offset to pass on; none for the first there is.
    next: Option<u64>,
    pace: Pace,
    change: Option<Change<S::Reader>>,
}

/// What is known of how much comes.
enum Pace {
    /// Nothing may have come since then.
    Busy { since: Instant },
    /// So much has come since the reader is one for partitions at rest.
    AtRest { events: usize, bytes: usize },
    /// The source has no readers for partitions at rest.
    Any,
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Pace::Busy { .. } => "busy",
            Pace::AtRest { .. } => "at rest",
            Pace::Any => "as it is",
        })
    }
}

/// A reader that is being opened, to take the place of the one that there is.
struct Change<R> {
    pace: Pace,
    opening: Opening<Option<R>>,
}

enum Flow {
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
    let pace = Pace::Busy { since: Instant::now() };
    let feed = Feed { source, reader, place, at_end: false, next, pace, change: None };
    // Closing a reader may take its time.
    let reader = feed.run().await;
    let _ = tokio::task::spawn_blocking(move || drop(reader)).await;
}

impl<S: Source> Feed<S> {
    /// Runs to its end; gives the reader, and the place up.
    async fn run(mut self) -> S::Reader {
        loop {
            match self.step().await {
                Flow::On => tokio::task::yield_now().await,
                Flow::Unwanted => break,
                Flow::Failed(error) => {
                    tracing::debug!("the shared reader of {} ends: {error}", self.place.stream());
                    break;
                }
            }
        }
        self.reader
    }

    /// Waits for more, and passes it on.
    async fn step(&mut self) -> Flow {
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
            () = place.stop().cancelled() => return Flow::Unwanted,
            opened = opened(change) => {
                self.take(opened);
                return Flow::On;
            }
            () = more => {}
            () = until(quiet_from) => {
                self.rest();
                return Flow::On;
            }
        }
        let mut events = Batch::default();
        if let Err(error) = self.reader.fill(&mut events, &limits(self.place.chunk_bytes_max())) {
            return Flow::Failed(error);
        }
        let events = self.unseen(events);
        self.count(&events);
        self.at_end = self.reader.at_end();
        self.place.publish(events, self.at_end);
        Flow::On
    }

    /// When it may take a reader for partitions at rest, unless something comes before; never if it has one, or is about to.
    fn quiet_from(&self) -> Option<Instant> {
        match self.pace {
            Pace::Busy { since } if self.at_end && self.change.is_none() => Some(since + QUIET),
            _ => None,
        }
    }

    /// Begins to open a reader for partitions at rest.
    fn rest(&mut self) {
        let (source, start) = (self.source.clone(), self.place.stream().start(self.next));
        let opening: Opening<_> = Box::pin(async move { source.open_at_rest(start).await });
        self.change = Some(Change { pace: Pace::AtRest { events: 0, bytes: 0 }, opening });
    }

    /// Begins to open a reader of its own again.
    fn wake(&mut self) {
        let (source, start) = (self.source.clone(), self.place.stream().start(self.next));
        let opening: Opening<_> = Box::pin(async move { source.open(vec![start]).await.map(Some) });
        self.change = Some(Change { pace: Pace::Busy { since: Instant::now() }, opening });
    }

    /// Takes the reader that was being opened. If there is none, the one that it has is as good, and it tries again later.
    fn take(&mut self, (pace, opened): (Pace, Result<Option<S::Reader>, Error>)) {
        let stays = |pace: &Pace| match pace {
            Pace::AtRest { .. } => Pace::AtRest { events: 0, bytes: 0 },
            _ => Pace::Busy { since: Instant::now() },
        };
        let is_quiet = !matches!(self.pace, Pace::Busy { since } if since.elapsed() < QUIET);
        match opened {
            Ok(Some(mut other)) => {
                // What came in the meantime may be the first of much.
                if is_quiet {
                    std::mem::swap(&mut self.reader, &mut other);
                    self.pace = pace;
                    tracing::debug!("the shared reader of {} is {}", self.place.stream(), self.pace);
                }
                // Closing a reader may take its time.
                drop(tokio::task::spawn_blocking(move || drop(other)));
            }
            Ok(None) => self.pace = Pace::Any,
            Err(error) => {
                tracing::debug!("the shared reader of {} stays as it is: {error}", self.place.stream());
                self.pace = stays(&self.pace);
            }
        }
    }

    /// The events that the reader before this one has not given.
    fn unseen(&mut self, events: Batch) -> Batch {
        let Some(last) = events.len().checked_sub(1) else { return events };
        let seen = self.next.map_or(0, |next| events.index_of(next));
        self.next = self.next.max(Some(events.event(last).offset + 1));
        if seen == 0 { events } else { events.slice(seen..events.len()) }
    }

    /// Counts what has come, and wakes if that is much.
    fn count(&mut self, came: &Batch) {
        if came.is_empty() {
            return;
        }
        match &mut self.pace {
            Pace::Busy { since } => *since = Instant::now(),
            Pace::AtRest { events, bytes } => {
                *events += came.len();
                *bytes += came.memory_bytes();
                if self.change.is_none() && (*events > BUSY.events_max || *bytes > BUSY.bytes_max) {
                    self.wake();
                }
            }
            Pace::Any => {}
        }
    }
}

/// Waits for the reader that is being opened, if one is. It is of no use to wait for it again.
async fn opened<R>(change: &mut Option<Change<R>>) -> (Pace, Result<Option<R>, Error>) {
    let Some(Change { opening, .. }) = change else { return std::future::pending().await };
    let opened = opening.await;
    let pace = change.take().map_or(Pace::Any, |change| change.pace);
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
