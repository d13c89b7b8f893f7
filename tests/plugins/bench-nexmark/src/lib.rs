//! Queries of the Nexmark benchmark as projections, all on one topic of persons, auctions and bids. The operator says which
//! by `query`: `pass-through`, `average`, `hot-items` or `highest-bid`.
//!
//! Auctions and their bids have the auction's id as key, so all of an auction is in one partition. What is of several
//! auctions is counted, which may be done from every partition, or kept apart by partition.

mod average;
mod highest_bid;
mod hot_items;
mod pass_through;

use lantern_sdk::prelude::*;

use average::Average;
use highest_bid::HighestBid;
use hot_items::HotItems;
use pass_through::PassThrough;

const WINDOW_MS: u64 = 10_000;

enum Query {
    PassThrough(PassThrough),
    Average(Average),
    HotItems(HotItems),
    HighestBid(HighestBid),
}

impl Projection for Query {
    const NAME: &'static str = "bench-nexmark";
    const TOPICS: &'static [&'static str] = &["nexmark-events"];

    fn new(views: &mut Views) -> Self {
        match lantern_sdk::config("query").as_deref() {
            None | Some("pass-through") => Self::PassThrough(PassThrough::new(views)),
            Some("average") => Self::Average(Average::new(views)),
            Some("hot-items") => Self::HotItems(HotItems::new(views)),
            Some("highest-bid") => Self::HighestBid(HighestBid::new(views)),
            Some(other) => panic!("there is no query `{other}`"),
        }
    }

    fn prefetch(&mut self, events: &Events<'_>) {
        if let Self::Average(query) = self {
            query.prefetch(events);
        }
    }

    fn apply(&mut self, event: &Event<'_>) -> Result<()> {
        match self {
            Self::PassThrough(query) => query.apply(event),
            Self::Average(query) => query.apply(event),
            Self::HotItems(query) => query.apply(event),
            Self::HighestBid(query) => query.apply(event),
        }
    }
}

/// The window that a time in milliseconds falls into: its beginning in seconds since 1970.
fn window_of(time: u64) -> u64 {
    time / WINDOW_MS * (WINDOW_MS / 1000)
}

export!(Query);
