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
    pub(super) fn get(&mut self, cell: &CellRef<'_>) -> Option<Option<Value>> {
        if let Some(value) = self.young.get(cell) {
            return Some(value.clone());
        }
        let (name, value) = self.old.remove_entry(cell)?;
        self.insert_name(name, value.clone());
        Some(value)
    }

    pub(super) fn insert(&mut self, cell: &CellRef<'_>, value: Option<Value>) {
        self.remove(cell);
        let name = Name { view: cell.view, key: cell.key.into(), member: cell.member.into() };
        self.insert_name(name, value);
    }

    fn insert_name(&mut self, name: Name, value: Option<Value>) {
        let bytes = name.bytes() + value_bytes(value.as_ref());
        if self.young_bytes + bytes > self.bytes_max / 2 {
            self.age();
        }
        self.young_bytes += bytes;
        self.young.insert(name, value);
    }

    fn age(&mut self) {
        self.old = std::mem::take(&mut self.young);
        self.young_bytes = 0;
    }

    fn remove(&mut self, cell: &CellRef<'_>) {
        match self.young.remove_entry(cell) {
            Some((name, value)) => self.young_bytes -= name.bytes() + value_bytes(value.as_ref()),
            None => drop(self.old.remove(cell)),
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
                    Cell::Put(value) => self.replace(&at, Some(value)),
                    Cell::Remove => self.replace(&at, None),
                    // Another lane may have added to it as well; the store knows the sum.
                    Cell::Add(_) => self.remove(&at),
                }
            }
        }
    }

    /// Forgets all cells of a structure.
    fn forget(&mut self, view: u32, key: &[u8]) {
        let is_other = |name: &Name| name.view != view || *name.key != *key;
        self.old.retain(|name, _| is_other(name));
        let removed = self.young.extract_if(|name, _| !is_other(name));
        self.young_bytes -= removed.map(|(name, value)| name.bytes() + value_bytes(value.as_ref())).sum::<usize>();
    }

    /// Gives a cell another value, if it is held.
    fn replace(&mut self, cell: &CellRef<'_>, value: Option<Value>) {
        if let Some(held) = self.young.get_mut(cell) {
            self.young_bytes = self.young_bytes + value_bytes(value.as_ref()) - value_bytes(held.as_ref());
            *held = value;
            if self.young_bytes > self.bytes_max / 2 {
                self.age();
            }
        } else if let Some((name, _)) = self.old.remove_entry(cell) {
            self.insert_name(name, value);
        }
    }
}

impl Name {
    /// Bytes that its entry takes, without the value.
    fn bytes(&self) -> usize {
        self.key.len() + self.member.len() + ENTRY_BYTES
    }
}

fn value_bytes(value: Option<&Value>) -> usize {
    value.map_or(0, Value::bytes)
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
            assert_eq!(cache.get(&cell(b"hot!")), Some(Some(Value::Member)), "after {i}");
            assert!(cache.young.len() + cache.old.len() <= 20);
        }
        assert_eq!(cache.get(&cell(&0u32.to_le_bytes())), None);
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
            assert_eq!(cache.get(&cell(b"hot!")), Some(Some(Value::Bytes(value.into()))));
        }
        assert!(others.iter().all(|other| cache.get(&cell(other)) == Some(None)), "nothing had to make room");
    }
}
