//! What a handle remembers of the members of its view. Bounded, and forgets only what has been
//! handed over.
//!
//! Two generations: what is used moves to the young one; when that is full it becomes the old one,
//! and the old one goes. So what was used lately stays, without a list to keep in order at every
//! access.

use hashbrown::HashTable;

use super::name::{self, Name};
use crate::log;

/// States `S` by key and id.
pub(crate) struct Cache<S> {
    young: Generation<S>,
    old: Generation<S>,
    /// The places in `young` of changed slots, in the order in which they were changed first. May
    /// name a slot that is not changed any more.
    changed: Vec<u32>,
    announced: Announced,
    /// While there are but a few slots: places in `young` that were asked for lately, each where [`lately`] puts its name.
    /// May be those of other names.
    lately: [u32; FEW],
    /// How many slots a generation holds before it grows old.
    capacity: usize,
}

/// Members are mostly asked for in the order in which they were announced, with gaps, and so need not be looked up again.
#[derive(Default)]
struct Announced {
    /// Their places in `young`.
    places: Vec<u32>,
    /// How many of them lie behind.
    passed: usize,
    /// How many members were asked for in vain since one was next.
    strayed: u32,
}

/// As often as that one may stray before nothing more is expected.
const STRAYED_MAX: u32 = 9;

/// How many slots are a few.
const FEW: usize = 32;

struct Generation<S> {
    index: HashTable<u32>,
    slots: Vec<Slot<S>>,
}

#[derive(Default)]
struct Slot<S> {
    name: Name,
    /// The event that changed it last, since it was handed over.
    changed_by: Option<u32>,
    state: S,
}

/// One change that must be handed over.
pub(crate) struct Change<'a, S> {
    pub(crate) key: &'a [u8],
    pub(crate) id: &'a [u8],
    pub(crate) state: &'a mut S,
    /// The index of the event that made it.
    pub(crate) event: u32,
}

impl<S: Default> Cache<S> {
    pub(crate) fn new(capacity: usize) -> Self {
        let (young, old) = Default::default();
        Self { young, old, changed: Vec::new(), announced: Announced::default(), lately: [0; FEW], capacity }
    }

    pub(crate) fn set_capacity(&mut self, capacity: usize) {
        self.capacity = capacity.max(1);
    }

    /// The place of a slot, new or known. Good until the next [`Cache::drain`].
    pub(crate) fn place(&mut self, key: &[u8], id: &[u8]) -> u32 {
        let Some(next) = self.announced.next() else {
            return self.look_up(key, id);
        };
        if self.young.slots[next as usize].name.is(key, id) {
            self.announced.pass(1);
            return next;
        }
        let place = self.look_up(key, id);
        self.announced.seek(place);
        place
    }

    /// Forget what was announced: something else will be.
    pub(crate) fn announce_anew(&mut self) {
        self.announced.clear();
    }

    /// The place of a slot that will be asked for, behind those announced before.
    pub(crate) fn announce(&mut self, key: &[u8], id: &[u8]) -> u32 {
        let place = self.look_up(key, id);
        self.announced.places.push(place);
        place
    }

    fn look_up(&mut self, key: &[u8], id: &[u8]) -> u32 {
        // A few names, such as those of counters, are asked for again and again. Among many it is not worth a try.
        let at = lately(key, id);
        let is_among_few = self.young.slots.len() <= FEW;
        if is_among_few {
            let place = self.lately[at];
            if self.young.slots.get(place as usize).is_some_and(|slot| slot.name.is(key, id)) {
                return place;
            }
        }
        let hash = name::hash(key, id);
        let place = match self.young.find(hash, key, id) {
            Some(place) => place,
            None => self.rejuvenate(hash, key, id),
        };
        if is_among_few {
            self.lately[at] = place;
        }
        place
    }

    /// Apart, so that looking up what is young stays small.
    #[cold]
    #[inline(never)]
    fn rejuvenate(&mut self, hash: u64, key: &[u8], id: &[u8]) -> u32 {
        let slot = self.old.take(hash, key, id).unwrap_or_else(|| Slot::new(key, id));
        self.young.insert(hash, slot)
    }

    pub(crate) fn state(&self, place: u32) -> &S {
        &self.young.slots[place as usize].state
    }

    pub(crate) fn state_mut(&mut self, place: u32) -> &mut S {
        &mut self.young.slots[place as usize].state
    }

    /// The state of a slot that is about to be changed by the present event.
    pub(crate) fn change(&mut self, place: u32) -> &mut S {
        let slot = &mut self.young.slots[place as usize];
        if slot.changed_by.replace(log::event().unwrap_or(0)).is_none() {
            self.changed.push(place);
        }
        &mut slot.state
    }

    /// Let `with` reset everything under a key; nothing of it counts as changed any more.
    pub(crate) fn reset_key(&mut self, key: &[u8], mut with: impl FnMut(&mut S)) {
        for slot in self.young.slots.iter_mut().chain(&mut self.old.slots) {
            if slot.name.parts().0 == key {
                slot.changed_by = None;
                with(&mut slot.state);
            }
        }
    }

    /// Pass every change to `hand_over`, in the order in which they were made first, and make room.
    pub(crate) fn drain<E>(&mut self, mut hand_over: impl FnMut(Change<'_, S>) -> Result<(), E>) -> Result<(), E> {
        for place in self.changed.drain(..) {
            let slot = &mut self.young.slots[place as usize];
            if let Some(event) = slot.changed_by.take() {
                let (key, id) = slot.name.parts();
                hand_over(Change { key, id, state: &mut slot.state, event })?;
            }
        }
        self.announced.clear();
        if self.young.slots.len() >= self.capacity {
            self.old = std::mem::take(&mut self.young);
        }
        Ok(())
    }
}

impl Announced {
    fn next(&self) -> Option<u32> {
        self.places.get(self.passed).copied()
    }

    fn pass(&mut self, count: usize) {
        self.passed += count;
        self.strayed = 0;
    }

    /// Goes on behind a place that is not the next one. The more often it is not found, the farther it is looked for.
    fn seek(&mut self, place: u32) {
        let near = self.places[self.passed..].iter().take(8 << self.strayed);
        if let Some(before) = near.copied().position(|announced| announced == place) {
            self.pass(before + 1);
        } else if self.strayed < STRAYED_MAX {
            self.strayed += 1;
        } else {
            self.clear();
        }
    }

    fn clear(&mut self) {
        self.places.clear();
        self.passed = 0;
        self.strayed = 0;
    }
}

/// Where the place of a name is kept: what takes no loop, and is likely to differ.
fn lately(key: &[u8], id: &[u8]) -> usize {
    let ends = |part: &[u8]| match part {
        [first, .., last] => usize::from(*first) + 3 * usize::from(*last),
        _ => 0,
    };
    (ends(id) + id.len() + ends(key)) % FEW
}

impl<S> Default for Generation<S> {
    fn default() -> Self {
        Self { index: HashTable::new(), slots: Vec::new() }
    }
}

impl<S: Default> Generation<S> {
    fn find(&self, hash: u64, key: &[u8], id: &[u8]) -> Option<u32> {
        self.index.find(hash, |&place| self.slots[place as usize].name.is(key, id)).copied()
    }

    fn insert(&mut self, hash: u64, slot: Slot<S>) -> u32 {
        let place = u32::try_from(self.slots.len()).expect("a plugin's memory holds fewer slots");
        self.slots.push(slot);
        let slots = &self.slots;
        self.index.insert_unique(hash, place, |&place| slots[place as usize].name.hash());
        place
    }

    /// Take a slot out; an empty one stays in its place.
    fn take(&mut self, hash: u64, key: &[u8], id: &[u8]) -> Option<Slot<S>> {
        let slots = &self.slots;
        let entry = self.index.find_entry(hash, |&place| slots[place as usize].name.is(key, id)).ok()?;
        let (place, _) = entry.remove();
        Some(std::mem::take(&mut self.slots[place as usize]))
    }
}

impl<S: Default> Slot<S> {
    fn new(key: &[u8], id: &[u8]) -> Self {
        Self { name: Name::new(key, id), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(cache: &mut Cache<u32>, id: &str) -> u32 {
        let place = cache.place(b"", id.as_bytes());
        std::mem::replace(cache.change(place), 1)
    }

    fn drain(cache: &mut Cache<u32>) -> Vec<String> {
        let mut ids = Vec::new();
        let drained: Result<(), ()> = cache.drain(|change| {
            ids.push(String::from_utf8_lossy(change.id).into_owned());
            Ok(())
        });
        assert_eq!(drained, Ok(()));
        ids
    }

    #[test]
    fn hands_over_each_change_once_and_in_order() {
        let mut cache = Cache::new(10);
        for id in ["b", "a", "b", "c"] {
            touch(&mut cache, id);
        }
        assert_eq!(drain(&mut cache), ["b", "a", "c"]);
        assert!(drain(&mut cache).is_empty());
    }

    #[test]
    fn forgets_what_was_not_used_for_two_generations() {
        let mut cache = Cache::new(2);
        for ids in [["a", "b"], ["a", "c"], ["a", "d"], ["a", "e"]] {
            for id in ids {
                touch(&mut cache, id);
            }
            drain(&mut cache);
        }
        assert_eq!(touch(&mut cache, "a"), 1, "it was used all the time");
        assert_eq!(touch(&mut cache, "b"), 0, "it was used long ago");
        assert!(cache.young.slots.len() + cache.old.slots.len() <= 4);
    }

    #[test]
    fn never_forgets_a_change_before_it_is_handed_over() {
        let mut cache = Cache::new(1);
        for number in 0..100 {
            touch(&mut cache, &number.to_string());
        }
        assert_eq!(drain(&mut cache).len(), 100);
    }

    #[test]
    fn finds_what_was_announced_in_any_order() {
        let ids: Vec<String> = (0..100).map(|number| number.to_string()).collect();
        let mut cache = Cache::<u32>::new(10);
        let places: Vec<u32> = ids.iter().map(|id| cache.announce(b"", id.as_bytes())).collect();
        // In that order with gaps, one of them wide, with others between, and back.
        for number in [0, 1, 2, 2, 5, 90, 6, 14, 50, 7, 80, 81, 10, 99, 0] {
            assert_eq!(cache.place(b"", ids[number].as_bytes()), places[number], "{number}");
            assert!(cache.place(b"", format!("other than {number}").as_bytes()) >= 100);
        }
        assert_eq!(cache.announced.passed, 100);
        cache.announce(b"", b"7");
        for number in 0..20 {
            assert_eq!(cache.place(b"", ids[number].as_bytes()), places[number], "{number}");
        }
    }

    #[test]
    fn expects_nothing_of_who_asks_in_another_order() {
        let mut cache = Cache::<u32>::new(10);
        let places: Vec<u32> = (0..100_u8).map(|id| cache.announce(b"", &[id])).collect();
        for id in (100..150).chain((0..100).rev()) {
            let place = cache.place(b"", &[id]);
            assert_eq!(places.get(usize::from(id)).copied().unwrap_or(place), place);
        }
        assert_eq!(cache.announced.next(), None);
    }

    #[test]
    fn forgets_places_with_their_generation() {
        let mut cache = Cache::new(1);
        for number in 0..3 {
            let [one, other] = [number, number + 1].map(|id: u32| id.to_string());
            cache.announce(b"", one.as_bytes());
            cache.announce(b"", other.as_bytes());
            assert_eq!(touch(&mut cache, &one), u32::from(number > 0));
            assert_eq!(touch(&mut cache, &other), 0);
            drain(&mut cache);
        }
        assert_eq!(touch(&mut cache, "2"), 1);
        assert_eq!(touch(&mut cache, "3"), 1);
    }

    #[test]
    fn tells_keys_from_ids() {
        let mut cache = Cache::<u32>::new(10);
        let one = cache.place(b"a", b"bc");
        let other = cache.place(b"ab", b"c");
        assert_ne!(one, other);
        assert_eq!(cache.place(b"a", b"bc"), one);
    }
}
