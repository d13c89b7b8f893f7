//! The latest state of each document: the plugin `bench-documents`.

use serde::{Deserialize, Serialize};

use crate::native::table::Table;
use crate::native::{Commands, Job, Message, Origin};

/// The documents.
pub struct Documents(Table<Document>);

/// An event of the topic, and a document of the view: they are the same.
#[derive(Serialize, Deserialize)]
struct Document {
    id: String,
    version: u64,
    title: String,
    author: String,
    tags: Vec<String>,
    body: String,
}

impl Documents {
    /// The job with its view under this name.
    pub fn open(projection: &str, origin: &Origin) -> anyhow::Result<Documents> {
        Ok(Documents(Table::open(format!("{projection}:documents"), origin)?))
    }
}

impl Job for Documents {
    fn apply(&mut self, message: &Message<'_>) -> anyhow::Result<()> {
        let document = message.payload.map(serde_json::from_slice).transpose()?;
        self.0.set(message.key_str()?, document);
        Ok(())
    }

    fn take(&mut self, commands: &mut Commands) -> anyhow::Result<()> {
        self.0.take(commands)
    }
}
