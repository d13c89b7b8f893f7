//! Like Nexmark's query 5, the auctions with the most bids in each window: a ranking a window.

use std::borrow::Cow;

use serde::Deserialize;

use super::window_of;
use crate::native::rankings::Rankings;
use crate::native::{Commands, Job, Message, Origin};

/// The rankings.
pub struct HotItems(Rankings);

/// What is read of an event.
#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    date_time: u64,
}

impl HotItems {
    /// The job with its view under this name.
    pub fn open(projection: &str, origin: &Origin) -> anyhow::Result<HotItems> {
        Ok(HotItems(Rankings::open(format!("{projection}:hot:"), origin)?))
    }
}

impl Job for HotItems {
    fn apply(&mut self, message: &Message<'_>) -> anyhow::Result<()> {
        let event: Event<'_> = serde_json::from_slice(message.content()?)?;
        if event.kind == "Bid" {
            self.0.add(&window_of(event.date_time).to_string(), message.key_str()?, 1);
        }
        Ok(())
    }

    fn take(&mut self, commands: &mut Commands) -> anyhow::Result<()> {
        self.0.take(commands)
    }
}
