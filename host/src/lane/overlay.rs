//! What a plugin sees of its views: what the store has, and over it what the lane has written and the store has not
//! acknowledged yet. It never writes to the store itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use hashbrown::HashSet;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::coop::unconstrained;

use super::ahead::Ahead;
use super::cache::Cache;
use super::{Blocking, Settings};
use crate::op::{Cell, CellRef, Changes, Query, Refused, Value, Write};
use crate::projection::View;
use crate::sandbox::{ViewError, Views};
use crate::store::{self, Cells};

/// Cells that are fetched at once ahead of their use: what they hold is in memory together.
const FETCH_CELLS: usize = 1_000;
/// Bytes of changes that the cache takes in without a thread of its own.
const TAKEN_IN_BYTES_MAX: usize = 64 << 10;

/// A lane's writes, in layers, over a cache of the store's cells.
pub struct Overlay<C> {
    views: Arc<[View]>,
    /// Of the batch that is being applied.
    current: Changes,
    /// Of batches that are applied and not yet on their way.
    pending: Changes,
    /// On its way to the store, with the number of its commit.
    in_flight: Option<(u64, Arc<Changes>)>,
    /// What the store has acknowledged, and the cache does not have yet.
    settled: Option<Arc<Changes>>,
    commits: u64,
    /// The number of the last commit that the store has acknowledged.
    acknowledged: watch::Receiver<u64>,
    cache: Cache,
    ahead: Ahead,
    cells: C,
    runtime: Handle,
    blocking: Blocking,
    waited: Duration,
}

/// What the layers know of a cell.
enum Known<'a> {
    /// What it holds, and what the lane has added to that.
    Value(Option<&'a Value>, i64),
    /// What the lane has added to the store's value since the commit of that number, if any was in flight.
    Added(i64, Option<u64>),
}

impl<C: Cells> Overlay<C> {
    pub(super) fn new(
        views: Arc<[View]>,
        cells: C,
        acknowledged: watch::Receiver<u64>,
        settings: &Settings,
    ) -> Self {
        let nothing = || Changes::new(views.len());
        Self {
            current: nothing(),
            pending: nothing(),
            in_flight: None,
            settled: None,
            commits: 0,
            acknowledged,
            cache: Cache::new(settings.cache_bytes_max),
            ahead: Ahead::default(),
            cells,
            runtime: Handle::current(),
            blocking: settings.blocking,
            waited: Duration::ZERO,
            views,
        }
    }

    /// The batch is applied: its writes are to be committed.
    pub(crate) fn keep(&mut self) -> Result<(), Refused> {
        let current = self.take_current();
        self.pending.append(&self.views, current)
    }

    /// The batch has failed: it has written nothing.
    pub(crate) fn discard(&mut self) {
        self.take_current();
    }

    /// What the batch that is being applied has written.
    pub(crate) fn written(&self) -> &Changes {
        &self.current
    }

    /// What a cell held before the batch that is being applied.
    pub(crate) fn before(&mut self, query: Query, cell: &CellRef<'_>) -> Result<Option<Value>, ViewError> {
        let current = self.take_current();
        let value = self.read(query, cell);
        self.current = current;
        value
    }

    /// What is kept and not yet on its way, to go back to.
    pub(crate) fn kept(&self) -> Changes {
        self.pending.clone()
    }

    /// Goes back to what was kept then, as if nothing had been written since.
    pub(crate) fn go_back(&mut self, kept: Changes) {
        self.pending = kept;
        self.discard();
    }

    fn take_current(&mut self) -> Changes {
        std::mem::replace(&mut self.current, Changes::new(self.views.len()))
    }

    /// Bytes written by batches that are not on their way yet.
    pub(super) fn pending_bytes(&self) -> usize {
        self.pending.bytes()
    }

    /// Sends the pending writes on their way. There must be none on its way.
    pub(super) fn send(&mut self) -> Arc<Changes> {
        debug_assert!(self.in_flight.is_none(), "one commit at a time");
        let changes = Arc::new(std::mem::replace(&mut self.pending, Changes::new(self.views.len())));
        self.commits += 1;
        self.in_flight = Some((self.commits, changes.clone()));
        changes
    }

    /// Notes what the store has acknowledged meanwhile, which is to be remembered before anything is read.
    pub(super) fn settle(&mut self) {
        let acknowledged = *self.acknowledged.borrow();
        if let Some((_, changes)) = self.in_flight.take_if(|(number, _)| *number <= acknowledged) {
            // There may be one left, if nothing was applied between two commits.
            self.remember();
            self.settled = Some(changes);
        }
    }

    /// Brings the cache up to date with what the store has acknowledged. That may be much, and keeps its thread.
    pub(super) fn remember(&mut self) {
        if let Some(changes) = self.settled.take() {
            // The store has let go of them by then, so nothing is copied.
            self.cache.update(Arc::unwrap_or_clone(changes));
        }
    }

    /// Whether it is known what the plugin will most likely read of a few events, and the cache has not much to take in before.
    pub(super) fn can_read_ahead(&self) -> bool {
        let mut waiting = self.in_flight.iter().map(|(_, changes)| changes).chain(&self.settled);
        let is_little = |changes: &Arc<Changes>| changes.bytes() <= TAKEN_IN_BYTES_MAX && !changes.clears();
        self.ahead.view().is_some() && waiting.all(is_little)
    }

    /// Fetches what the plugin will most likely read of events with these keys, and the lane does not know. Nothing may be
    /// committed until [`Overlay::take_in`] has it.
    pub(super) async fn read_ahead<'k, T: Copy>(
        &mut self,
        keys: impl Iterator<Item = (T, &'k [u8])>,
    ) -> Result<Vec<(T, Option<Value>)>, store::Error> {
        let Some(view) = self.ahead.view() else { return Ok(Vec::new()) };
        self.settle();
        self.remember();
        let (mut unknown, mut of, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
        for (event, member) in keys {
            let cell = CellRef { view, key: b"", member };
            if matches!(self.known(&cell), Ok(Known::Added(_, None))) && seen.insert(cell) {
                unknown.push(cell);
                of.push(event);
            }
        }
        let Some(first) = unknown.first() else { return Ok(Vec::new()) };
        match self.cells.read(&unknown).await {
            Ok(values) => {
                self.ahead.note_fetched(first.member);
                Ok(of.into_iter().zip(values).collect())
            }
            // It may be that the plugin does not ask for this at all.
            Err(store::Error::Refused { .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Takes in what was fetched of events with these keys.
    pub(super) fn take_in<'k>(&mut self, fetched: impl Iterator<Item = (&'k [u8], Option<Value>)>) {
        let Some(view) = self.ahead.view() else { return };
        let mut room = self.cache.bytes_max();
        for (member, value) in fetched {
            room = room.saturating_sub(value.as_ref().map_or(0, Value::bytes));
            if room == 0 {
                break;
            }
            self.cache.insert(&CellRef { view, key: b"", member }, value);
        }
    }

    /// A round of events with these keys is over.
    pub(super) fn learn<'k>(&mut self, keys: impl Iterator<Item = &'k [u8]>) {
        self.ahead.learn(keys);
    }

    fn known(&mut self, cell: &CellRef<'_>) -> Result<Known<'_>, Refused> {
        debug_assert!(self.settled.is_none(), "the cache has what the store has");
        let mut added = 0i64;
        let mut waits_for = None;
        let in_flight = self.in_flight.as_ref().map(|(number, changes)| (Some(*number), &**changes));
        for (number, layer) in [(None, &self.current), (None, &self.pending)].into_iter().chain(in_flight) {
            let Some(structure) = layer.structure(cell.view, cell.key) else { continue };
            match structure.cells.get(cell.member) {
                Some(Cell::Put(value)) => return Ok(Known::Value(Some(value), added)),
                Some(Cell::Remove) => return Ok(Known::Value(None, added)),
                None if structure.cleared => return Ok(Known::Value(None, added)),
                None => {}
                // By the time that the store is asked it will have these.
                Some(Cell::Add(_)) if number.is_some() => waits_for = number,
                Some(Cell::Add(delta)) => {
                    added = added.checked_add(*delta).ok_or_else(|| self.overflow(cell))?;
                }
            }
        }
        let cached = if waits_for.is_none() { self.cache.get(cell) } else { None };
        Ok(cached.map_or(Known::Added(added, waits_for), |value| Known::Value(value, added)))
    }

    fn sum(&self, cell: &CellRef<'_>, value: Option<Value>, added: i64) -> Result<Option<Value>, Refused> {
        match value {
            value if added == 0 => Ok(value),
            Some(value) => value.plus(added).map(Some).ok_or_else(|| self.overflow(cell)),
            None => Ok(Some(self.views[cell.view as usize].kind.number(added))),
        }
    }

    fn overflow(&self, cell: &CellRef<'_>) -> Refused {
        let member = String::from_utf8_lossy(cell.member).into_owned();
        Refused::Overflow { view: self.views[cell.view as usize].name.clone(), member }
    }

    /// Asks the store, after the commit of that number.
    fn fetch(&mut self, cells: &[CellRef<'_>], after: Option<u64>) -> Result<Vec<Option<Value>>, ViewError> {
        let started = Instant::now();
        cells.first().iter().for_each(|first| self.ahead.note_wait(first));
        let fetching = async {
            if let Some(number) = after {
                let acknowledged = self.acknowledged.wait_for(|last| *last >= number).await;
                acknowledged.map_err(|e| ViewError::Unavailable(Box::new(e)))?;
            }
            self.cells.read(cells).await.map_err(|e| ViewError::Unavailable(Box::new(e)))
        };
        let fetched = match self.blocking {
            Blocking::Threads | Blocking::Background => self.runtime.block_on(fetching),
            Blocking::Here => {
                let at_once = unconstrained(fetching).now_or_never();
                at_once.unwrap_or_else(|| Err(ViewError::Unavailable("the store does not answer at once".into())))
            }
        };
        self.waited += started.elapsed();
        let values = fetched?;
        self.settle();
        self.remember();
        Ok(values)
    }
}

impl<C: Cells> Views for Overlay<C> {
    fn write(&mut self, write: &Write<'_>) -> Result<(), Refused> {
        self.current.write(&self.views, write)
    }

    fn read(&mut self, query: Query, cell: &CellRef<'_>) -> Result<Option<Value>, ViewError> {
        query.check(&self.views, cell)?;
        match self.known(cell)? {
            Known::Value(value, added) => {
                let value = value.cloned();
                self.ahead.note_read(cell);
                if added == 0 { Ok(value) } else { Ok(self.sum(cell, value, added)?) }
            }
            Known::Added(added, after) => {
                let value = self.fetch(&[*cell], after)?.pop().flatten();
                self.cache.insert(cell, value.clone());
                Ok(self.sum(cell, value, added)?)
            }
        }
    }

    fn prefetch(&mut self, cells: &[CellRef<'_>]) -> Result<(), ViewError> {
        let (mut unknown, mut seen) = (Vec::new(), HashSet::new());
        let mut after = None;
        for cell in cells {
            Query::Prefetch.check(&self.views, cell)?;
            match self.known(cell)? {
                Known::Value(..) => self.ahead.note_read(cell),
                Known::Added(_, waits_for) => {
                    after = after.max(waits_for);
                    if seen.insert(*cell) {
                        unknown.push(*cell);
                    }
                }
            }
        }
        // What the cache has no room for would be fetched for nothing.
        let mut room = self.cache.bytes_max();
        for cells in unknown.chunks(FETCH_CELLS) {
            for (cell, value) in cells.iter().zip(self.fetch(cells, after)?) {
                room = room.saturating_sub(value.as_ref().map_or(0, Value::bytes));
                self.cache.insert(cell, value);
            }
            if room == 0 {
                break;
            }
        }
        Ok(())
    }

    fn waited(&self) -> Duration {
        self.waited
    }
}
