//! The latest state of each document: `HGET bench-documents:documents doc-42`. A tombstone removes it.

use lantern_sdk::prelude::*;

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

struct Documents(Table<Document>);

impl Projection for Documents {
    const NAME: &'static str = "bench-documents";
    const TOPICS: &'static [&'static str] = &["documents"];

    fn new(views: &mut Views) -> Self {
        Self(views.table("documents"))
    }

    fn apply(&mut self, event: &Event<'_>) -> Result<()> {
        let id = event.key_str()?;
        match event.json_unless_tombstone()? {
            Some(document) => self.0.set(id, document),
            None => self.0.remove(id),
        }
        Ok(())
    }
}

export!(Documents);
