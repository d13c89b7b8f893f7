//! What a batch has written and not handed over yet, in the columns of `views.write`. Keeps its
//! memory from batch to batch.

use std::cell::RefCell;
use std::io;
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
        serde_json::to_writer(Bytes(&mut self.data), document)?;
        self.end();
        Ok(())
    }

    fn begin(&mut self, verb: Verb, view: u32, key: &[u8], member: &[u8]) {
        self.heads.push(head(verb, view));
        put(&mut self.data, key);
        self.end();
        put(&mut self.data, member);
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

/// Takes JSON, piece by piece.
struct Bytes<'a>(&'a mut Vec<u8>);

impl io::Write for Bytes<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        put(self.0, bytes);
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        put(self.0, bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Appends bytes. In a plugin a copy of just any length is a call to the host, so short ones are made of two words.
fn put(data: &mut Vec<u8>, bytes: &[u8]) {
    match bytes.len() {
        0 => {}
        1 => data.push(bytes[0]),
        4..=8 => put_ends::<4>(data, bytes),
        9..=16 => put_ends::<8>(data, bytes),
        _ => data.extend_from_slice(bytes),
    }
}

/// Appends one or two words' worth of bytes: the first word, and the last one, which overlaps it.
fn put_ends<const WORD: usize>(data: &mut Vec<u8>, bytes: &[u8]) {
    if let (Some(first), Some(last)) = (bytes.first_chunk::<WORD>(), bytes.last_chunk::<WORD>()) {
        data.reserve(2 * WORD);
        data.extend_from_slice(first);
        data.truncate(data.len() + bytes.len() - 2 * WORD);
        data.extend_from_slice(last);
    }
}

fn end_of(data: &[u8]) -> u32 {
    u32::try_from(data.len()).expect("a batch writes less than the 4 GiB that a plugin can hold")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_any_length_are_appended() {
        let bytes: Vec<u8> = (0..40).collect();
        for before in 0..3 {
            for len in 0..=bytes.len() {
                let mut data = bytes[..before].to_vec();
                put(&mut data, &bytes[..len]);
                assert_eq!(data, [&bytes[..before], &bytes[..len]].concat(), "{len} behind {before}");
            }
        }
    }
}
