//! What the plugins do, as it is written without Lantern: one file a workload.

mod average;
mod balances;
mod counts;
mod documents;
mod highest_bid;
mod hot_items;
mod new_sellers;
mod pass_through;

pub use average::PriceByCategory;
pub use balances::Balances;
pub use counts::Counts;
pub use documents::Documents;
pub use highest_bid::HighestBid;
pub use hot_items::HotItems;
pub use new_sellers::NewSellers;
pub use pass_through::PassThrough;

use std::fmt::{Display, Write};

/// The windows of event time in which the Nexmark queries look at what happens.
const WINDOW_MS: u64 = 10_000;

/// The window that a time in milliseconds falls into: its beginning in seconds since 1970.
fn window_of(time: u64) -> u64 {
    time / WINDOW_MS * (WINDOW_MS / 1000)
}

/// Writes `<one>/<other>` over what was there.
fn write_id(id: &mut String, one: impl Display, other: impl Display) -> anyhow::Result<()> {
    id.clear();
    Ok(write!(id, "{one}/{other}")?)
}
