//! What the handles of all kinds but lists have in common: an address and a cache of pending
//! changes.

use std::cell::{RefCell, RefMut};
use std::rc::Rc;

use super::Kind;
use super::address::Address;
use super::cache::Cache;
use super::keyed::View;
use super::outbox::{Outbox, Writes};
use crate::host::Verb;
use crate::{Error, Result};

/// How many members a handle remembers by default, times two: see [`Cache`].
pub(crate) const CACHE_CAPACITY: usize = 16_384;

/// What is known of one member, and what is to be written of it.
pub(crate) trait Pending: Default + 'static {
    /// Whether a read would not have to ask the host.
    fn is_known(&self) -> bool;

    /// The whole structure was removed, and this member with it.
    fn structure_removed(&mut self);

    /// Put down the writes that lead to the present state, and be clean.
    fn write(&mut self, to: &mut Member<'_>) -> Result<()>;
}

/// The way to write one member.
pub(crate) struct Member<'a> {
    pub(crate) kind: Kind,
    writes: &'a mut Writes,
    view: u32,
    key: &'a [u8],
    id: &'a [u8],
}

/// Something that holds writes back until the batch ends.
pub(crate) trait Buffer {
    /// Put all of them into the outbox. An error comes with the event that made the write.
    fn flush(&mut self, outbox: &Outbox) -> Result<(), (u32, Error)>;
}

/// A view's address and the pending changes of its members.
pub(crate) struct Handle<S> {
    pub(crate) address: Address,
    buffered: Rc<RefCell<Buffered<S>>>,
}

struct Buffered<S> {
    view: u32,
    kind: Kind,
    name: Rc<str>,
    cache: Cache<S>,
}

impl<S: Pending> Handle<S> {
    pub(crate) fn new(address: Address) -> Self {
        let buffered = Rc::new(RefCell::new(Buffered {
            view: address.view,
            kind: address.kind,
            name: Rc::clone(&address.name),
            cache: Cache::new(CACHE_CAPACITY),
        }));
        Self { address, buffered }
    }

    pub(crate) fn buffer(&self) -> Rc<RefCell<dyn Buffer>> {
        Rc::clone(&self.buffered) as _
    }

    /// What is remembered. Never held when control goes back to the plugin, except in what a table
    /// lends.
    pub(crate) fn cache(&self) -> RefMut<'_, Cache<S>> {
        RefMut::map(self.buffered.borrow_mut(), |buffered| &mut buffered.cache)
    }

    /// Change the state of a member of the selected structure.
    pub(crate) fn change<R>(&self, id: &[u8], with: impl FnOnce(&mut S) -> R) -> R {
        let mut cache = self.cache();
        let place = cache.place(&self.address.key, id);
        with(cache.change(place))
    }

    /// Look at the state of a member of the selected structure.
    pub(crate) fn look<R>(&self, id: &[u8], with: impl FnOnce(&S) -> R) -> R {
        let mut cache = self.cache();
        let place = cache.place(&self.address.key, id);
        with(cache.state(place))
    }

    /// Announce reads of members, each under a key.
    pub(crate) fn prefetch<K, I>(&self, members: impl IntoIterator<Item = (K, I)>)
    where
        K: AsRef<[u8]>,
        I: AsRef<[u8]>,
    {
        let mut cache = self.cache();
        cache.announce_anew();
        self.address.outbox.prefetch(self.address.view, |wanted| {
            for (key, id) in members {
                let (key, id) = (key.as_ref(), id.as_ref());
                let place = cache.announce(key, id);
                if !cache.state(place).is_known() {
                    wanted.push(key, id);
                }
            }
        });
    }

    /// Announce reads of members of the selected structure.
    pub(crate) fn prefetch_selected<I: AsRef<[u8]>>(&self, ids: impl IntoIterator<Item = I>) {
        self.prefetch(ids.into_iter().map(|id| (&self.address.key, id)));
    }
}

impl<S: Pending> View for Handle<S> {
    fn select(&mut self, key: &[u8]) {
        self.address.select(key);
    }

    fn remove_selected(&mut self) {
        self.cache().reset_key(&self.address.key, S::structure_removed);
        self.address.write(Verb::Del, &[], &[]);
    }
}

impl<S: Pending> Buffer for Buffered<S> {
    fn flush(&mut self, outbox: &Outbox) -> Result<(), (u32, Error)> {
        let Self { view, kind, name, cache } = self;
        outbox.write(|writes| {
            cache.drain(|change| {
                let mut member = Member { kind: *kind, writes, view: *view, key: change.key, id: change.id };
                change.state.write(&mut member).map_err(|error| {
                    let id = String::from_utf8_lossy(change.id);
                    (change.event, error.context(format_args!("can't write `{id}` to view `{name}`")))
                })
            })
        })
    }
}

impl Member<'_> {
    /// Write the member by a verb that takes one.
    pub(crate) fn write(&mut self, verb: Verb, value: &[u8]) {
        self.writes.push(verb, self.view, self.key, self.id, value);
    }

    /// Write the member as a document.
    pub(crate) fn write_json(&mut self, verb: Verb, document: &impl serde::Serialize) -> Result<()> {
        self.writes.push_json(verb, self.view, self.key, self.id, document)
    }
}
