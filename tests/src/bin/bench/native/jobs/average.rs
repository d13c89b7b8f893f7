//! Like Nexmark's query 4, the average price of each category: of each auction counts the highest bid that came while it
//! was open. Sum and count are kept, for averages can't be added.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::native::counters::Counters;
use crate::native::table::Table;
use crate::native::{Commands, Job, Message, Origin};

/// The auctions, and what their categories come to.
pub struct PriceByCategory {
    auctions: Table<Auction>,
    /// By category: the sum of the highest bids.
    prices: Counters,
    /// By category: how many auctions have had a bid.
    sold: Counters,
}

/// What is read of an event.
#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(default)]
    category: u64,
    #[serde(default)]
    expires: u64,
    #[serde(default)]
    price: i64,
    date_time: u64,
}

/// A document of the view.
#[derive(Serialize, Deserialize)]
struct Auction {
    category: u64,
    opened: u64,
    expires: u64,
    /// 0 = no bid yet.
    highest: i64,
}

impl PriceByCategory {
    /// The job with its views under this name.
    pub fn open(projection: &str, origin: &Origin) -> anyhow::Result<PriceByCategory> {
        Ok(PriceByCategory {
            auctions: Table::open(format!("{projection}:auctions"), origin)?,
            prices: Counters::open(format!("{projection}:prices"), origin)?,
            sold: Counters::open(format!("{projection}:sold"), origin)?,
        })
    }

    fn bid(&mut self, id: &str, price: i64, time: u64) -> anyhow::Result<()> {
        // Bids come for auctions that open later, too.
        let Some(auction) = self.auctions.get(id)? else { return Ok(()) };
        if !(auction.opened..=auction.expires).contains(&time) || price <= auction.highest {
            return Ok(());
        }
        let Some(auction) = self.auctions.change(id)? else { return Ok(()) };
        let before = std::mem::replace(&mut auction.highest, price);
        let category = auction.category.to_string();
        self.prices.add(&category, price - before);
        if before == 0 {
            self.sold.add(&category, 1);
        }
        Ok(())
    }
}

impl Job for PriceByCategory {
    fn apply(&mut self, message: &Message<'_>) -> anyhow::Result<()> {
        let event: Event<'_> = serde_json::from_slice(message.content()?)?;
        let id = message.key_str()?;
        match &*event.kind {
            "Auction" => {
                let Event { category, expires, date_time: opened, .. } = event;
                self.auctions.set(id, Some(Auction { category, opened, expires, highest: 0 }));
                Ok(())
            }
            "Bid" => self.bid(id, event.price, event.date_time),
            _ => Ok(()),
        }
    }

    fn take(&mut self, commands: &mut Commands) -> anyhow::Result<()> {
        self.auctions.take(commands)?;
        self.prices.take(commands)?;
        self.sold.take(commands)
    }
}
