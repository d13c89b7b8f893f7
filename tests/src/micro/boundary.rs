//! What it costs an event to cross into a plugin and back, by the host's own sandbox, without any server.

use std::cell::RefCell;
use std::env;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use lantern::event::{Batch, Event};
use lantern::limits::Limits;
use lantern::op::{CellRef, Query, Refused, Value, Write};
use lantern::projection::{LaneId, Share};
use lantern::sandbox::wasm::{Cache, Engine, WasmModule};
use lantern::sandbox::{Instance, Module, ViewError, Views};

use super::{Case, ITEMS, Ready, batch};
use crate::artefacts;

/// Batches of several sizes, as input only and with one write an event.
pub const CASES: &[Case] = &[
    Case { name: "boundary/input in batches of 1", start: || start(full(1, INPUT)) },
    Case { name: "boundary/input in batches of 10", start: || start(full(10, INPUT)) },
    Case { name: "boundary/input in batches of 100", start: || start(full(100, INPUT)) },
    Case { name: "boundary/input in batches of 1000", start: || start(full(1000, INPUT)) },
    Case { name: "boundary/with a write in batches of 1", start: || start(full(1, WITH_A_WRITE)) },
    Case { name: "boundary/with a write in batches of 10", start: || start(full(10, WITH_A_WRITE)) },
    Case { name: "boundary/with a write in batches of 100", start: || start(full(100, WITH_A_WRITE)) },
    Case { name: "boundary/with a write in batches of 1000", start: || start(full(1000, WITH_A_WRITE)) },
];

/// Events without content. In the dev profile wasmtime copies byte by byte, and with content one would count hardly anything else.
pub const EMPTY: &[Case] = &[
    Case { name: "boundary/empty events in batches of 1", start: || start(empty(1, INPUT)) },
    Case { name: "boundary/empty events in batches of 100", start: || start(empty(100, INPUT)) },
    Case {
        name: "boundary/empty events with a write in batches of 100",
        start: || start(empty(100, WITH_A_WRITE)),
    },
];

/// The variable that names the file of the plugin `echo` to a process that is not to call cargo.
pub const ECHO: &str = "LANTERN_MICRO_ECHO";

/// The plugin `echo` writes in odd partitions.
const INPUT: u32 = 0;
const WITH_A_WRITE: u32 = 1;

fn full(size: usize, partition: u32) -> Batch {
    batch::events(size, partition)
}

fn empty(size: usize, partition: u32) -> Batch {
    let mut batch = Batch::default();
    let event = Event { topic: 0, partition, offset: 0, timestamp: 0, key: None, headers: b"", payload: None };
    (0..size as u64).for_each(|offset| batch.push(&Event { offset, ..event }));
    batch
}

fn start(batch: Batch) -> Ready {
    let limits = Limits::default();
    let engine = Engine::new(&limits).expect("the machine can run plugins");
    let echo = env::var_os(ECHO).map_or_else(|| artefacts::plugin("echo"), PathBuf::from);
    let module: WasmModule<Sink> =
        WasmModule::load(&engine, &Cache::none(), &limits, &echo).expect("echo is a plugin");
    let lane = LaneId { projection: "echo".into(), generation: 1, share: Share::Partition(0) };
    let instance = module.instantiate(&lane, &[Arc::from("events")]).expect("echo starts");
    let input = Rc::new((RefCell::new(instance), batch));
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
