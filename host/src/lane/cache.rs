//! Cells that a plugin has read, bounded in bytes. Holds only what the store has acknowledged.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::op::{Cell, CellRef, Changes, Value};

/// Bytes that an entry takes beside its names and its value.
const ENTRY_BYTES: usize = 96;

/// A cache in two halves: what is used moves to the young half, and when that is full the old half is dropped. No
/// cell is in both. Hash tables and not maps, so that a cell is hashed once for both.
#[derive(Debug, Default)]
pub(super) struct Cache {
    young: HashTable<Entry>,
    old: HashTable<Entry>,
    young_bytes: usize,
    bytes_max: usize,
    hasher: DefaultHashBuilder,
}

#[derive(Debug)]
struct Entry {
    view: u32,
    key: Box<[u8]>,
    member: Box<[u8]>,
    value: Option<Value>,
}

impl Cache {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, ..Self::default() }
    }

    /// Bytes that it holds at most.
    pub(super) fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// The cell's value, or that it has none, if that is known.
    pub(super) fn get(&mut self, cell: &CellRef<'_>) -> Option<Option<&Value>> {
        let hash = self.hasher.hash_one(cell);
        let entry = match self.young.find_bucket_index(hash, |entry| entry.is(cell)) {
            Some(index) => self.young.get_bucket(index)?,
            None => {
                let (entry, _) = self.old.find_entry(hash, |entry| entry.is(cell)).ok()?.remove();
                self.insert_new(hash, entry)
            }
        };
        Some(entry.value.as_ref())
    }

    pub(super) fn insert(&mut self, cell: &CellRef<'_>, value: Option<Value>) {
        self.put(cell, value, true);
    }

    /// Gives a cell a value; one that is not held, only if it is to be held from now on.
    fn put(&mut self, cell: &CellRef<'_>, value: Option<Value>, is_to_be_held: bool) {
        let hash = self.hasher.hash_one(cell);
        if let Some(held) = self.young.find_mut(hash, |entry| entry.is(cell)) {
            self.young_bytes = self.young_bytes + value_bytes(&value) - value_bytes(&held.value);
            held.value = value;
            if self.young_bytes > self.bytes_max / 2 {
                self.age();
            }
            return;
        }
        let entry = match self.old.find_entry(hash, |entry| entry.is(cell)) {
            Ok(held) => Entry { value, ..held.remove().0 },
            Err(_) if is_to_be_held => {
                Entry { view: cell.view, key: cell.key.into(), member: cell.member.into(), value }
            }
            Err(_) => return,
        };
        self.insert_new(hash, entry);
    }

    /// Takes a cell that neither half has into the young one.
    fn insert_new(&mut self, hash: u64, entry: Entry) -> &Entry {
        let bytes = entry.bytes();
        if self.young_bytes + bytes > self.bytes_max / 2 {
            self.age();
        }
        self.young_bytes += bytes;
        let hasher = &self.hasher;
        self.young.insert_unique(hash, entry, |entry| hasher.hash_one(entry.cell())).into_mut()
    }

    fn age(&mut self) {
        // It will have about as many.
        let young = HashTable::with_capacity(self.young.len());
        self.old = std::mem::replace(&mut self.young, young);
        self.young_bytes = 0;
    }

    fn remove(&mut self, cell: &CellRef<'_>) {
        let hash = self.hasher.hash_one(cell);
        if let Ok(entry) = self.young.find_entry(hash, |entry| entry.is(cell)) {
            self.young_bytes -= entry.remove().0.bytes();
        } else if let Ok(entry) = self.old.find_entry(hash, |entry| entry.is(cell)) {
            entry.remove();
        }
    }

    /// Brings the cells that it holds up to date with what was committed.
    pub(super) fn update(&mut self, committed: Changes) {
        if self.young.is_empty() && self.old.is_empty() {
            return;
        }
        for (view, key, change) in committed.into_structures() {
            if change.cleared {
                self.forget(view, &key);
            }
            for (member, cell) in change.cells {
                let at = CellRef { view, key: &key, member: &member };
                match cell {
                    Cell::Put(value) => self.put(&at, Some(value), false),
                    Cell::Remove => self.put(&at, None, false),
                    // Another lane may have added to it as well; the store knows the sum.
                    Cell::Add(_) => self.remove(&at),
                }
            }
        }
    }

    /// Forgets all cells of a structure.
    fn forget(&mut self, view: u32, key: &[u8]) {
        let is_of_it = |entry: &mut Entry| entry.view == view && *entry.key == *key;
        self.old.retain(|entry| !is_of_it(entry));
        let removed = self.young.extract_if(is_of_it);
        self.young_bytes -= removed.map(|entry| entry.bytes()).sum::<usize>();
    }
}

impl Entry {
    fn cell(&self) -> CellRef<'_> {
        CellRef { view: self.view, key: &self.key, member: &self.member }
    }

    fn is(&self, cell: &CellRef<'_>) -> bool {
        self.cell() == *cell
    }

    /// Bytes that it takes.
    fn bytes(&self) -> usize {
        self.key.len() + self.member.len() + value_bytes(&self.value) + ENTRY_BYTES
    }
}

fn value_bytes(value: &Option<Value>) -> usize {
    value.as_ref().map_or(0, Value::bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::{Verb, Write};
    use crate::projection::{Kind, View};

    fn cell(member: &[u8]) -> CellRef<'_> {
        CellRef { view: 0, key: b"", member }
    }

    #[test]
    fn keeps_what_is_used_and_stays_bounded() {
        let mut cache = Cache::new(20 * (ENTRY_BYTES + 4));
        cache.insert(&cell(b"hot!"), Some(Value::Member));
        for i in 0..1000u32 {
            cache.insert(&cell(&i.to_le_bytes()), None);
            assert_eq!(cache.get(&cell(b"hot!")), Some(Some(&Value::Member)), "after {i}");
            assert!(cache.young.len() + cache.old.len() <= 20);
        }
        assert_eq!(cache.get(&cell(&0u32.to_le_bytes())), None);
    }

    #[test]
    fn what_is_read_anew_is_not_held_twice() {
        let mut cache = Cache::new(4 * (ENTRY_BYTES + 1));
        // The last two fill the young half, so the first is in the old one by then.
        [b"a", b"b", b"c"].iter().for_each(|name| cache.insert(&cell(*name), None));
        assert_eq!((cache.young.len(), cache.old.len()), (1, 2));

        cache.insert(&cell(b"a"), Some(Value::Member));
        assert_eq!(cache.get(&cell(b"a")), Some(Some(&Value::Member)));
        cache.remove(&cell(b"a"));
        assert_eq!(cache.get(&cell(b"a")), None);
    }

    #[test]
    fn what_is_written_again_and_again_takes_its_place_once() {
        let mut cache = Cache::new(20 * (ENTRY_BYTES + 8));
        let others: Vec<_> = (0..5u32).map(u32::to_le_bytes).collect();
        others.iter().for_each(|other| cache.insert(&cell(other), None));
        cache.insert(&cell(b"hot!"), None);
        for round in 0..1000u32 {
            let view = View { name: "accounts".to_owned(), kind: Kind::Table, keyed: false, capacity: 0 };
            let mut committed = Changes::new(1);
            let value = &round.to_le_bytes()[..];
            let write = Write { verb: Verb::Hset, view: 0, key: b"", member: b"hot!", value };
            committed.write(&[view], &write).unwrap();
            cache.update(committed);
            assert_eq!(cache.get(&cell(b"hot!")), Some(Some(&Value::Bytes(value.into()))));
        }
        assert!(others.iter().all(|other| cache.get(&cell(other)) == Some(None)), "nothing had to make room");
    }
}
