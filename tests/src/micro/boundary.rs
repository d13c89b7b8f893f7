//! What it costs an event to cross into a plugin and back, by the host's own sandbox, without any server.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use lantern::event::Batch;
use lantern::limits::Limits;
use lantern::op::{CellRef, Query, Refused, Value, Write};
use lantern::projection::{LaneId, Share};
use lantern::sandbox::wasm::{Cache, Engine, WasmModule};
use lantern::sandbox::{Instance, Module, ViewError, Views};

use super::{Case, ITEMS, Ready, batch};
use crate::artefacts;

/// Batches of several sizes, as input only and with one write an event.
pub const CASES: &[Case] = &[
    Case { name: "boundary/input in batches of 1", start: || start(INPUT, 1) },
    Case { name: "boundary/input in batches of 10", start: || start(INPUT, 10) },
    Case { name: "boundary/input in batches of 100", start: || start(INPUT, 100) },
    Case { name: "boundary/input in batches of 1000", start: || start(INPUT, 1000) },
    Case { name: "boundary/with a write in batches of 1", start: || start(WITH_A_WRITE, 1) },
    Case { name: "boundary/with a write in batches of 10", start: || start(WITH_A_WRITE, 10) },
    Case { name: "boundary/with a write in batches of 100", start: || start(WITH_A_WRITE, 100) },
    Case { name: "boundary/with a write in batches of 1000", start: || start(WITH_A_WRITE, 1000) },
];

/// The plugin `echo` writes in odd partitions.
const INPUT: u32 = 0;
const WITH_A_WRITE: u32 = 1;

fn start(partition: u32, size: usize) -> Ready {
    let limits = Limits::default();
    let engine = Engine::new(&limits).expect("the machine can run plugins");
    let module: WasmModule<Sink> =
        WasmModule::load(&engine, &Cache::none(), &limits, &artefacts::plugin("echo")).expect("echo is a plugin");
    let lane = LaneId { projection: "echo".into(), generation: 1, share: Share::Partition(partition) };
    let instance = module.instantiate(&lane, &[Arc::from("events")]).expect("echo starts");
    let input = Rc::new((RefCell::new(instance), batch::events(size, partition)));
    Ready::new(
        move || (input.clone(), Box::new(Sink::default())),
        |(input, views)| apply(&mut *input.0.borrow_mut(), &input.1, views),
    )
}

/// Applies as many batches as have the events of a run.
fn apply(instance: &mut impl Instance<Views = Sink>, batch: &Batch, mut views: Box<Sink>) -> Box<Sink> {
    for _ in 0..ITEMS / batch.len() {
        let (back, applied) = instance.apply(batch, views);
        applied.expect("echo takes every event");
        views = back;
    }
    views
}

/// Views that only take what comes.
#[derive(Default)]
struct Sink {
    bytes: usize,
}

impl Views for Sink {
    fn write(&mut self, write: &Write<'_>) -> Result<(), Refused> {
        self.bytes += write.member.len() + write.value.len();
        Ok(())
    }

    fn read(&mut self, _: Query, _: &CellRef<'_>) -> Result<Option<Value>, ViewError> {
        Ok(None)
    }

    fn prefetch(&mut self, _: &[CellRef<'_>]) -> Result<(), ViewError> {
        Ok(())
    }

    fn waited(&self) -> Duration {
        Duration::ZERO
    }
}
