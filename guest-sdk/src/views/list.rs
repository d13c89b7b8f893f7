//! Capped lists.

use super::address::Address;
use super::keyed::View;
use crate::host::Verb;

/// A Redis list that keeps its newest entries, newest first. Can't be read by the plugin.
pub struct List {
    address: Address,
}

impl List {
    pub(crate) fn new(address: Address) -> Self {
        Self { address }
    }

    /// Put an entry at the head. What exceeds the capacity is dropped at the tail.
    pub fn push(&mut self, entry: impl AsRef<[u8]>) {
        self.address.write(Verb::Lpush, &[], entry.as_ref());
    }
}

impl View for List {
    fn select(&mut self, key: &[u8]) {
        self.address.select(key);
    }

    fn remove_selected(&mut self) {
        self.address.write(Verb::Del, &[], &[]);
    }
}
