//! What it costs an event to cross into a plugin and back, by the host's own sandbox, without any server.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use lantern::event::{Batch, Event, encode_header};
use lantern::limits::Limits;
use lantern::op::{CellRef, Query, Refused, Value, Write};
use lantern::projection::{LaneId, Share};
use lantern::sandbox::wasm::{Cache, Engine, WasmModule};
use lantern::sandbox::{Instance, Module, ViewError, Views};
use lantern_tests::artefacts;
use lantern_tests::bank::Bank;

use crate::results::{Number, Row, Unit};

const BATCHES: [usize; 4] = [1, 10, 100, 1000];

/// How many events make one measurement.
const EVENTS: usize = 20_000;

/// Measurements are short, so there can be many for each round of the contenders.
const MEASUREMENTS_PER_ROUND: usize = 10;

/// Measures batches of several sizes, as input only and with one write an event.
pub fn measure(rounds: usize) -> anyhow::Result<Vec<Row>> {
    let limits = Limits::default();
    let engine = Engine::new(&limits).map_err(|error| anyhow!("{error:#}"))?;
    let module: WasmModule<Sink> = WasmModule::load(&engine, &Cache::none(), &limits, &artefacts::plugin("echo"))?;
    let mut rows = Vec::new();
    for (partition, writes) in [(0, "input"), (1, "input + 1 write")] {
        for size in BATCHES {
            let lane = LaneId { projection: "echo".into(), generation: 1, share: Share::Partition(partition) };
            let mut instance = module.instantiate(&lane, &[Arc::from("events")])?;
            let batch = batch(size, partition);
            let mut measure = || measure_once(&mut instance, &batch);
            measure()?;
            let seconds: Vec<f64> =
                (0..rounds * MEASUREMENTS_PER_ROUND).map(|_| measure()).collect::<Result<_, _>>()?;
            let times = Number::new("ns/event", Unit::Nanoseconds, seconds.iter().map(|seconds| seconds * 1e9));
            rows.push(Row::new("boundary", format!("{size} events"), writes, vec![times]));
        }
    }
    Ok(rows)
}

/// Seconds an event.
fn measure_once<I: Instance<Views = Sink>>(instance: &mut I, batch: &Batch) -> anyhow::Result<f64> {
    let calls = EVENTS / batch.len();
    let mut views = Box::new(Sink::default());
    let started = Instant::now();
    for _ in 0..calls {
        let (back, applied) = instance.apply(batch, views);
        applied.map_err(|failure| anyhow!("the plugin failed: {failure:?}"))?;
        views = back;
    }
    Ok(started.elapsed().as_secs_f64() / (calls * batch.len()) as f64)
}

fn batch(size: usize, partition: u32) -> Batch {
    let bank = Bank { events: size as u64, payload_bytes_min: 208, ..Bank::default() };
    let mut headers = Vec::new();
    encode_header(&mut headers, b"source", Some(b"mobile"));
    encode_header(&mut headers, b"trace", Some(b"0123456789abcdef"));
    let mut batch = Batch::default();
    for (offset, event) in (0..).zip(bank.events()) {
        batch.push(&Event {
            topic: 0,
            partition,
            offset,
            timestamp: event.timestamp,
            key: event.key.as_deref(),
            headers: &headers,
            payload: event.payload.as_deref(),
        });
    }
    batch
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
