//! The workloads: events, what is made of them with Lantern and without, and what must come out.

mod documents;
mod market;
mod page_views;
#[cfg(test)]
mod tests;
mod views;

pub use views::Views;

use std::fmt;
use std::path::PathBuf;

use clap::ValueEnum;
use lantern_tests::bank::{Bank, BankViews};
use lantern_tests::{Event, artefacts};

use crate::native::{
    Balances, Counts, Documents, HighestBid, HotItems, Job, NewSellers, Origin, PassThrough, PriceByCategory,
};

const ACCOUNTS: u64 = 20_000;
const PAYLOAD_BYTES: usize = 190;

/// How unevenly the accounts of `balances-zipf` are used: half of all events are of about 30 of them.
const SKEW: f64 = 1.1;

/// A topic, and what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Workload {
    /// The latest balance of 20,000 accounts, from events of 200 bytes, and totals of all
    Balances,
    /// The same where few accounts have most of the events (Zipf 1.1)
    BalancesZipf,
    /// The latest state of 20,000 documents of 1 KB, some of which are deleted
    Documents,
    /// How often each page was viewed, and how many pages in each hour
    Counters,
    /// Nexmark's query 0: each bid as it is
    NexmarkQ0,
    /// Like Nexmark's query 4: the average price of each category
    NexmarkQ4,
    /// Like Nexmark's query 5: the auctions with the most bids in each window
    NexmarkQ5,
    /// Like Nexmark's query 7: the highest bid of each window
    NexmarkQ7,
    /// Like Nexmark's query 8: who has opened an auction in the window in which they came
    NexmarkQ8,
}

impl Workload {
    /// The name of the projection, with which the keys of its views begin, and by which its checkpoint is found.
    pub fn projection(self) -> &'static str {
        match self {
            Workload::Balances | Workload::BalancesZipf => "balances",
            Workload::Documents => "documents",
            Workload::Counters => "counters",
            Workload::NexmarkQ0 => "nexmark-q0",
            Workload::NexmarkQ4 => "nexmark-q4",
            Workload::NexmarkQ5 => "nexmark-q5",
            Workload::NexmarkQ7 => "nexmark-q7",
            Workload::NexmarkQ8 => "nexmark-q8",
        }
    }

    /// The topic that it reads. Several may read the same.
    pub fn topic(self) -> &'static str {
        match self {
            Workload::Balances => "account-events",
            Workload::BalancesZipf => "skewed-account-events",
            Workload::Documents => "documents",
            Workload::Counters => "page-views",
            _ => "nexmark-events",
        }
    }

    /// The plugin that does it on Lantern.
    pub fn plugin(self) -> PathBuf {
        artefacts::plugin(match self {
            Workload::Balances | Workload::BalancesZipf => "balances",
            Workload::Documents => "bench-documents",
            Workload::Counters => "bench-counters",
            Workload::NexmarkQ8 => "bench-new-sellers",
            _ => "bench-nexmark",
        })
    }

    /// What the operator sets for the plugin, as `--set` takes it.
    pub fn setting(self) -> Option<&'static str> {
        match self {
            Workload::NexmarkQ0 => Some("query=pass-through"),
            Workload::NexmarkQ4 => Some("query=average"),
            Workload::NexmarkQ5 => Some("query=hot-items"),
            Workload::NexmarkQ7 => Some("query=highest-bid"),
            _ => None,
        }
    }

    /// The job that does it without Lantern.
    pub fn job(self, origin: &Origin) -> anyhow::Result<Box<dyn Job>> {
        let name = self.projection();
        Ok(match self {
            Workload::Balances | Workload::BalancesZipf => Box::new(Balances::open(name, origin)?),
            Workload::Documents => Box::new(Documents::open(name, origin)?),
            Workload::Counters => Box::new(Counts::open(name, origin)?),
            Workload::NexmarkQ0 => Box::new(PassThrough::open(name, origin)?),
            Workload::NexmarkQ4 => Box::new(PriceByCategory::open(name, origin)?),
            Workload::NexmarkQ5 => Box::new(HotItems::open(name, origin)?),
            Workload::NexmarkQ7 => Box::new(HighestBid::open(name, origin)?),
            Workload::NexmarkQ8 => Box::new(NewSellers::open(name, origin)?),
        })
    }

    /// So many events for so many partitions: the same each time, and fewer are the first of more.
    pub fn events(self, events: u64, partitions: u32) -> Vec<Event> {
        let bank = |skew| Bank {
            events,
            accounts: ACCOUNTS,
            partitions,
            skew,
            payload_bytes_min: PAYLOAD_BYTES,
            ..Bank::default()
        };
        match self {
            Workload::Balances => bank(0.0).events().collect(),
            Workload::BalancesZipf => bank(SKEW).events().collect(),
            Workload::Documents => documents::events(events, partitions).collect(),
            Workload::Counters => page_views::events(events, partitions).collect(),
            _ => market::events(events, partitions).collect(),
        }
    }

    /// What the views must hold after these events: of a bank by a fold that shares nothing with any contender, of the
    /// others by the native job, which a test compares with the plugin.
    pub fn views(self, events: &[Event]) -> anyhow::Result<Views> {
        match self {
            Workload::Balances | Workload::BalancesZipf => Ok(Views::of_bank(BankViews::fold(events))),
            _ => Views::of_job(self, events),
        }
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        f.pad(value.as_ref().map_or("", |value| value.get_name()))
    }
}
