//! One partition of a shared reader: where it stands, and, while it is joined, what the feed has there.

use std::sync::Arc;

use super::ring::{Chunk, Found};
use super::stream::Stream;
use super::subscription::{Standing, Subscription};
use crate::event::Event;
use crate::source::merge::{self, Head};
use crate::source::{Error, Start};

/// Stands at a position of a partition.
#[derive(Debug)]
pub(super) struct Cursor {
    pub(super) stream: Stream,
    /// Index of the topic for this reader's projection; the feed knows nothing of it.
    topic: u32,
    next: Option<u64>,
    subscription: Option<Subscription>,
    seen: Seen,
}

/// What the feed has, as far as was looked. It is forgotten between two calls of the reader: one that is never called
/// again holds no memory.
#[derive(Debug)]
enum Seen {
    Unknown,
    /// This event of this chunk.
    Event(Arc<Chunk>, usize),
    Nothing(Head),
    Lost,
}

impl Cursor {
    pub(super) fn new(start: Start) -> Self {
        let Start { at, topic, next, id } = start;
        Self { stream: Stream { at, id }, topic, next, subscription: None, seen: Seen::Unknown }
    }

    /// The next offset to read; none for the first there is.
    pub(super) fn next(&self) -> Option<u64> {
        self.next
    }

    /// Where a reader of its own begins.
    pub(super) fn start(&self) -> Start {
        Start { topic: self.topic, ..self.stream.start(self.next) }
    }

    /// Whether the event is of this partition.
    pub(super) fn is_of(&self, event: &Event<'_>) -> bool {
        (self.topic, self.stream.at.partition) == (event.topic, event.partition)
    }

    /// Moves over an event that was read elsewhere.
    pub(super) fn pass(&mut self, event: &Event<'_>) {
        self.next = Some(event.offset + 1);
    }

    pub(super) fn subscribe(&mut self, subscription: Subscription) {
        self.subscription = Some(subscription);
    }

    pub(super) fn unsubscribe(&mut self) {
        self.subscription = None;
        self.seen = Seen::Unknown;
    }

    /// How its feed stands to it; none if it has none.
    pub(super) fn standing(&self) -> Option<Standing> {
        self.subscription.as_ref().map(|subscription| subscription.standing(self.next))
    }

    /// Looks what the feed has.
    pub(super) fn look(&mut self) {
        self.seen = match self.subscription.as_ref().map(|subscription| subscription.find(self.next)) {
            Some(Found::Events(chunk, index)) => Seen::Event(chunk, index),
            Some(Found::End) => Seen::Nothing(Head::End),
            Some(Found::Fetching) => Seen::Nothing(Head::Fetching),
            Some(Found::Lost) | None => Seen::Lost,
        };
    }

    /// Forgets what it saw.
    pub(super) fn release(&mut self) {
        self.seen = Seen::Unknown;
    }

    /// Whether the feed no longer has what comes next.
    pub(super) fn is_lost(&self) -> bool {
        matches!(self.seen, Seen::Lost)
    }

    fn event(&self) -> Option<Event<'_>> {
        match &self.seen {
            Seen::Event(chunk, index) => chunk.event(*index),
            _ => None,
        }
    }
}

impl merge::Cursor for Cursor {
    fn head(&mut self) -> Result<Head, Error> {
        if matches!(self.seen, Seen::Unknown) {
            self.look();
        }
        Ok(match (&self.seen, self.event()) {
            (_, Some(event)) => Head::Event { timestamp: event.timestamp, bytes: bytes(&event) },
            (Seen::Nothing(head), _) => *head,
            // None of the others may go before what was lost is read elsewhere.
            _ => Head::Fetching,
        })
    }

    fn take(&mut self, take: impl FnOnce(&Event<'_>)) {
        let Some(event) = self.event() else { return };
        take(&Event { topic: self.topic, ..event });
        self.next = Some(event.offset + 1);
        self.seen = match std::mem::replace(&mut self.seen, Seen::Unknown) {
            Seen::Event(chunk, index) if chunk.event(index + 1).is_some() => Seen::Event(chunk, index + 1),
            _ => Seen::Unknown,
        };
    }
}

fn bytes(event: &Event<'_>) -> usize {
    event.key.map_or(0, <[u8]>::len) + event.headers.len() + event.payload.map_or(0, <[u8]>::len)
}
