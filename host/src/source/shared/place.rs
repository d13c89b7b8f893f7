//! A feed's side of the hub: where its task puts what it reads.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::feeds::{Feed, Feeds};
use super::stream::Stream;
use crate::event::Batch;

/// The place of one feed. Its subscribers lose it when this is dropped, for whatever reason.
#[derive(Debug)]
pub(super) struct Place {
    feeds: Arc<Feeds>,
    stream: Stream,
    feed: u64,
    stop: CancellationToken,
    room: Arc<Notify>,
}

impl Place {
    pub(super) fn new(feeds: Arc<Feeds>, stream: Stream, feed: &Feed) -> Self {
        Self { feeds, stream, feed: feed.name(), stop: feed.stop.clone(), room: feed.room.clone() }
    }

    /// What is read.
    pub(super) fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Bytes of memory that the next chunk may take, so that all feeds together stay within bounds although each may be
    /// a chunk further ahead of its readers than it begins to read.
    pub(super) fn chunk_bytes_max(&self) -> usize {
        self.feeds.lock().ahead_bytes_max(self.feeds.bytes_max()) as usize
    }

    /// Cancelled when the last subscriber has gone.
    pub(super) fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// The feed's reader is open.
    pub(super) fn opened(&self) {
        if let Some(feed) = self.feeds.lock().feed(&self.stream, self.feed) {
            feed.open = true;
            feed.wake();
        }
    }

    /// Appends what comes next, which may be nothing, and says whether the log has no more at present.
    pub(super) fn publish(&self, events: Batch, at_end: bool) {
        let mut state = self.feeds.lock();
        let Some(feed) = state.feed(&self.stream, self.feed) else { return };
        let bytes = feed.ring.push(events);
        if feed.ring.set_at_end(at_end) || bytes > 0 {
            feed.wake();
        }
        if bytes > 0 {
            state.grown(&self.stream, bytes, self.feeds.bytes_max());
        }
    }

    /// Waits while the ring has as much as it takes that not even the fastest subscriber has begun to read. To read on
    /// would drop what must then be fetched again, once for each of them.
    pub(super) async fn room(&self) {
        while !self.has_room() {
            self.room.notified().await;
        }
    }

    fn has_room(&self) -> bool {
        let mut state = self.feeds.lock();
        let ahead_max = state.ahead_bytes_max(self.feeds.bytes_max());
        let Some(feed) = state.feed(&self.stream, self.feed) else { return true };
        let fastest = feed.subscribers.iter().map(|subscriber| subscriber.next).max();
        fastest.is_none_or(|fastest| feed.ring.bytes_behind(fastest) <= ahead_max)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.feeds.lock().remove(&self.stream, self.feed);
    }
}
