//! A projection whose views hang on more than its events, in the way that its operator sets. The purity check must find each.

use std::collections::HashSet;

use lantern_sdk::prelude::*;

#[derive(Deserialize)]
struct Visit {
    page: String,
    seconds: i64,
}

/// What a plugin must not remember from event to event.
#[derive(Default)]
struct Memory {
    events: u64,
    seconds: i64,
    seen: HashSet<String>,
    buffer: Vec<i64>,
    batch: usize,
}

struct Impure {
    deed: String,
    pages: Table<String>,
    totals: Counters,
    news: List,
    memory: Memory,
}

impl Projection for Impure {
    const NAME: &'static str = "impure";
    const TOPICS: &'static [&'static str] = &["visits"];

    fn new(views: &mut Views) -> Self {
        Self {
            deed: lantern_sdk::config("deed").unwrap_or_default(),
            pages: views.table("pages"),
            totals: views.counters("totals"),
            news: views.list("news", 5),
            memory: Memory::default(),
        }
    }

    fn prefetch(&mut self, events: &Events<'_>) {
        self.memory.batch = events.iter().len();
        match self.deed.as_str() {
            "counts-batches" => self.totals.add("batches", 1),
            "forgets-with-the-batch" => self.memory.seen.clear(),
            _ => {}
        }
    }

    fn apply(&mut self, event: &Event<'_>) -> Result<()> {
        let Visit { page, seconds } = event.json()?;
        let own = format!("{}/{page}", event.partition());
        self.memory.events += 1;
        match self.deed.as_str() {
            // Memory.
            "numbers-events" => self.pages.set(own, self.memory.events.to_string()),
            "sums-in-a-field" => {
                self.memory.seconds += seconds;
                self.pages.set(own, self.memory.seconds.to_string());
            }
            "knows-what-it-has-seen" => {
                if self.memory.seen.insert(page) {
                    self.totals.add("pages", 1);
                }
            }
            "writes-every-tenth" => {
                self.memory.buffer.push(seconds);
                if self.memory.buffer.len() == 10 {
                    self.totals.add("seconds", self.memory.buffer.drain(..).sum());
                }
            }
            // Batches.
            "counts-batches" => {}
            "writes-the-batch" => self.pages.set(own, self.memory.batch.to_string()),
            "forgets-with-the-batch" => {
                if self.memory.seen.insert(page) {
                    self.totals.add("pages", 1);
                }
            }
            // Partitions.
            "last-one-wins" => self.pages.set("last", own),
            "first-one-wins" => {
                if self.pages.get(&page)?.is_none() {
                    self.pages.set(page, own);
                }
            }
            "pushes-from-everywhere" => self.news.push(own),
            // None at all.
            _ => {
                self.totals.add(page, seconds);
                self.pages.set(own, seconds.to_string());
            }
        }
        Ok(())
    }
}

export!(Impure);
