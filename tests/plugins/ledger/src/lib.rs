//! What only one lane for all partitions can keep: every event gets the next number of a single sequence, which is read
//! and written again each time. And what a cutover moves key by key: a list and a document for each account.
//!
//! The operator may set `shelf`, which all accounts' keys begin with: then a rebuild gives other keys than there were.

use lantern_sdk::prelude::*;

struct Ledger {
    /// `next` → the number that the next event gets.
    sequence: Table<u64>,
    /// `<shelf><account>` → the numbers of its events, the newest first.
    entries: Keyed<List>,
    /// `<shelf><account>` → the number of its newest event.
    newest: Value<u64>,
    shelf: String,
}

impl Projection for Ledger {
    const NAME: &'static str = "ledger";
    const TOPICS: &'static [&'static str] = &["account-events"];
    const ORDERING: Ordering = Ordering::Global;

    fn new(views: &mut Views) -> Self {
        Self {
            sequence: views.table("sequence"),
            entries: views.keyed_list("entries", 10_000),
            newest: views.value("newest"),
            shelf: lantern_sdk::config("shelf").unwrap_or_default(),
        }
    }

    fn apply(&mut self, event: &Event<'_>) -> Result<()> {
        let account = String::from_utf8_lossy(event.key().unwrap_or_default());
        let key = format!("{}{account}", self.shelf);
        let mut next = self.sequence.get_or_default("next")?;
        self.entries.key(&key).push(next.to_string());
        self.newest.set(&key, *next);
        *next += 1;
        Ok(())
    }
}

export!(Ledger);
