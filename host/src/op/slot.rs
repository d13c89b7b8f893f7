//! One place in a map of names, found once: to be looked at, then to be filled. The name is hashed once, and copied only if it is new.

use std::hash::BuildHasher;

use hashbrown::DefaultHashBuilder;
use indexmap::IndexMap;
use indexmap::map::raw_entry_v1::{RawEntryApiV1, RawEntryMut};

/// A map by name that keeps the order in which names came.
pub(super) type ByName<V> = IndexMap<Box<[u8]>, V, DefaultHashBuilder>;

/// A name that is borrowed or owned.
pub(super) trait Name: AsRef<[u8]> + Into<Box<[u8]>> {}

impl<N: AsRef<[u8]> + Into<Box<[u8]>>> Name for N {}

/// Where a name stands in a map, or will stand.
pub(super) struct Slot<'a, N, V> {
    name: N,
    hash: u64,
    entry: RawEntryMut<'a, Box<[u8]>, V, DefaultHashBuilder>,
}

impl<'a, N: Name, V> Slot<'a, N, V> {
    /// The place of a name.
    pub(super) fn find(map: &'a mut ByName<V>, name: N) -> Self {
        let hash = map.hasher().hash_one(name.as_ref());
        let entry = map.raw_entry_mut_v1().from_hash(hash, |other| **other == *name.as_ref());
        Self { name, hash, entry }
    }

    /// The name.
    pub(super) fn name(&self) -> &[u8] {
        self.name.as_ref()
    }

    /// What is there.
    pub(super) fn get(&self) -> Option<&V> {
        match &self.entry {
            RawEntryMut::Occupied(entry) => Some(entry.get()),
            RawEntryMut::Vacant(_) => None,
        }
    }

    /// Puts it there, in place of what is.
    pub(super) fn set(self, value: V) {
        match self.entry {
            RawEntryMut::Occupied(mut entry) => drop(entry.insert(value)),
            RawEntryMut::Vacant(entry) => _ = entry.insert_hashed_nocheck(self.hash, self.name.into(), value),
        }
    }

    /// What is there, or the place if nothing is.
    pub(super) fn take(self) -> Result<&'a mut V, Self> {
        match self.entry {
            RawEntryMut::Occupied(entry) => Ok(entry.into_mut()),
            entry @ RawEntryMut::Vacant(_) => Err(Self { entry, ..self }),
        }
    }

    /// What is there, or is put there if nothing is.
    pub(super) fn or_default(self) -> &'a mut V
    where
        V: Default,
    {
        match self.entry {
            RawEntryMut::Occupied(entry) => entry.into_mut(),
            RawEntryMut::Vacant(entry) => entry.insert_hashed_nocheck(self.hash, self.name.into(), V::default()).1,
        }
    }
}
