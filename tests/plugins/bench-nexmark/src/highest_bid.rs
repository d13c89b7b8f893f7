//! Like query 7, the highest bid of each window: `ZREVRANGE bench-nexmark:highest:<window> 0 0 WITHSCORES`.
//!
//! Bids of a window come from all partitions, and a maximum can't be added. So each partition keeps its own best bid in the
//! ranking, and the first of these few is the highest of all.

use lantern_sdk::prelude::*;

use super::window_of;

#[derive(Deserialize)]
enum MarketEvent {
    Bid { auction: u64, bidder: u64, price: i64, date_time: u64 },
}

const TYPES: EventTypes = EventTypes::in_field("type").ignore(&["Person", "Auction"]);

#[derive(Serialize, Deserialize)]
struct Best {
    /// `<auction>/<bidder>`, the member of the ranking.
    bid: String,
    price: i64,
}

pub(crate) struct HighestBid {
    highest: Keyed<Ranking>,
    /// `<window>/<partition>` → what the partition has in the ranking.
    best: Table<Best>,
}

impl HighestBid {
    pub(crate) fn new(views: &mut Views) -> Self {
        Self { highest: views.keyed_ranking("highest"), best: views.table("best") }
    }

    pub(crate) fn apply(&mut self, event: &Event<'_>) -> Result<()> {
        let Some(MarketEvent::Bid { auction, bidder, price, date_time }) = event.json_by(&TYPES)? else {
            return Ok(());
        };
        let window = window_of(date_time).to_string();
        let id = format!("{window}/{}", event.partition());
        let before = self.best.get(&id)?.map(|best| (best.bid.clone(), best.price));
        if before.as_ref().is_some_and(|(_, best)| *best >= price) {
            return Ok(());
        }
        let bid = format!("{auction}/{bidder}");
        let highest = self.highest.key(&window);
        if let Some((bid, _)) = before {
            highest.remove(bid);
        }
        highest.set(&bid, price as f64);
        self.best.set(&id, Best { bid, price });
        Ok(())
    }
}
