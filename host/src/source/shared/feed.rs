//! The task that reads one partition for all. It ends when nobody reads it any more, or with its reader's first error:
//! then each of its readers sees for itself.

use std::future::Future;
use std::time::Duration;

use super::place::Place;
use crate::event::{Batch, BatchLimits};
use crate::source::{Error, Reader};

/// How often a feed that is not at the log's end looks whether it is; a reader does not tell by itself.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// How large a chunk may grow, where its ring has room for that.
const CHUNK: BatchLimits = BatchLimits { events_max: 1000, bytes_max: 256 << 10 };
/// Bytes of memory that an event takes beside its own.
const EVENT_BYTES: usize = 36;

struct Feed<R> {
    reader: R,
    place: Place,
    at_end: bool,
}

enum Flow {
    On,
    Unwanted,
    Failed(Error),
}

/// Reads a partition into its place.
pub(super) async fn run<R: Reader>(place: Place, opening: impl Future<Output = Result<R, Error>>) {
    let opened = tokio::select! {
        opened = opening => opened,
        () = place.stop().cancelled() => return,
    };
    let reader = match opened {
        Ok(reader) => reader,
        Err(error) => return tracing::debug!("the shared reader of {} does not open: {error}", place.stream()),
    };
    place.opened();
    let feed = Feed { reader, place, at_end: false };
    // Closing a reader may take its time.
    let reader = feed.run().await;
    let _ = tokio::task::spawn_blocking(move || drop(reader)).await;
}

impl<R: Reader> Feed<R> {
    /// Runs to its end; gives the reader, and the place up.
    async fn run(mut self) -> R {
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
        let Self { reader, place, at_end, .. } = self;
        let more = async {
            place.room().await;
            tokio::select! {
                () = reader.ready() => {}
                () = tokio::time::sleep(LOOK_EVERY), if !*at_end => {}
            }
        };
        tokio::select! {
            biased;
            () = place.stop().cancelled() => return Flow::Unwanted,
            () = more => {}
        }
        let mut events = Batch::default();
        if let Err(error) = self.reader.fill(&mut events, &limits(self.place.chunk_bytes_max())) {
            return Flow::Failed(error);
        }
        self.at_end = self.reader.at_end();
        self.place.publish(events, self.at_end);
        Flow::On
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
