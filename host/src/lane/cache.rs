//! Cells that a plugin has read, bounded in bytes. Holds only what the store has acknowledged.

use hashbrown::{Equivalent, HashMap};

use crate::op::{Cell, CellRef, Changes, Value};

/// Bytes that an entry takes beside its names and its value.
const ENTRY_BYTES: usize = 96;

/// A cache in two halves: what is used moves to the young half, and when that is full the old half is dropped.
#[derive(Debug, Default)]
pub(super) struct Cache {
    young: HashMap<Name, Option<Value>>,
    old: HashMap<Name, Option<Value>>,
    young_bytes: usize,
    bytes_max: usize,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Name {
    view: u32,
    key: Box<[u8]>,
    member: Box<[u8]>,
}

impl Equivalent<Name> for CellRef<'_> {
    fn equivalent(&self, name: &Name) -> bool {
        self.view == name.view && *self.key == *name.key && *self.member == *name.member
    }
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
    pub(super) fn get(&mut self, cell: &CellRef<'_>) -> Option<&Option<Value>> {
        if let Some((name, value)) = self.old.remove_entry(cell) {
            self.insert_name(name, value);
        }
        self.young.get(cell)
    }

    pub(super) fn insert(&mut self, cell: &CellRef<'_>, value: Option<Value>) {
        self.young.remove(cell);
        self.old.remove(cell);
        let name = Name { view: cell.view, key: cell.key.into(), member: cell.member.into() };
        self.insert_name(name, value);
    }

    fn insert_name(&mut self, name: Name, value: Option<Value>) {
        let bytes = name.key.len() + name.member.len() + value.as_ref().map_or(0, Value::bytes) + ENTRY_BYTES;
        if self.young_bytes + bytes > self.bytes_max / 2 {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        self.young_bytes += bytes;
        self.young.insert(name, value);
    }

    /// Brings the cells that it holds up to date with what was committed.
    pub(super) fn update(&mut self, committed: &Changes) {
        if self.young.is_empty() && self.old.is_empty() {
            return;
        }
        for (view, key, change) in committed.structures() {
            if change.cleared {
                for half in [&mut self.young, &mut self.old] {
                    half.retain(|name, _| name.view != view || *name.key != *key);
                }
            }
            for (member, cell) in &change.cells {
                let cell_ref = CellRef { view, key, member };
                let held = self.young.remove_entry(&cell_ref).or_else(|| self.old.remove_entry(&cell_ref));
                match (held, cell) {
                    (Some((name, _)), Cell::Put(value)) => self.insert_name(name, Some(value.clone())),
                    (Some((name, _)), Cell::Remove) => self.insert_name(name, None),
                    // Another lane may have added to it as well; the store knows the sum.
                    (Some(_), Cell::Add(_)) | (None, _) => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(member: &[u8]) -> CellRef<'_> {
        CellRef { view: 0, key: b"", member }
    }

    #[test]
    fn keeps_what_is_used_and_stays_bounded() {
        let mut cache = Cache::new(20 * (ENTRY_BYTES + 4));
        cache.insert(&cell(b"hot!"), Some(Value::Member));
        for i in 0..1000u32 {
            cache.insert(&cell(&i.to_le_bytes()), None);
            assert_eq!(cache.get(&cell(b"hot!")), Some(&Some(Value::Member)), "after {i}");
            assert!(cache.young.len() + cache.old.len() <= 20);
        }
        assert_eq!(cache.get(&cell(&0u32.to_le_bytes())), None);
    }
}
