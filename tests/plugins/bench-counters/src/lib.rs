//! How often each page was viewed, and how many pages in each hour: `HGET bench-counters:pages /articles/7`, `HGETALL
//! bench-counters:hours`.

use std::borrow::Cow;

use lantern_sdk::prelude::*;

const HOUR_MS: i64 = 3_600_000;

#[derive(Deserialize)]
struct PageView<'a> {
    #[serde(borrow)]
    page: Cow<'a, str>,
}

struct Counts {
    pages: Counters,
    /// By hours since 1970, of event time.
    hours: Counters,
}

impl Projection for Counts {
    const NAME: &'static str = "bench-counters";
    const TOPICS: &'static [&'static str] = &["page-views"];

    fn new(views: &mut Views) -> Self {
        Self { pages: views.counters("pages"), hours: views.counters("hours") }
    }

    fn apply(&mut self, event: &Event<'_>) -> Result<()> {
        let PageView { page } = event.json()?;
        let time = event.timestamp().ok_or_else(|| Error::msg("the event has no time"))?;
        self.pages.add(&*page, 1);
        self.hours.add((time / HOUR_MS).to_string(), 1);
        Ok(())
    }
}

export!(Counts);
