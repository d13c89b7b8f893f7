//! Nexmark's query 0, each bid as it is: `<auction>/<bidder>` → the latest bid.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::native::table::Table;
use crate::native::{Commands, Job, Message, Origin};

/// The bids.
pub struct PassThrough {
    bids: Table<Bid>,
    /// The id of the bid that is applied; its memory is used again.
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
    price: u64,
    #[serde(borrow, default)]
    channel: Cow<'a, str>,
    #[serde(borrow, default)]
    url: Cow<'a, str>,
    date_time: u64,
}

/// A document of the view.
#[derive(Serialize, Deserialize)]
struct Bid {
    auction: u64,
    bidder: u64,
    price: u64,
    channel: String,
    url: String,
    date_time: u64,
}

impl PassThrough {
    /// The job with its view under this name.
    pub fn open(projection: &str, origin: &Origin) -> anyhow::Result<PassThrough> {
        Ok(PassThrough { bids: Table::open(format!("{projection}:bids"), origin)?, id: String::new() })
    }
}

impl Job for PassThrough {
    fn apply(&mut self, message: &Message<'_>) -> anyhow::Result<()> {
        let event: Event<'_> = serde_json::from_slice(message.content()?)?;
        if event.kind != "Bid" {
            return Ok(());
        }
        let Event { auction, bidder, price, channel, url, date_time, .. } = event;
        let bid = Bid { auction, bidder, price, channel: channel.into_owned(), url: url.into_owned(), date_time };
        super::write_id(&mut self.id, auction, bidder)?;
        self.bids.set(&self.id, Some(bid));
        Ok(())
    }

    fn take(&mut self, commands: &mut Commands) -> anyhow::Result<()> {
        self.bids.take(commands)
    }
}
