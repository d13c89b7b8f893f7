//! How often each page was viewed, and how many pages in each hour: the plugin `bench-counters`.

use std::borrow::Cow;

use serde::Deserialize;

use crate::native::counters::Counters;
use crate::native::{Commands, Job, Message, Origin};

const HOUR_MS: i64 = 3_600_000;

/// The counters.
pub struct Counts {
    pages: Counters,
    hours: Counters,
}

/// What is read of an event.
#[derive(Deserialize)]
struct PageView<'a> {
    #[serde(borrow)]
    page: Cow<'a, str>,
}

impl Counts {
    /// The job with its views under this name.
    pub fn open(projection: &str, origin: &Origin) -> anyhow::Result<Counts> {
        Ok(Counts {
            pages: Counters::open(format!("{projection}:pages"), origin)?,
            hours: Counters::open(format!("{projection}:hours"), origin)?,
        })
    }
}

impl Job for Counts {
    fn apply(&mut self, message: &Message<'_>) -> anyhow::Result<()> {
        let view: PageView<'_> = serde_json::from_slice(message.content()?)?;
        self.pages.add(&view.page, 1);
        self.hours.add(&(message.timestamp / HOUR_MS).to_string(), 1);
        Ok(())
    }

    fn take(&mut self, commands: &mut Commands) -> anyhow::Result<()> {
        self.pages.take(commands)?;
        self.hours.take(commands)
    }
}
