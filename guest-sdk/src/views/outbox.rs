//! What a batch has written and not handed over yet, in the columns of `views.write`. Keeps its
//! memory from batch to batch.

use std::cell::RefCell;
use std::rc::Rc;

use crate::Result;
use crate::host::{Host, Verb, head, verb_and_view};

/// The way to the host, shared by all handles.
pub(crate) struct Outbox {
    host: Rc<dyn Host>,
    writes: RefCell<Writes>,
    wanted: RefCell<Pairs>,
}

/// Writes in columns: for each verb and view, and three ends.
#[derive(Default)]
pub(crate) struct Writes {
    heads: Vec<u32>,
    data: Vec<u8>,
}

/// Pairs of key and member, two ends for each.
#[derive(Default)]
pub(crate) struct Pairs {
    ends: Vec<u32>,
    data: Vec<u8>,
}

impl Outbox {
    pub(crate) fn new(host: Rc<dyn Host>) -> Self {
        Self { host, writes: RefCell::default(), wanted: RefCell::default() }
    }

    /// Add writes by `with`.
    pub(crate) fn write<R>(&self, with: impl FnOnce(&mut Writes) -> R) -> R {
        with(&mut self.writes.borrow_mut())
    }

    /// Hand over all writes in one call.
    pub(crate) fn send(&self) {
        let mut writes = self.writes.borrow_mut();
        if !writes.heads.is_empty() {
            self.host.write(&writes.heads, &writes.data);
            writes.clear();
        }
    }

    /// The host, for a read of a view: what is still here and could change the answer goes first.
    pub(crate) fn host_for_read(&self, view: u32) -> &dyn Host {
        if self.writes.borrow().touch(view) {
            self.send();
        }
        &*self.host
    }

    /// Announce reads of a view: those that `collect` puts down, if any.
    pub(crate) fn prefetch(&self, view: u32, collect: impl FnOnce(&mut Pairs)) {
        let mut wanted = self.wanted.borrow_mut();
        wanted.ends.clear();
        wanted.data.clear();
        collect(&mut wanted);
        if !wanted.ends.is_empty() {
            self.host.prefetch(view, &wanted.ends, &wanted.data);
        }
    }
}

impl Writes {
    /// Add one write. A part that the verb does not use is empty.
    pub(crate) fn push(&mut self, verb: Verb, view: u32, key: &[u8], member: &[u8], value: &[u8]) {
        self.begin(verb, view, key, member);
        self.data.extend_from_slice(value);
        self.end();
    }

    /// Add one write whose value is a document, encoded in place.
    pub(crate) fn push_json(
        &mut self,
        verb: Verb,
        view: u32,
        key: &[u8],
        member: &[u8],
        document: &impl serde::Serialize,
    ) -> Result<()> {
        self.begin(verb, view, key, member);
        serde_json::to_writer(&mut self.data, document)?;
        self.end();
        Ok(())
    }

    fn begin(&mut self, verb: Verb, view: u32, key: &[u8], member: &[u8]) {
        self.heads.push(head(verb, view));
        self.data.extend_from_slice(key);
        self.end();
        self.data.extend_from_slice(member);
        self.end();
    }

    fn end(&mut self) {
        self.heads.push(end_of(&self.data));
    }

    fn touch(&self, view: u32) -> bool {
        self.heads.as_chunks::<4>().0.iter().any(|[head, ..]| verb_and_view(*head).1 == view)
    }

    fn clear(&mut self) {
        self.heads.clear();
        self.data.clear();
    }
}

impl Pairs {
    pub(crate) fn push(&mut self, key: &[u8], member: &[u8]) {
        for part in [key, member] {
            self.data.extend_from_slice(part);
            self.ends.push(end_of(&self.data));
        }
    }
}

fn end_of(data: &[u8]) -> u32 {
    u32::try_from(data.len()).expect("a batch writes less than the 4 GiB that a plugin can hold")
}
