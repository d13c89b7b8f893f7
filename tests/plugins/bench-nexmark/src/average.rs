//! Like query 4, the average price of each category: of each auction counts the highest bid that came while it was open.
//! Averages can't be added, so sum and count are kept: `HGETALL bench-nexmark:prices`, `HGETALL bench-nexmark:sold`.

use lantern_sdk::prelude::*;

#[derive(Deserialize)]
enum MarketEvent {
    Auction { category: u64, expires: u64, date_time: u64 },
    Bid { price: i64, date_time: u64 },
}

const TYPES: EventTypes = EventTypes::in_field("type").ignore(&["Person"]);

#[derive(Serialize, Deserialize)]
struct Auction {
    category: u64,
    opened: u64,
    expires: u64,
    /// 0 = no bid yet.
    highest: i64,
}

pub(crate) struct Average {
    auctions: Table<Auction>,
    /// By category: the sum of the highest bids.
    prices: Counters,
    /// By category: how many auctions have had a bid.
    sold: Counters,
}

impl Average {
    pub(crate) fn new(views: &mut Views) -> Self {
        Self { auctions: views.table("auctions"), prices: views.counters("prices"), sold: views.counters("sold") }
    }

    pub(crate) fn prefetch(&mut self, events: &Events<'_>) {
        self.auctions.prefetch(events.keys());
    }

    pub(crate) fn apply(&mut self, event: &Event<'_>) -> Result<()> {
        let id = event.key_str()?;
        match event.json_by(&TYPES)? {
            Some(MarketEvent::Auction { category, expires, date_time }) => {
                self.auctions.set(id, Auction { category, opened: date_time, expires, highest: 0 });
            }
            Some(MarketEvent::Bid { price, date_time }) => self.bid(id, price, date_time)?,
            None => {}
        }
        Ok(())
    }

    fn bid(&mut self, id: &str, price: i64, time: u64) -> Result<()> {
        // Bids come for auctions that open later, too.
        let counts =
            |auction: &Auction| (auction.opened..=auction.expires).contains(&time) && price > auction.highest;
        if !self.auctions.get(id)?.is_some_and(|auction| counts(&auction)) {
            return Ok(());
        }
        let Some(mut auction) = self.auctions.get_mut(id)? else { return Ok(()) };
        let before = std::mem::replace(&mut auction.highest, price);
        let category = auction.category.to_string();
        self.prices.add(&category, price - before);
        if before == 0 {
            self.sold.add(&category, 1);
        }
        Ok(())
    }
}
