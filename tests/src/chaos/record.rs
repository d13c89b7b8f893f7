//! What the broker has acknowledged: the truth that every view is compared with.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::event::Event;

/// An event, and where it stands.
#[derive(Clone, Debug)]
pub struct Appended {
    /// Its offset in its partition.
    pub offset: u64,
    /// What was appended.
    pub event: Arc<Event>,
}

/// All that was appended, as far as the producers know.
#[derive(Clone, Default)]
pub struct Record(Arc<Mutex<Pages>>);

/// What is in a record.
#[derive(Clone, Default)]
pub struct Pages {
    /// Acknowledged; in transactions, once these are committed.
    pub sure: Vec<Appended>,
    /// Transactions of which it is not known whether they were committed.
    pub unsure: Vec<Vec<Appended>>,
    /// Events of transactions that were aborted.
    pub aborted: Vec<Appended>,
    /// Transactions that were committed.
    pub committed: usize,
    /// Of each partition, the offset behind the last event that is sure.
    pub ends: BTreeMap<u32, u64>,
}

impl Record {
    /// These are acknowledged, for good.
    pub fn add(&self, events: impl IntoIterator<Item = Appended>) {
        self.with(|pages| {
            for appended in events {
                let end = pages.ends.entry(appended.event.partition).or_default();
                *end = (appended.offset + 1).max(*end);
                pages.sure.push(appended);
            }
        });
    }

    /// The same, in a transaction.
    pub fn commit(&self, events: Vec<Appended>) {
        self.add(events);
        self.with(|pages| pages.committed += 1);
    }

    /// A transaction was aborted.
    pub fn abort(&self, events: Vec<Appended>) {
        self.with(|pages| pages.aborted.extend(events));
    }

    /// A transaction has ended one way or the other.
    pub fn doubt(&self, events: Vec<Appended>) {
        self.with(|pages| pages.unsure.push(events));
    }

    /// Of each partition, the offset behind the last event that is sure.
    pub fn ends(&self) -> BTreeMap<u32, u64> {
        self.with(|pages| pages.ends.clone())
    }

    /// Everything, once the producers have ended.
    pub fn take(&self) -> Pages {
        self.with(std::mem::take)
    }

    fn with<T>(&self, act: impl FnOnce(&mut Pages) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
