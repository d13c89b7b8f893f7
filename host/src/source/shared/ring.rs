//! The last events of one partition, in chunks. Never waits, and knows nobody who reads it.
//!
//! Offsets have gaps, so a position is always the next offset to read; none is the first that the log has.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::event::{Batch, Event};

/// So many chunks are looked at one by one, from the last, before the others.
const LAST: usize = 4;

/// Some events of one partition, which nothing changes any more.
#[derive(Debug)]
pub(super) struct Chunk {
    events: Batch,
    /// The offset behind its last event.
    end: u64,
    /// Bytes of memory of all chunks that the ring ever had before it.
    before: u64,
}

/// What a ring has at a position.
#[derive(Debug)]
pub(super) enum Found {
    /// Events: the one at this index of the chunk and those behind it.
    Events(Arc<Chunk>, usize),
    /// Nothing, and the log has no more at present.
    End,
    /// Nothing yet.
    Fetching,
    /// Not any more, or not all of what comes next.
    Lost,
}

/// Every event of a partition from a start to an end.
#[derive(Debug)]
pub(super) struct Ring {
    start: Option<u64>,
    end: Option<u64>,
    chunks: VecDeque<Arc<Chunk>>,
    bytes: usize,
    /// Bytes of all chunks that it ever had.
    pushed: u64,
    at_end: bool,
}

impl Chunk {
    pub(super) fn event(&self, index: usize) -> Option<Event<'_>> {
        (index < self.events.len()).then(|| self.events.event(index))
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + size_of::<Arc<Self>>() + self.events.memory_bytes()
    }
}

impl Ring {
    /// An empty one; what comes next is at this position.
    pub(super) fn new(next: Option<u64>) -> Self {
        Self { start: next, end: next, chunks: VecDeque::new(), bytes: 0, pushed: 0, at_end: false }
    }

    /// Bytes of memory that its chunks take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many chunks it has.
    pub(super) fn len(&self) -> usize {
        self.chunks.len()
    }

    /// Whether the log had no more when last looked at. True if that is new.
    pub(super) fn set_at_end(&mut self, at_end: bool) -> bool {
        std::mem::replace(&mut self.at_end, at_end) != at_end
    }

    /// Appends what comes next, and gives the bytes it takes.
    pub(super) fn push(&mut self, mut events: Batch) -> usize {
        let Some(last) = events.len().checked_sub(1) else { return 0 };
        let end = events.event(last).offset + 1;
        events.shrink_to_fit();
        let chunk = Chunk { events, end, before: self.pushed };
        let bytes = chunk.bytes();
        self.chunks.push_back(Arc::new(chunk));
        self.end = Some(end);
        self.bytes += bytes;
        self.pushed += bytes as u64;
        bytes
    }

    /// Drops the oldest chunk, and gives the bytes it took.
    pub(super) fn evict(&mut self) -> usize {
        let Some(chunk) = self.chunks.pop_front() else { return 0 };
        self.start = Some(chunk.end);
        self.bytes -= chunk.bytes();
        chunk.bytes()
    }

    /// Whether whoever reads on at a position finds all that follows, without waiting for the ring to come there.
    pub(super) fn has(&self, next: Option<u64>) -> bool {
        self.reaches_back_to(next) && next <= self.end
    }

    /// What is at a position.
    pub(super) fn find(&self, next: Option<u64>) -> Found {
        if !self.reaches_back_to(next) {
            return Found::Lost;
        }
        match self.chunks.get(self.chunk_at(next)) {
            Some(chunk) => Found::Events(chunk.clone(), chunk.events.index_of(next.unwrap_or(0))),
            None if self.at_end => Found::End,
            None => Found::Fetching,
        }
    }

    /// Bytes of the chunks that whoever stands at a position has not begun to read.
    pub(super) fn bytes_behind(&self, next: Option<u64>) -> u64 {
        let unread = |chunk: &Arc<Chunk>| self.pushed - chunk.before;
        self.chunks.get(self.chunk_at(next)).map_or(0, unread)
    }

    /// A ring from the first offset of the log can't say of a certain offset before its first event whether the log
    /// had events there once.
    fn reaches_back_to(&self, next: Option<u64>) -> bool {
        match (self.start, next) {
            (None, None) => true,
            (None, Some(next)) => {
                self.chunks.front().and_then(|chunk| chunk.event(0)).is_none_or(|first| first.offset <= next)
            }
            (Some(_), None) => false,
            (Some(start), Some(next)) => start <= next,
        }
    }

    /// Index of the first chunk that has anything at a position or behind it.
    fn chunk_at(&self, next: Option<u64>) -> usize {
        let is_before = |chunk: &Arc<Chunk>| chunk.end <= next.unwrap_or(0);
        // Whoever is up to date stands at the last ones, and those in the middle would have to come from far memory.
        let last = self.chunks.iter().rev().take(LAST).take_while(|chunk| !is_before(chunk)).count();
        if last < LAST { self.chunks.len() - last } else { self.chunks.partition_point(is_before) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(offsets: &[u64]) -> Batch {
        let mut batch = Batch::default();
        for &offset in offsets {
            let payload = Some(&b"payload"[..]);
            batch.push(&Event { topic: 0, partition: 0, offset, timestamp: 0, key: None, headers: b"", payload });
        }
        batch
    }

    fn found(ring: &Ring, next: Option<u64>) -> Result<u64, &'static str> {
        match ring.find(next) {
            Found::Events(chunk, index) => Ok(chunk.event(index).unwrap().offset),
            Found::End => Err("end"),
            Found::Fetching => Err("fetching"),
            Found::Lost => Err("lost"),
        }
    }

    #[test]
    fn positions_in_gaps_find_what_follows() {
        let mut ring = Ring::new(Some(5));
        ring.push(batch(&[7, 8]));
        ring.push(batch(&[12]));
        let seen = [4, 5, 8, 9, 12, 13, 20].map(|next| (found(&ring, Some(next)), ring.has(Some(next))));
        let expected = [
            (Err("lost"), false),
            (Ok(7), true),
            (Ok(8), true),
            (Ok(12), true),
            (Ok(12), true),
            (Err("fetching"), true),
            (Err("fetching"), false),
        ];
        assert_eq!(seen, expected);
        assert_eq!((found(&ring, None), ring.has(None)), (Err("lost"), false));

        assert!(ring.set_at_end(true) && !ring.set_at_end(true));
        assert_eq!(found(&ring, Some(13)), Err("end"));
    }

    #[test]
    fn every_position_in_many_chunks_is_found() {
        let mut ring = Ring::new(Some(0));
        (0..3 * LAST as u64).for_each(|chunk| _ = ring.push(batch(&[10 * chunk, 10 * chunk + 5])));
        for chunk in 0..3 * LAST as u64 {
            for (next, offset) in [(0, 0), (1, 5), (5, 5), (6, 10)] {
                let expected = if 10 * chunk + offset < ring.end.unwrap() {
                    Ok(10 * chunk + offset)
                } else {
                    Err("fetching")
                };
                assert_eq!(found(&ring, Some(10 * chunk + next)), expected);
            }
        }
    }

    #[test]
    fn what_is_evicted_is_lost_to_who_has_not_read_it() {
        let mut ring = Ring::new(Some(0));
        let bytes = [ring.push(batch(&[1, 2])), ring.push(batch(&[5]))];
        assert_eq!(ring.bytes(), bytes[0] + bytes[1]);
        assert_eq!(ring.evict(), bytes[0]);
        assert_eq!([2, 3, 6].map(|next| found(&ring, Some(next))), [Err("lost"), Ok(5), Err("fetching")]);
        assert_eq!(ring.evict(), bytes[1]);
        assert_eq!((ring.len(), ring.bytes(), ring.evict()), (0, 0, 0));
        assert_eq!([5, 6].map(|next| found(&ring, Some(next))), [Err("lost"), Err("fetching")]);
    }

    #[test]
    fn from_the_first_offset_there_is() {
        let mut ring = Ring::new(None);
        assert!(ring.has(None) && !ring.has(Some(0)));
        ring.push(batch(&[3]));
        assert_eq!(found(&ring, None), Ok(3));
        // Whether 2 was an event once, nobody knows.
        assert_eq!([2, 3, 4].map(|next| ring.has(Some(next))), [false, true, true]);
        ring.evict();
        assert!(!ring.has(None) && ring.has(Some(4)));
    }

    #[test]
    fn counts_what_is_unread() {
        let mut ring = Ring::new(Some(0));
        ring.push(batch(&[1]));
        let bytes = [ring.push(batch(&[2, 3])), ring.push(batch(&[9]))].map(|bytes| bytes as u64);
        ring.evict();
        let behind = [2, 3, 4, 10, 99].map(|next| ring.bytes_behind(Some(next)));
        assert_eq!(behind, [bytes[0] + bytes[1], bytes[0] + bytes[1], bytes[1], 0, 0]);
    }
}
