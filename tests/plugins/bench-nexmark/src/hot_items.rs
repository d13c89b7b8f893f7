//! Like query 5, the auctions with the most bids in each window: `ZREVRANGE bench-nexmark:hot:<window> 0 9`.

use lantern_sdk::prelude::*;

use super::window_of;

#[derive(Deserialize)]
enum MarketEvent {
    Bid { date_time: u64 },
}

const TYPES: EventTypes = EventTypes::in_field("type").ignore(&["Person", "Auction"]);

pub(crate) struct HotItems(Keyed<Ranking>);

impl HotItems {
    pub(crate) fn new(views: &mut Views) -> Self {
        Self(views.keyed_ranking("hot"))
    }

    pub(crate) fn apply(&mut self, event: &Event<'_>) -> Result<()> {
        if let Some(MarketEvent::Bid { date_time }) = event.json_by(&TYPES)? {
            self.0.key(window_of(date_time).to_string()).add(event.key_str()?, 1);
        }
        Ok(())
    }
}
