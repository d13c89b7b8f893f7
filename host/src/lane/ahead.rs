//! What a plugin will most likely read: as a rule the cells whose members are the keys of its events. A lane learns that
//! of what its plugin has read, and fetches those of a few events before it wakes the thread that applies them, which then
//! need not wait in the middle, and be woken once more.

use crate::event::{Batch, BatchLimits};
use crate::op::CellRef;

/// Of more events than this nothing is fetched ahead: a batch waits but once, so what that costs each of them is little.
const LIMITS: BatchLimits = BatchLimits { events_max: 64, bytes_max: 64 << 10 };

/// Within other limits, those for which cells are fetched ahead.
pub(super) fn few(limits: &BatchLimits) -> BatchLimits {
    BatchLimits {
        events_max: limits.events_max.min(LIMITS.events_max),
        bytes_max: limits.bytes_max.min(LIMITS.bytes_max),
    }
}

/// Whether a batch is so small that within the limits for few events there can't have been more.
pub(super) fn is_small(batch: &Batch) -> bool {
    batch.len() < LIMITS.events_max / 2 && batch.bytes() < LIMITS.bytes_max / 2
}

/// The structure of which a plugin reads cells by the keys of events, as far as is known.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    structure: Option<Structure>,
    /// The first cell that the plugin had to wait for in this round.
    waited_for: Option<(Structure, Box<[u8]>)>,
    /// The first member that was fetched for this round, until the plugin reads it.
    unused: Option<Box<[u8]>>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Structure {
    pub(super) view: u32,
    pub(super) key: Box<[u8]>,
}

impl Structure {
    fn has(&self, cell: &CellRef<'_>) -> bool {
        (self.view, &*self.key) == (cell.view, cell.key)
    }
}

impl Ahead {
    pub(super) fn structure(&self) -> Option<&Structure> {
        self.structure.as_ref()
    }

    /// Cells were fetched for the next round, this one first.
    pub(super) fn fetched(&mut self, first: &CellRef<'_>) {
        self.unused = Some(first.member.into());
    }

    /// The plugin reads a cell.
    pub(super) fn note_read(&mut self, cell: &CellRef<'_>) {
        if let Some(unused) = &self.unused
            && **unused == *cell.member
            && self.structure.as_ref().is_some_and(|structure| structure.has(cell))
        {
            self.unused = None;
        }
    }

    /// The plugin has to wait for a cell.
    pub(super) fn note_wait(&mut self, cell: &CellRef<'_>) {
        if self.structure.is_none() && self.waited_for.is_none() {
            let structure = Structure { view: cell.view, key: cell.key.into() };
            self.waited_for = Some((structure, cell.member.into()));
        }
    }

    /// Learns from a round of events with these keys. What was fetched for nothing is not fetched again, until the plugin
    /// waits for it by itself.
    pub(super) fn learn<'k>(&mut self, keys: impl Iterator<Item = &'k [u8]>) {
        if self.unused.take().is_some() {
            self.structure = None;
        }
        if let Some((structure, member)) = self.waited_for.take()
            && keys.take(LIMITS.events_max).any(|key| *key == *member)
        {
            self.structure = Some(structure);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(view: u32, member: &[u8]) -> CellRef<'_> {
        CellRef { view, key: b"k", member }
    }

    fn learnt(waits: &[CellRef<'_>], keys: &[&[u8]]) -> Ahead {
        let mut ahead = Ahead::default();
        waits.iter().for_each(|cell| ahead.note_wait(cell));
        ahead.learn(keys.iter().copied());
        ahead
    }

    #[test]
    fn what_is_read_by_the_key_of_an_event_is_learnt() {
        let ahead = learnt(&[cell(3, b"b"), cell(4, b"a")], &[b"a", b"b"]);
        assert_eq!(ahead.structure(), Some(&Structure { view: 3, key: b"k"[..].into() }));
        assert_eq!(learnt(&[cell(3, b"total")], &[b"a", b"b"]).structure(), None);
        assert_eq!(learnt(&[], &[b"a"]).structure(), None);
    }

    #[test]
    fn what_is_not_read_is_not_fetched_again_until_it_is_waited_for() {
        let mut ahead = learnt(&[cell(3, b"a")], &[b"a"]);
        ahead.fetched(&cell(3, b"b"));
        ahead.note_read(&cell(3, b"b"));
        ahead.learn([&b"b"[..]].into_iter());
        assert!(ahead.structure().is_some());

        ahead.fetched(&cell(3, b"c"));
        ahead.note_read(&cell(4, b"c"));
        ahead.note_read(&cell(3, b"b"));
        ahead.learn([&b"c"[..]].into_iter());
        assert_eq!(ahead.structure(), None);

        ahead.note_wait(&cell(4, b"d"));
        ahead.learn([&b"d"[..]].into_iter());
        assert_eq!(ahead.structure().map(|structure| structure.view), Some(4));
    }
}
