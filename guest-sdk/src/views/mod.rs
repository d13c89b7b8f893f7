//! A projection's views: how they are declared, and one handle for each kind.
//!
//! A handle buffers what is written until the batch ends, so that a hot key travels once per batch.
//! Its reads see what it has buffered. A name, id, field, member or key may be text or any bytes.

mod address;
mod cache;
mod counters;
mod document;
mod handle;
mod keyed;
mod list;
mod name;
mod outbox;
mod ranking;
mod set;
mod table;
mod value;

pub use counters::Counters;
pub use keyed::Keyed;
pub use list::List;
pub use ranking::Ranking;
pub use set::Set;
pub use table::Table;
pub use value::Value;

use std::cell::RefCell;
use std::rc::Rc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;
use crate::host::Host;
use address::Address;
use handle::{Buffer, Handle, Pending};
use outbox::Outbox;

/// Where [`Projection::new`](crate::Projection::new) declares its views, each by a name of
/// lower-case letters, digits, `-` and `_`. A reader finds it in Redis under `<projection>:<name>`.
///
/// The `keyed_…` forms declare a view with one structure for each key, found under
/// `<projection>:<name>:<key>`, at the price of a cutover that grows with its keys.
///
/// # Panics
///
/// Every form does if the name has other characters, is longer than 64 bytes, or was declared
/// before.
pub struct Views {
    outbox: Rc<Outbox>,
    buffers: Vec<Rc<RefCell<dyn Buffer>>>,
    declared: Vec<Declaration>,
}

/// What the host must know of a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Declaration {
    pub(crate) name: Rc<str>,
    pub(crate) kind: Kind,
    pub(crate) keyed: bool,
    /// In entries; 0 unless it is a list.
    pub(crate) capacity: u32,
}

/// Which Redis structure a view is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Table,
    Counters,
    Ranking,
    Set,
    List,
    Value,
}

impl Views {
    /// A table (a Redis hash): documents by id, as JSON.
    pub fn table<T>(&mut self, name: &str) -> Table<T>
    where
        T: Serialize + DeserializeOwned + 'static,
    {
        Table::new(self.handle(name, Kind::Table, false))
    }

    /// Counters (a Redis hash): 64-bit integers by field.
    pub fn counters(&mut self, name: &str) -> Counters {
        Counters::new(self.handle(name, Kind::Counters, false))
    }

    /// A ranking (a Redis sorted set): members with a score.
    pub fn ranking(&mut self, name: &str) -> Ranking {
        Ranking::new(self.handle(name, Kind::Ranking, false))
    }

    /// A set of members.
    pub fn set(&mut self, name: &str) -> Set {
        Set::new(self.handle(name, Kind::Set, false))
    }

    /// A list that keeps its newest `capacity` entries, at least 1.
    pub fn list(&mut self, name: &str, capacity: u32) -> List {
        List::new(self.address(name, Kind::List, false, capacity))
    }

    /// Documents, each a Redis string of its own, found under `<projection>:<name>:<key>`.
    pub fn value<T>(&mut self, name: &str) -> Value<T>
    where
        T: Serialize + DeserializeOwned + 'static,
    {
        Value::new(self.handle(name, Kind::Value, true))
    }

    /// A table for each key.
    pub fn keyed_table<T>(&mut self, name: &str) -> Keyed<Table<T>>
    where
        T: Serialize + DeserializeOwned + 'static,
    {
        Keyed::new(Table::new(self.handle(name, Kind::Table, true)))
    }

    /// Counters for each key.
    pub fn keyed_counters(&mut self, name: &str) -> Keyed<Counters> {
        Keyed::new(Counters::new(self.handle(name, Kind::Counters, true)))
    }

    /// A ranking for each key.
    pub fn keyed_ranking(&mut self, name: &str) -> Keyed<Ranking> {
        Keyed::new(Ranking::new(self.handle(name, Kind::Ranking, true)))
    }

    /// A set for each key.
    pub fn keyed_set(&mut self, name: &str) -> Keyed<Set> {
        Keyed::new(Set::new(self.handle(name, Kind::Set, true)))
    }

    /// A list for each key.
    pub fn keyed_list(&mut self, name: &str, capacity: u32) -> Keyed<List> {
        Keyed::new(List::new(self.address(name, Kind::List, true, capacity)))
    }

    pub(crate) fn new(host: Rc<dyn Host>) -> Self {
        Self { outbox: Rc::new(Outbox::new(host)), buffers: Vec::new(), declared: Vec::new() }
    }

    pub(crate) fn declared(&self) -> &[Declaration] {
        &self.declared
    }

    /// Hand over all that the batch has written. An error comes with the event that made the write.
    pub(crate) fn flush(&mut self) -> Result<(), (u32, Error)> {
        for buffer in &self.buffers {
            buffer.borrow_mut().flush(&self.outbox)?;
        }
        self.outbox.send();
        Ok(())
    }

    fn handle<S: Pending>(&mut self, name: &str, kind: Kind, keyed: bool) -> Handle<S> {
        let handle = Handle::new(self.address(name, kind, keyed, 0));
        self.buffers.push(handle.buffer());
        handle
    }

    fn address(&mut self, name: &str, kind: Kind, keyed: bool, capacity: u32) -> Address {
        self.declare(Declaration { name: name.into(), kind, keyed, capacity });
        let view = u32::try_from(self.declared.len() - 1).expect("nobody declares 2^32 views");
        Address::new(view, kind, name, Rc::clone(&self.outbox))
    }

    fn declare(&mut self, view: Declaration) {
        let name = &*view.name;
        assert!(
            (1..=64).contains(&name.len())
                && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_')),
            "`{name}` can't name a view: 1 to 64 lower-case letters, digits, `-` and `_` can"
        );
        assert!(self.declared.iter().all(|other| other.name != view.name), "the view `{name}` is declared twice");
        assert!(view.kind != Kind::List || view.capacity > 0, "the list `{name}` must keep at least one entry");
        self.declared.push(view);
    }
}
