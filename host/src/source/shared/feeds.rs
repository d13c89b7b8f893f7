//! Which feeds there are, what they hold, and who reads them: one lock over all, held for a moment at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::Usage;
use super::place::Place;
use super::ring::Ring;
use super::stream::Stream;
use super::subscription::Subscription;

/// The feeds of a hub, by what they read.
#[derive(Debug)]
pub(super) struct Feeds {
    bytes_max: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    feeds: HashMap<Stream, Feed>,
    /// How many names of feeds and subscribers were given.
    named: u64,
    /// Bytes of memory of all rings.
    bytes: usize,
}

/// One partition that is read for all.
#[derive(Debug)]
pub(super) struct Feed {
    /// Tells it from earlier feeds of the partition.
    name: u64,
    pub(super) ring: Ring,
    /// Whether its reader is open.
    pub(super) open: bool,
    pub(super) subscribers: Vec<Subscriber>,
    /// Cancelled when its last subscriber has gone.
    pub(super) stop: CancellationToken,
    /// Told when there may be room to read on.
    pub(super) room: Arc<Notify>,
}

/// Who reads a feed, or is about to.
#[derive(Debug)]
pub(super) struct Subscriber {
    pub(super) name: u64,
    pub(super) next: Option<u64>,
    /// Told when there is more, or the feed has gone.
    pub(super) wake: Arc<Notify>,
}

impl Feeds {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, state: Mutex::default() }
    }

    pub(super) fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    pub(super) fn usage(&self) -> Usage {
        let state = self.lock();
        let subscriptions = state.feeds.values().map(|feed| feed.subscribers.len()).sum();
        Usage { feeds: state.feeds.len(), subscriptions, bytes: state.bytes }
    }

    /// Whether there is a feed that has all that follows a position.
    pub(super) fn have(&self, stream: &Stream, next: Option<u64>) -> bool {
        self.lock().feeds.get(stream).is_some_and(|feed| feed.has(next))
    }

    /// Subscribes to the feed of a partition; if there is none, to a new one, whose place is given to whoever is to
    /// fill it.
    pub(super) fn subscribe(
        self: &Arc<Self>,
        stream: &Stream,
        next: Option<u64>,
        wake: &Arc<Notify>,
    ) -> (Subscription, Option<Place>) {
        let mut state = self.lock();
        let (name, subscriber) = (state.name(), state.name());
        let mut place = None;
        let feed = state.feeds.entry(stream.clone()).or_insert_with(|| {
            let feed = Feed::new(name, next);
            place = Some(Place::new(self.clone(), stream.clone(), &feed));
            feed
        });
        feed.subscribers.push(Subscriber { name: subscriber, next, wake: wake.clone() });
        feed.room.notify_one();
        let name = feed.name;
        (Subscription::new(self.clone(), stream.clone(), name, subscriber), place)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The feed of a partition, if it still is the one of this name.
    pub(super) fn feed(&mut self, stream: &Stream, name: u64) -> Option<&mut Feed> {
        self.feeds.get_mut(stream).filter(|feed| feed.name == name)
    }

    /// Takes a feed out, and tells its subscribers.
    pub(super) fn remove(&mut self, stream: &Stream, name: u64) {
        if self.feed(stream, name).is_some()
            && let Some(feed) = self.feeds.remove(stream)
        {
            self.bytes -= feed.ring.bytes();
            feed.stop.cancel();
            feed.wake();
        }
    }

    /// Notes that a ring has grown, and drops the oldest chunks of whichever ring is the largest until all are within
    /// bounds. The newest chunk of the one that has grown stays.
    pub(super) fn grown(&mut self, grown: &Stream, bytes: usize, bytes_max: usize) {
        self.bytes += bytes;
        while self.bytes > bytes_max {
            let spare = |(stream, feed): &(&Stream, &mut Feed)| feed.ring.len() > usize::from(*stream == grown);
            let largest = self.feeds.iter_mut().filter(spare).max_by_key(|(_, feed)| feed.ring.bytes());
            let Some((_, feed)) = largest else { return };
            self.bytes -= feed.ring.evict();
        }
    }

    /// How far a feed may be ahead of its fastest subscriber, so that nothing is dropped that nobody has read.
    pub(super) fn ahead_bytes_max(&self, bytes_max: usize) -> u64 {
        (bytes_max / 2 / self.feeds.len().max(1)) as u64
    }

    fn name(&mut self) -> u64 {
        self.named += 1;
        self.named
    }
}

impl Feed {
    fn new(name: u64, next: Option<u64>) -> Self {
        let (ring, stop, room) = (Ring::new(next), CancellationToken::new(), Arc::new(Notify::new()));
        Self { name, ring, open: false, subscribers: Vec::new(), stop, room }
    }

    pub(super) fn name(&self) -> u64 {
        self.name
    }

    /// Whether whoever is at a position may join.
    pub(super) fn has(&self, next: Option<u64>) -> bool {
        self.open && self.ring.has(next)
    }

    pub(super) fn wake(&self) {
        self.subscribers.iter().for_each(|subscriber| subscriber.wake.notify_one());
    }
}
