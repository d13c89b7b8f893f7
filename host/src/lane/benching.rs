//! What of a lane the micro-benchmarks reach: the layers of its writes, over a store that answers at once.

use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use super::{Blocking, Overlay, Settings};
use crate::op::{CellRef, Refused, Value};
use crate::projection::View;
use crate::store::{Cells, Error};

/// An overlay, and what moves its layers.
pub struct Layers {
    overlay: Overlay<Full>,
    commits: u64,
    acknowledged: watch::Sender<u64>,
    /// The overlay has a handle of it.
    _runtime: Runtime,
}

/// A store that has the same document in each cell.
pub struct Full;

impl Cells for Full {
    async fn read(&mut self, cells: &[CellRef<'_>]) -> Result<Vec<Option<Value>>, Error> {
        Ok(vec![Some(Value::Bytes([b'x'; 100].into())); cells.len()])
    }
}

impl Layers {
    /// Of a projection with these views, whose layers are all empty.
    pub fn new(views: Arc<[View]>) -> Self {
        let runtime = Builder::new_current_thread().build().expect("a runtime without drivers needs nothing");
        let entered = runtime.enter();
        let (acknowledged, receiver) = watch::channel(0);
        let settings = Settings { blocking: Blocking::Here, ..Settings::default() };
        let overlay = Overlay::new(views, Full, receiver, &settings);
        drop(entered);
        Self { overlay, commits: 0, acknowledged, _runtime: runtime }
    }

    /// What a plugin sees of them.
    pub fn overlay(&mut self) -> &mut Overlay<Full> {
        &mut self.overlay
    }

    /// Keeps what the batch has written.
    pub fn keep(&mut self) -> Result<(), Refused> {
        self.overlay.keep()
    }

    /// Sends on its way what is kept.
    pub fn send(&mut self) {
        self.commits += 1;
        self.overlay.send();
    }

    /// Lets the store acknowledge what is on its way.
    pub fn settle(&mut self) {
        self.acknowledged.send_replace(self.commits);
        self.overlay.settle();
        self.overlay.remember();
    }
}
