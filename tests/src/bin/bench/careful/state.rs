//! The state in memory, and the batch of what has changed in it.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use crate::job::{Account, Event, Totals};

/// All accounts, and which of them the current batch has touched.
#[derive(Default)]
pub struct State {
    index: HashMap<String, usize>,
    accounts: Vec<Account>,
    totals: Totals,
    changed: Vec<usize>,
    /// By account: the batch that touched it last.
    touched: Vec<u64>,
    batch: u64,
    offsets: BTreeMap<i32, i64>,
    pending: u64,
}

/// What one transaction writes.
pub struct Batch {
    /// Ids and documents, one behind the other.
    bytes: Vec<u8>,
    /// Where each id and each document ends.
    ends: Vec<(usize, usize)>,
    /// All totals.
    pub totals: Totals,
    /// By partition: the next offset.
    pub offsets: BTreeMap<i32, i64>,
}

impl State {
    /// A state as it was stored.
    pub fn restored(accounts: Vec<Account>, totals: Totals) -> State {
        let index = accounts.iter().enumerate().map(|(n, account)| (account.id().to_owned(), n)).collect();
        State { index, touched: vec![0; accounts.len()], accounts, totals, batch: 1, ..State::default() }
    }

    /// How many events were applied since the last batch was taken.
    pub fn pending(&self) -> u64 {
        self.pending
    }

    /// Applies an event.
    pub fn apply(&mut self, partition: i32, offset: i64, payload: &[u8]) -> anyhow::Result<()> {
        let event: Event<'_> = serde_json::from_slice(payload)?;
        let effect = event.effect();
        self.totals.count(effect);
        if let Some(effect) = effect {
            let n = self.account(&event.account);
            self.accounts[n].apply(&event, effect);
            if std::mem::replace(&mut self.touched[n], self.batch) != self.batch {
                self.changed.push(n);
            }
        }
        self.offsets.insert(partition, offset + 1);
        self.pending += 1;
        Ok(())
    }

    /// Everything that has changed since the last batch was taken.
    pub fn take_batch(&mut self) -> anyhow::Result<Batch> {
        let mut bytes = Vec::with_capacity(self.changed.len() * 96);
        let mut ends = Vec::with_capacity(self.changed.len());
        for n in self.changed.drain(..) {
            let account = &self.accounts[n];
            bytes.extend_from_slice(account.id().as_bytes());
            let id_end = bytes.len();
            serde_json::to_writer(&mut bytes, account)?;
            ends.push((id_end, bytes.len()));
        }
        self.batch += 1;
        self.pending = 0;
        Ok(Batch { bytes, ends, totals: self.totals, offsets: std::mem::take(&mut self.offsets) })
    }

    fn account(&mut self, id: &str) -> usize {
        if let Some(n) = self.index.get(id) {
            return *n;
        }
        let n = self.accounts.len();
        self.accounts.push(Account::new(id));
        self.touched.push(0);
        self.index.insert(id.to_owned(), n);
        n
    }
}

impl Batch {
    /// Whether no account has changed.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Ids and documents of the accounts that changed.
    pub fn documents(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|(_, end)| *end));
        starts
            .zip(&self.ends)
            .map(|(start, (id_end, end))| (&self.bytes[start..*id_end], &self.bytes[*id_end..*end]))
    }
}
