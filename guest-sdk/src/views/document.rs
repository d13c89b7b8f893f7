//! Documents in a write-back cache: read and decoded once, encoded and written once per batch.

use std::cell::RefMut;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Kind;
use super::address::Address;
use super::cache::Cache;
use super::handle::{Handle, Member, Pending};
use crate::error::type_name;
use crate::host::Verb;
use crate::{Error, Result};

/// What is known of a document.
#[derive(Default)]
pub(crate) enum Document<T> {
    /// Nothing yet.
    #[default]
    Unread,
    /// There is none.
    Absent,
    /// Its present content.
    Present(T),
}

impl<T> Document<T> {
    fn as_mut(&mut self) -> Option<&mut T> {
        match self {
            Self::Present(document) => Some(document),
            Self::Unread | Self::Absent => None,
        }
    }
}

impl<T: Serialize + 'static> Pending for Document<T> {
    fn is_known(&self) -> bool {
        !matches!(self, Self::Unread)
    }

    fn structure_removed(&mut self) {
        *self = Self::Absent;
    }

    fn write(&mut self, to: &mut Member<'_>) -> Result<()> {
        match (self, to.kind) {
            (Self::Present(document), Kind::Value) => to.write_json(Verb::Set, document)?,
            (Self::Present(document), _) => to.write_json(Verb::Hset, document)?,
            (Self::Unread | Self::Absent, Kind::Value) => to.write(Verb::Del, &[]),
            (Self::Unread | Self::Absent, _) => to.write(Verb::Hdel, &[]),
        }
        Ok(())
    }
}

impl<T: Serialize + DeserializeOwned + 'static> Handle<Document<T>> {
    /// The document under an id of the selected structure, to look at.
    pub(crate) fn get(&self, id: &[u8]) -> Result<Option<RefMut<'_, T>>> {
        let (cache, place) = self.load(id)?;
        Ok(RefMut::filter_map(cache, |cache| cache.state_mut(place).as_mut()).ok())
    }

    /// The document under an id of the selected structure, to be changed.
    pub(crate) fn get_mut(&self, id: &[u8]) -> Result<Option<RefMut<'_, T>>> {
        let (cache, place) = self.load(id)?;
        if let Document::Absent = cache.state(place) {
            return Ok(None);
        }
        Ok(RefMut::filter_map(cache, |cache| cache.change(place).as_mut()).ok())
    }

    /// The document under an id of the selected structure, to be changed; made by `make` if there
    /// is none.
    pub(crate) fn get_or_insert_with(&self, id: &[u8], make: impl FnOnce() -> T) -> Result<RefMut<'_, T>> {
        let (cache, place) = self.load(id)?;
        Ok(RefMut::map(cache, |cache| {
            let document = cache.change(place);
            if let Document::Absent = document {
                *document = Document::Present(make());
            }
            document.as_mut().expect("it is present by now")
        }))
    }

    /// Set the document under an id of the selected structure.
    pub(crate) fn set(&self, id: &[u8], document: T) {
        self.change(id, |state| *state = Document::Present(document));
    }

    /// Remove the document under an id of the selected structure.
    pub(crate) fn remove(&self, id: &[u8]) {
        self.change(id, |state| *state = Document::Absent);
    }

    /// The place in the cache of a document that has been read.
    fn load(&self, id: &[u8]) -> Result<(RefMut<'_, Cache<Document<T>>>, u32)> {
        let mut cache = self.cache();
        let place = cache.place(&self.address.key, id);
        if !cache.state(place).is_known() {
            *cache.state_mut(place) = self.read(id)?;
        }
        Ok((cache, place))
    }

    #[cold]
    fn read(&self, id: &[u8]) -> Result<Document<T>> {
        let Address { view, kind, name, key, outbox } = &self.address;
        let host = outbox.host_for_read(*view);
        let stored = match kind {
            Kind::Value => host.get(*view, key),
            _ => host.hget(*view, key, id),
        };
        let Some(stored) = stored else {
            return Ok(Document::Absent);
        };
        serde_json::from_slice(&stored).map(Document::Present).map_err(|error| {
            let id = if id.is_empty() { key } else { id };
            Error::from(error).context(format_args!(
                "the document `{}` of view `{name}` can't be read as {}",
                String::from_utf8_lossy(id),
                type_name::<T>(),
            ))
        })
    }
}
