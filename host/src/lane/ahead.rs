//! What a plugin will most likely read: as a rule the cells whose members are the keys of its events. A lane learns that
//! of what its plugin has read, and fetches those of a few events before it wakes the thread that applies them, which then
//! need not wait in the middle, and be woken once more.

use crate::event::{Batch, BatchLimits};
use crate::op::CellRef;

/// Of more events than this nothing is fetched ahead: a batch waits but once, so what that costs each of them is little.
const LIMITS: BatchLimits = BatchLimits { events_max: 64, bytes_max: 64 << 10 };
/// However often it was wrong, it tries again after as many waits as two to the power of this.
const DOUBTS_MAX: u32 = 10;

/// Within other limits, those for which cells are fetched ahead.
pub(super) fn few(limits: &BatchLimits) -> BatchLimits {
    BatchLimits {
        events_max: limits.events_max.min(LIMITS.events_max),
        bytes_max: limits.bytes_max.min(LIMITS.bytes_max),
    }
}

/// Whether a batch was so small that the next one most likely is, too.
pub(super) fn is_small(batch: &Batch) -> bool {
    batch.len() < LIMITS.events_max / 2 && batch.bytes() < LIMITS.bytes_max / 2
}

/// The view of which a plugin reads cells by the keys of events, as far as is known. Not of keyed views: those have a
/// structure for each key, and the member in it is something else.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    view: Option<u32>,
    /// The first cell that the plugin had to wait for in this round.
    waited_for: Option<(u32, Box<[u8]>)>,
    /// The first member that was fetched for this round, and whether the plugin has read it.
    fetched: Option<(Box<[u8]>, bool)>,
    /// How often more it was wrong than right.
    doubts: u32,
    /// Rounds that had to wait for what could have been fetched ahead, since it was last sure.
    waits: u32,
}

impl Ahead {
    pub(super) fn view(&self) -> Option<u32> {
        self.view
    }

    /// Cells were fetched for the next round, that of this member first.
    pub(super) fn note_fetched(&mut self, first: &[u8]) {
        self.fetched = Some((first.into(), false));
    }

    /// The plugin reads a cell of which the lane knows what it holds.
    pub(super) fn note_read(&mut self, cell: &CellRef<'_>) {
        if let Some((first, is_read)) = &mut self.fetched
            && self.view == Some(cell.view)
            && cell.key.is_empty()
            && **first == *cell.member
        {
            *is_read = true;
        }
    }

    /// The plugin has to wait for a cell.
    pub(super) fn note_wait(&mut self, cell: &CellRef<'_>) {
        if self.view.is_none() && self.waited_for.is_none() && cell.key.is_empty() {
            self.waited_for = Some((cell.view, cell.member.into()));
        }
    }

    /// Learns from a round of events with these keys. If the first cell was fetched for nothing, none is any more until the
    /// plugin has waited for such by itself again, each time for more rounds.
    pub(super) fn learn<'k>(&mut self, mut keys: impl Iterator<Item = &'k [u8]>) {
        match self.fetched.take() {
            Some((_, true)) => self.doubts = self.doubts.saturating_sub(1),
            Some((_, false)) => {
                self.view = None;
                self.doubts = DOUBTS_MAX.min(self.doubts + 1);
            }
            None => {}
        }
        if let Some((view, member)) = self.waited_for.take()
            && keys.any(|key| *key == *member)
        {
            self.waits += 1;
            if self.waits >= 1 << self.doubts {
                self.view = Some(view);
                self.waits = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(view: u32, member: &[u8]) -> CellRef<'_> {
        CellRef { view, key: b"", member }
    }

    fn learn(ahead: &mut Ahead, waits: &[CellRef<'_>], keys: &[&[u8]]) -> Option<u32> {
        waits.iter().for_each(|cell| ahead.note_wait(cell));
        ahead.learn(keys.iter().copied());
        ahead.view()
    }

    /// A round for which the cell of this member was fetched, and the plugin reads this one.
    fn guess(ahead: &mut Ahead, member: &[u8], read: &CellRef<'_>) -> Option<u32> {
        ahead.note_fetched(member);
        ahead.note_read(read);
        learn(ahead, &[], &[member])
    }

    #[test]
    fn only_a_few_events_are_taken_and_no_more_than_may_be() {
        let limits = |events_max, bytes_max| BatchLimits { events_max, bytes_max };
        assert_eq!(few(&limits(8_000, 8 << 20)), LIMITS);
        assert_eq!(few(&limits(3, 8 << 20)), limits(3, 64 << 10));
        assert_eq!(few(&limits(8_000, 100)), limits(64, 100));
    }

    #[test]
    fn what_is_read_by_the_key_of_an_event_is_learnt() {
        let learnt = |waits: &[_], keys: &[&[u8]]| learn(&mut Ahead::default(), waits, keys);
        assert_eq!(learnt(&[cell(3, b"b"), cell(4, b"a")], &[b"a", b"b"]), Some(3));
        assert_eq!(learnt(&[cell(3, b"total")], &[b"a", b"b"]), None);
        assert_eq!(learnt(&[], &[b"a"]), None);
        assert_eq!(learnt(&[CellRef { key: b"customer", ..cell(3, b"a") }], &[b"a"]), None, "a keyed view");
    }

    #[test]
    fn what_was_fetched_for_nothing_is_not_fetched_again_until_it_is_waited_for() {
        let mut ahead = Ahead::default();
        assert_eq!(learn(&mut ahead, &[cell(3, b"a")], &[b"a"]), Some(3));
        assert_eq!(guess(&mut ahead, b"b", &cell(3, b"b")), Some(3));
        assert_eq!(guess(&mut ahead, b"b", &cell(4, b"b")), None, "of another view");

        assert_eq!(learn(&mut ahead, &[cell(4, b"d")], &[b"d"]), None, "once is too little now");
        assert_eq!(learn(&mut ahead, &[cell(4, b"e")], &[b"e"]), Some(4));
        assert_eq!(guess(&mut ahead, b"f", &cell(4, b"b")), None, "another cell");
    }

    #[test]
    fn who_reads_now_so_and_now_so_is_soon_left_alone() {
        let (mut ahead, mut guesses) = (Ahead::default(), 0);
        for _ in 0..1_000 {
            if learn(&mut ahead, &[cell(3, b"a")], &[b"a"]).is_some() {
                guess(&mut ahead, b"b", &cell(4, b"total"));
                guesses += 1;
            }
        }
        assert_eq!(guesses, 9, "after 1, 2, 4, … more rounds that waited");
    }
}
