//! Like Nexmark's query 7, the highest bid of each window: a ranking a window, in which each partition has its best one,
//! so that the first of them is the highest of all.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{window_of, write_id};
use crate::native::rankings::Rankings;
use crate::native::table::Table;
use crate::native::{Commands, Job, Message, Origin};

/// The rankings, and what is in them.
pub struct HighestBid {
    highest: Rankings,
    /// `<window>/<partition>` → the partition's best bid.
    best: Table<Best>,
    /// The id of the row that is looked at; its memory is used again.
    id: String,
}

/// What is read of an event.
#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(default)]
    auction: u64,
    #[serde(default)]
    bidder: u64,
    #[serde(default)]
    price: i64,
    date_time: u64,
}

/// A document of the view.
#[derive(Serialize, Deserialize)]
struct Best {
    /// `<auction>/<bidder>`.
    bid: String,
    price: i64,
}

impl HighestBid {
    /// The job with its views under this name.
    pub fn open(projection: &str, origin: &Origin) -> anyhow::Result<HighestBid> {
        Ok(HighestBid {
            highest: Rankings::open(format!("{projection}:highest:"), origin)?,
            best: Table::open(format!("{projection}:best"), origin)?,
            id: String::new(),
        })
    }
}

impl Job for HighestBid {
    fn apply(&mut self, message: &Message<'_>) -> anyhow::Result<()> {
        let event: Event<'_> = serde_json::from_slice(message.content()?)?;
        if event.kind != "Bid" {
            return Ok(());
        }
        let window = window_of(event.date_time);
        write_id(&mut self.id, window, message.partition)?;
        if self.best.get(&self.id)?.is_some_and(|best| best.price >= event.price) {
            return Ok(());
        }
        let bid = format!("{}/{}", event.auction, event.bidder);
        let window = window.to_string();
        self.highest.set(&window, &bid, Some(event.price));
        let before = self.best.change(&self.id)?.replace(Best { bid: bid.clone(), price: event.price });
        if let Some(before) = before.filter(|before| before.bid != bid) {
            self.highest.set(&window, &before.bid, None);
        }
        Ok(())
    }

    fn take(&mut self, commands: &mut Commands) -> anyhow::Result<()> {
        self.highest.take(commands)?;
        self.best.take(commands)
    }
}
