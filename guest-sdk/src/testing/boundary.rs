//! A projection fed with a batch's columns as a host makes them; it gives the columns that it hands over. For tests that hold a
//! host against this crate, byte by byte. Not an interface.

use std::cell::RefCell;
use std::rc::Rc;

use super::Failure;
use crate::Projection;
use crate::batch::Batch;
use crate::host::Host;
use crate::runner::Runner;

/// A block of writes: its heads and its data.
pub type Block = (Vec<u32>, Vec<u8>);

/// Applies one batch to a projection whose views are empty, and gives the blocks of writes that it hands over, in order.
///
/// # Errors
///
/// When the projection can't apply an event.
///
/// # Panics
///
/// When the columns are not as the contract says, or the projection panics.
pub fn apply<P: Projection>(events: &[u64], ends: &[u32], data: &[u8]) -> Result<Vec<Block>, Failure> {
    let batch = Batch { events: events.into(), ends: ends.into(), data: data.into() };
    let recorder = Rc::new(Recorder::default());
    Runner::<P>::new(recorder.clone()).apply(&batch)?;
    Ok(recorder.blocks.take())
}

/// Keeps what is handed over, and has nothing to read.
#[derive(Default)]
struct Recorder {
    blocks: RefCell<Vec<Block>>,
}

impl Host for Recorder {
    fn hget(&self, _view: u32, _key: &[u8], _field: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn zscore(&self, _view: u32, _key: &[u8], _member: &[u8]) -> Option<f64> {
        None
    }

    fn sismember(&self, _view: u32, _key: &[u8], _member: &[u8]) -> bool {
        false
    }

    fn get(&self, _view: u32, _key: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn prefetch(&self, _view: u32, _ends: &[u32], _data: &[u8]) {}

    fn write(&self, heads: &[u32], data: &[u8]) {
        self.blocks.borrow_mut().push((heads.into(), data.into()));
    }
}
