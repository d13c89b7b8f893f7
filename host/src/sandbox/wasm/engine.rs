//! The wasmtime engines of a host, and the clock that bounds their plugins.

use std::thread;
use std::time::Duration;

use wasmtime::{Config, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

use crate::sandbox::Limits;

/// How often the epoch moves, and so how exactly a plugin's time is measured.
pub(super) const TICK: Duration = Duration::from_millis(10);

/// Slots of the pool, each of which reserves some 4 GiB of address space (not of memory).
const POOL_SLOTS: u32 = 256;
/// Bytes that a slot keeps from one instance to the next instead of giving them back to the system.
const POOL_KEEP_BYTES: usize = 1 << 20;

/// Where plugins are compiled and run.
///
/// Instances come from a pool, which makes them cheap to start. Where the system has not the address space for one,
/// and beyond its slots, they are made on demand.
#[derive(Clone)]
pub struct Engine {
    pub(super) pooled: Option<wasmtime::Engine>,
    pub(super) on_demand: wasmtime::Engine,
}

impl Engine {
    /// Starts the engines, and the thread that moves their epoch for as long as they are used.
    pub fn new(limits: &Limits) -> wasmtime::Result<Self> {
        let on_demand = wasmtime::Engine::new(&config(limits))?;
        keep_time(&on_demand)?;
        let mut pool = PoolingAllocationConfig::new();
        pool.total_component_instances(POOL_SLOTS)
            .total_core_instances(POOL_SLOTS * 4)
            .total_memories(POOL_SLOTS)
            .total_tables(POOL_SLOTS * 4)
            .linear_memory_keep_resident(POOL_KEEP_BYTES);
        let mut pooling = config(limits);
        pooling.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        let pooled = match wasmtime::Engine::new(&pooling) {
            Ok(engine) => {
                keep_time(&engine)?;
                Some(engine)
            }
            Err(error) => {
                tracing::debug!("no pool of instances: {error:#}");
                None
            }
        };
        Ok(Self { pooled, on_demand })
    }
}

fn config(limits: &Limits) -> Config {
    let mut config = Config::new();
    config
        .cranelift_opt_level(OptLevel::Speed)
        // Floating point must give the same bytes on every machine and in every replay.
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .epoch_interruption(true)
        .max_wasm_stack(limits.stack_bytes_max);
    config
}

fn keep_time(engine: &wasmtime::Engine) -> wasmtime::Result<()> {
    let engine = engine.weak();
    let tick = move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            thread::park_timeout(TICK);
        }
    };
    thread::Builder::new().name("lantern-epoch".into()).spawn(tick)?;
    Ok(())
}
