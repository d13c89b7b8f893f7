//! Query 0, each bid as it is: `HGET bench-nexmark:bids <auction>/<bidder>` is the latest.

use lantern_sdk::prelude::*;

#[derive(Deserialize)]
enum MarketEvent {
    Bid(Bid),
}

const TYPES: EventTypes = EventTypes::in_field("type").ignore(&["Person", "Auction"]);

#[derive(Serialize, Deserialize)]
struct Bid {
    auction: u64,
    bidder: u64,
    price: u64,
    channel: String,
    url: String,
    date_time: u64,
}

pub(crate) struct PassThrough(Table<Bid>);

impl PassThrough {
    pub(crate) fn new(views: &mut Views) -> Self {
        Self(views.table("bids"))
    }

    pub(crate) fn apply(&mut self, event: &Event<'_>) -> Result<()> {
        if let Some(MarketEvent::Bid(bid)) = event.json_by(&TYPES)? {
            self.0.set(format!("{}/{}", bid.auction, bid.bidder), bid);
        }
        Ok(())
    }
}
