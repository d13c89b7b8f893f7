//! The native contenders: the same jobs without Lantern, by consumers that are written by hand for this one process.
//!
//! A [`Job`] keeps the views of a workload in memory and says what has changed; the consumers differ in how they read,
//! batch and write. Lantern's code is nowhere in here.

mod best;
mod careful;
mod cells;
mod checkpoint;
mod commands;
mod consumer;
mod counters;
mod job;
mod jobs;
mod naive;
mod origin;
mod rankings;
mod table;

pub use commands::Commands;
pub use job::{Job, Message};
pub use jobs::{Balances, Counts, Documents, HighestBid, HotItems, NewSellers, PassThrough, PriceByCategory};
pub use origin::Origin;

use crate::args::Addresses;

/// How a consumer is written.
#[derive(Clone, Copy)]
pub enum Consumer {
    /// As well as it gets: messages by the batch, three threads, the protocol of Redis by hand.
    Best,
    /// As a careful engineer does it with the usual libraries.
    Careful,
    /// As it is done on a first afternoon.
    Naive,
}

/// Consumes for ever.
pub fn run(consumer: Consumer, addresses: &Addresses) -> anyhow::Result<()> {
    match consumer {
        Consumer::Best => best::run(addresses),
        Consumer::Careful => careful::run(addresses),
        Consumer::Naive => naive::run(addresses),
    }
}
