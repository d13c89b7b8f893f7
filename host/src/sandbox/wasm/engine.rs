//! The wasmtime engines of a host.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use wasmtime::{Config, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

use super::clock::Clock;
use crate::limits::{Limits, TABLE_ELEMENTS_MAX};

/// Slots of the pool, each of which reserves some 4 GiB of address space (not of memory).
const POOL_SLOTS: u32 = 256;

/// Which engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Its instances come from a pool.
    Pooled,
    /// Its instances are made on demand.
    OnDemand,
    /// The same, and it counts what they do instead of looking at the clock.
    Counted,
}

impl Kind {
    /// How the compiling process is told.
    pub(super) fn word(self) -> &'static str {
        match self {
            Kind::Pooled => "pooled",
            Kind::OnDemand => "on-demand",
            Kind::Counted => "counted",
        }
    }

    pub(super) fn named(word: &str) -> Option<Self> {
        [Kind::Pooled, Kind::OnDemand, Kind::Counted].into_iter().find(|kind| kind.word() == word)
    }
}

/// Where plugins are compiled and run.
///
/// Instances come from a pool, which makes them cheap to start. Where the system has not the address space for one,
/// and beyond its slots, they are made on demand. Batches that have failed are taken apart in a third engine, which is
/// started when the first one has.
#[derive(Clone)]
pub struct Engine {
    pooled: Option<wasmtime::Engine>,
    on_demand: wasmtime::Engine,
    counted: Arc<OnceLock<wasmtime::Engine>>,
    /// Bounds what plugins do in the first two.
    pub(super) clock: Clock,
    limits: Limits,
    /// The program that compiles in a process of its own, if one does.
    pub(super) aside: Option<PathBuf>,
}

impl Engine {
    /// Starts the engines, and the thread that moves their epoch for as long as they are used. Plugins are compiled in
    /// this process, without bounds.
    pub fn new(limits: &Limits) -> wasmtime::Result<Self> {
        let on_demand = new(Kind::OnDemand, limits)?;
        let pooled = new(Kind::Pooled, limits);
        let pooled = pooled.inspect_err(|error| tracing::debug!("no pool of instances: {error:#}")).ok();
        let clock = Clock::start([&on_demand].into_iter().chain(&pooled).map(wasmtime::Engine::weak).collect())?;
        Ok(Self { pooled, on_demand, counted: Arc::default(), clock, limits: limits.clone(), aside: None })
    }

    /// The same, but plugins are compiled by this program, in processes that are bounded: as [`super::compile()`] does when
    /// it is called with the arguments behind `compile`.
    pub fn compiling_aside(self, program: PathBuf) -> Self {
        Self { aside: Some(program), ..self }
    }

    /// The engine that is to be tried first.
    pub(super) fn first(&self) -> Kind {
        if self.pooled.is_some() { Kind::Pooled } else { Kind::OnDemand }
    }

    pub(super) fn of(&self, kind: Kind) -> wasmtime::Result<&wasmtime::Engine> {
        match kind {
            Kind::Pooled => Ok(self.pooled.as_ref().unwrap_or(&self.on_demand)),
            Kind::OnDemand => Ok(&self.on_demand),
            Kind::Counted => match self.counted.get() {
                Some(engine) => Ok(engine),
                None => {
                    let engine = new(kind, &self.limits)?;
                    Ok(self.counted.get_or_init(|| engine))
                }
            },
        }
    }
}

/// An engine whose epoch nobody moves yet.
pub(super) fn new(kind: Kind, limits: &Limits) -> wasmtime::Result<wasmtime::Engine> {
    let mut config = Config::new();
    config
        .cranelift_opt_level(OptLevel::Speed)
        // Floating point must give the same bytes on every machine and in every replay.
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .epoch_interruption(kind != Kind::Counted)
        .consume_fuel(kind == Kind::Counted)
        .max_wasm_stack(limits.stack_bytes_max);
    if kind == Kind::Pooled {
        let mut pool = PoolingAllocationConfig::new();
        pool.total_component_instances(POOL_SLOTS)
            .total_core_instances(POOL_SLOTS * 4)
            .total_memories(POOL_SLOTS)
            .total_tables(POOL_SLOTS * 4)
            // What a plugin may have is bounded alike in all engines, by its limits.
            .max_memories_per_module(POOL_SLOTS)
            .max_tables_per_module(POOL_SLOTS)
            .table_elements(TABLE_ELEMENTS_MAX);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    }
    wasmtime::Engine::new(&config)
}
