//! Where a handle reads and writes: a view, and the structure in it that is selected.

use std::rc::Rc;

use super::Kind;
use super::outbox::Outbox;
use crate::host::Verb;

/// The selected structure of a view.
pub(crate) struct Address {
    pub(crate) view: u32,
    pub(crate) kind: Kind,
    pub(crate) name: Rc<str>,
    /// Empty unless the view is keyed.
    pub(crate) key: Vec<u8>,
    pub(crate) outbox: Rc<Outbox>,
}

impl Address {
    pub(crate) fn new(view: u32, kind: Kind, name: &str, outbox: Rc<Outbox>) -> Self {
        Self { view, kind, name: name.into(), key: Vec::new(), outbox }
    }

    /// Select the structure under a key.
    pub(crate) fn select(&mut self, key: &[u8]) {
        self.key.clear();
        self.key.extend_from_slice(key);
    }

    /// Write at once, behind what the outbox holds.
    pub(crate) fn write(&self, verb: Verb, member: &[u8], value: &[u8]) {
        self.outbox.write(|writes| writes.push(verb, self.view, &self.key, member, value));
    }
}
