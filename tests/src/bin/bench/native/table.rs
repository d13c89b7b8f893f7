//! Documents by id, in Redis a hash of JSON.

use std::collections::HashMap;

use redis::cmd;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::cells::Cells;
use super::commands::Commands;
use super::origin::Origin;

/// The documents.
pub struct Table<T> {
    key: String,
    documents: Cells<T>,
    origin: Origin,
}

impl<T: Serialize + DeserializeOwned> Table<T> {
    /// The documents of the hash under this key.
    pub fn open(key: String, origin: &Origin) -> anyhow::Result<Table<T>> {
        let stored: HashMap<String, String> = origin.load(cmd("HGETALL").arg(&key))?;
        let mut documents = Cells::default();
        for (id, document) in stored {
            documents.restore(&id, Some(serde_json::from_str(&document)?));
        }
        Ok(Table { key, documents, origin: origin.clone() })
    }

    /// The document under an id, to look at.
    pub fn get(&mut self, id: &str) -> anyhow::Result<Option<&T>> {
        self.fetch(id)?;
        Ok(self.documents.get(id))
    }

    /// The document under an id, to be changed or removed.
    pub fn change(&mut self, id: &str) -> anyhow::Result<&mut Option<T>> {
        self.fetch(id)?;
        Ok(self.documents.change(id))
    }

    /// Sets or removes the document under an id, whatever it was.
    pub fn set(&mut self, id: &str, document: Option<T>) {
        *self.documents.change(id) = document;
    }

    /// Appends what writes the changes.
    pub fn take(&mut self, commands: &mut Commands) -> anyhow::Result<()> {
        commands.add("HSET", &self.key, |set| {
            for (id, document) in self.documents.changed() {
                if let Some(document) = document {
                    set.word(id);
                    set.json(document)?;
                }
            }
            Ok(())
        })?;
        commands.add("HDEL", &self.key, |remove| {
            let removed = self.documents.changed().filter(|(_, document)| document.is_none());
            removed.for_each(|(id, _)| remove.word(id));
            Ok(())
        })?;
        self.documents.settle();
        if !self.origin.keeps_all() {
            self.documents.forget();
        }
        Ok(())
    }

    fn fetch(&mut self, id: &str) -> anyhow::Result<()> {
        if self.origin.keeps_all() || self.documents.knows(id) {
            return Ok(());
        }
        let stored: Option<String> = self.origin.ask(cmd("HGET").arg(&self.key).arg(id))?;
        let document = stored.map(|document| serde_json::from_str(&document)).transpose()?;
        self.documents.restore(id, document);
        Ok(())
    }
}
