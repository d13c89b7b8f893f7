//! Values: a document of its own under each key.

use std::cell::RefMut;
use std::ops::Deref;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::document::Document;
use super::handle::Handle;
use super::keyed::View;
use crate::Result;

/// Documents, each as JSON in a Redis string of its own, `<projection>:<name>:<key>`. Prefer a
/// [`Table`](super::Table), which cuts over at once, unless a reader needs a string. It remembers
/// as a table does.
pub struct Value<T> {
    /// The key selects the string; a string has no members, so the id is empty.
    handle: Handle<Document<T>>,
}

impl<T: Serialize + DeserializeOwned + 'static> Value<T> {
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

    /// The document under a key, to look at.
    ///
    /// # Errors
    ///
    /// When what is stored is not JSON for `T`. The same holds for the other reads.
    pub fn get(&mut self, key: impl AsRef<[u8]>) -> Result<Option<impl Deref<Target = T>>> {
        self.handle.select(key.as_ref());
        self.handle.get(&[])
    }

    /// The document under a key, to be changed. It counts as changed even if it isn't.
    ///
    /// # Errors
    ///
    /// As [`Value::get`].
    pub fn get_mut(&mut self, key: impl AsRef<[u8]>) -> Result<Option<RefMut<'_, T>>> {
        self.handle.select(key.as_ref());
        self.handle.get_mut(&[])
    }

    /// The document under a key, to be changed; `make` makes it if there is none.
    ///
    /// # Errors
    ///
    /// As [`Value::get`].
    pub fn get_or_insert_with(
        &mut self,
        key: impl AsRef<[u8]>,
        make: impl FnOnce() -> T,
    ) -> Result<RefMut<'_, T>> {
        self.handle.select(key.as_ref());
        self.handle.get_or_insert_with(&[], make)
    }

    /// Set the document under a key. Reads nothing.
    pub fn set(&mut self, key: impl AsRef<[u8]>, document: T) {
        self.handle.select(key.as_ref());
        self.handle.set(&[], document);
    }

    /// Remove the document under a key. Reads nothing.
    pub fn remove(&mut self, key: impl AsRef<[u8]>) {
        self.handle.select(key.as_ref());
        self.handle.remove(&[]);
    }

    /// Announce that the documents under these keys will be read.
    pub fn prefetch(&mut self, keys: impl IntoIterator<Item: AsRef<[u8]>>) {
        self.handle.prefetch(keys.into_iter().map(|key| (key, [])));
    }
}
