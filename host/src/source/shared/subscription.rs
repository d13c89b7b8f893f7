//! A reader's side of the hub: one partition that it takes from a feed, or is about to.

use std::sync::Arc;

use super::feeds::{Feed, Feeds, State};
use super::ring::Found;
use super::stream::Stream;

/// Keeps a feed alive. The feed of which the last one is dropped ends.
#[derive(Debug)]
pub(super) struct Subscription {
    feeds: Arc<Feeds>,
    stream: Stream,
    feed: u64,
    subscriber: u64,
}

/// How a feed stands to a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It has all that follows.
    Level,
    /// It has dropped some of it, has not come so far, or is not open yet.
    Apart,
    /// It has ended.
    Gone,
}

impl Subscription {
    pub(super) fn new(feeds: Arc<Feeds>, stream: Stream, feed: u64, subscriber: u64) -> Self {
        Self { feeds, stream, feed, subscriber }
    }

    /// How the feed stands to the position that the subscriber has come to.
    pub(super) fn standing(&self, next: Option<u64>) -> Standing {
        match self.come_to(&mut self.feeds.lock(), next) {
            None => Standing::Gone,
            Some(feed) if feed.has(next) => Standing::Level,
            Some(_) => Standing::Apart,
        }
    }

    /// What the feed has at the position that the subscriber has come to.
    pub(super) fn find(&self, next: Option<u64>) -> Found {
        self.come_to(&mut self.feeds.lock(), next).map_or(Found::Lost, |feed| feed.ring.find(next))
    }

    fn come_to<'a>(&self, state: &'a mut State, next: Option<u64>) -> Option<&'a mut Feed> {
        let feed = state.feed(&self.stream, self.feed)?;
        let subscriber = feed.subscribers.iter_mut().find(|subscriber| subscriber.name == self.subscriber)?;
        if subscriber.next != next {
            subscriber.next = next;
            feed.room.notify_one();
        }
        Some(feed)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut state = self.feeds.lock();
        let Some(feed) = state.feed(&self.stream, self.feed) else { return };
        feed.subscribers.retain(|subscriber| subscriber.name != self.subscriber);
        if feed.subscribers.is_empty() {
            state.remove(&self.stream, self.feed);
        } else {
            feed.room.notify_one();
        }
    }
}
