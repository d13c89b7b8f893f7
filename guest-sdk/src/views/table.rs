//! Tables: documents by id.

use std::cell::RefMut;
use std::ops::Deref;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::document::Document;
use super::handle::Handle;
use super::keyed::{Keyed, View};
use crate::Result;

/// Documents by id, as JSON in a Redis hash.
///
/// It remembers what it has read and written, from batch to batch: a hot document is decoded once,
/// and written once a batch. That is right because a lane is the only one to write its ids; see the
/// crate's page for what several partitions may do.
pub struct Table<T> {
    handle: Handle<Document<T>>,
}

impl<T: Serialize + DeserializeOwned + 'static> Table<T> {
    pub(crate) fn new(handle: Handle<Document<T>>) -> Self {
        Self { handle }
    }

    /// Remember about this many documents, up to twice as many; 16,384 unless told otherwise. Said
    /// at the declaration.
    #[must_use]
    pub fn remember(self, documents: usize) -> Self {
        self.handle.cache().set_capacity(documents);
        self
    }

    /// The document under an id, to look at.
    ///
    /// # Errors
    ///
    /// When what is stored is not JSON for `T`. The same holds for the other reads.
    pub fn get(&mut self, id: impl AsRef<[u8]>) -> Result<Option<impl Deref<Target = T>>> {
        self.handle.get(id.as_ref())
    }

    /// The document under an id, to be changed. It counts as changed even if it isn't.
    ///
    /// # Errors
    ///
    /// As [`Table::get`].
    pub fn get_mut(&mut self, id: impl AsRef<[u8]>) -> Result<Option<RefMut<'_, T>>> {
        self.handle.get_mut(id.as_ref())
    }

    /// The document under an id, to be changed; `make` makes it if there is none.
    ///
    /// # Errors
    ///
    /// As [`Table::get`].
    pub fn get_or_insert_with(&mut self, id: impl AsRef<[u8]>, make: impl FnOnce() -> T) -> Result<RefMut<'_, T>> {
        self.handle.get_or_insert_with(id.as_ref(), make)
    }

    /// The document under an id, to be changed; the default one if there is none.
    ///
    /// # Errors
    ///
    /// As [`Table::get`].
    pub fn get_or_default(&mut self, id: impl AsRef<[u8]>) -> Result<RefMut<'_, T>>
    where
        T: Default,
    {
        self.get_or_insert_with(id, T::default)
    }

    /// Set the document under an id. Reads nothing.
    pub fn set(&mut self, id: impl AsRef<[u8]>, document: T) {
        self.handle.set(id.as_ref(), document);
    }

    /// Remove the document under an id. Reads nothing.
    pub fn remove(&mut self, id: impl AsRef<[u8]>) {
        self.handle.remove(id.as_ref());
    }

    /// Announce that these documents will be read. Those that are not remembered are fetched in one
    /// round trip.
    pub fn prefetch(&mut self, ids: impl IntoIterator<Item: AsRef<[u8]>>) {
        self.handle.prefetch_selected(ids);
    }
}

impl<T: Serialize + DeserializeOwned + 'static> Keyed<Table<T>> {
    /// Announce that these documents, each the id of one under a key, will be read.
    pub fn prefetch<K, I>(&mut self, documents: impl IntoIterator<Item = (K, I)>)
    where
        K: AsRef<[u8]>,
        I: AsRef<[u8]>,
    {
        self.view.handle.prefetch(documents);
    }
}

impl<T: Serialize + 'static> View for Table<T> {
    fn select(&mut self, key: &[u8]) {
        self.handle.select(key);
    }

    fn remove_selected(&mut self) {
        self.handle.remove_selected();
    }
}
