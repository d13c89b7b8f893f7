//! A plugin's bytes, checked, compiled and linked once, to be instantiated for many lanes.

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use wasmtime::component::{Component, Instance, InstancePre, Linker};
use wasmtime::{PoolConcurrencyLimitError, Store};

use super::chatter::Chatter;
use super::check::{LoadError, check};
use super::clock::Clock;
use super::compile::compiled;
use super::engine::Kind;
use super::file::{self, read};
use super::instance::{self, Exports, State, WasmInstance};
use super::{Cache, Engine, abi, imports};
use crate::limits::Limits;
use crate::projection::{Description, LaneId};
use crate::sandbox::{Config, Module, Reason, Unstarted, Views};

/// A plugin with its configuration, ready to run in wasmtime. Clones share it.
pub struct WasmModule<V: 'static> {
    compiled: Arc<Compiled<V>>,
    config: Arc<Config>,
    /// What the plugin says of itself under this configuration.
    description: Arc<Description>,
}

/// What modules share that differ in nothing but their configuration.
struct Compiled<V: 'static> {
    digest: String,
    /// As they were handed in: a component, or a core module to be made into one.
    bytes: Arc<[u8]>,
    limits: Arc<Limits>,
    chatter: Chatter,
    /// In the engine that modules are made for first.
    first: Linked<V>,
    /// In the engine without a pool, for when the pool is full.
    on_demand: OnceLock<Result<Linked<V>, String>>,
    /// In the engine that counts, for batches that have failed.
    counted: OnceLock<Result<Linked<V>, String>>,
    /// Held while one of them is compiled.
    compiling: Mutex<()>,
    engine: Engine,
    cache: Cache,
}

struct Linked<V: 'static> {
    pre: InstancePre<State<V>>,
    exports: Exports,
}

/// A running instance, and where its functions are.
struct Started<V: 'static> {
    store: Store<State<V>>,
    instance: Instance,
    exports: Exports,
}

impl<V> Clone for WasmModule<V> {
    fn clone(&self) -> Self {
        let Self { compiled, config, description } = self;
        Self { compiled: compiled.clone(), config: config.clone(), description: description.clone() }
    }
}

impl<V: Views> WasmModule<V> {
    /// Reads a plugin's file and makes a module of it, as [`Self::new`] does.
    pub fn load(engine: &Engine, cache: &Cache, limits: &Limits, file: &Path) -> Result<Self, LoadError> {
        Self::new(engine, cache, limits, read(file, limits)?)
    }

    /// Makes a module of a plugin's bytes, without a configuration: checks them, compiles them or takes them from the
    /// cache, and asks the plugin what it is.
    ///
    /// Blocks for as long as compiling takes.
    pub fn new(engine: &Engine, cache: &Cache, limits: &Limits, bytes: Vec<u8>) -> Result<Self, LoadError> {
        Self::configured(engine, cache, limits, bytes, Arc::default())
    }

    /// The same with a configuration from the start. A plugin that cannot do without one is described by no other way.
    ///
    /// Blocks for as long as compiling takes.
    pub fn configured(
        engine: &Engine,
        cache: &Cache,
        limits: &Limits,
        bytes: Vec<u8>,
        config: Arc<Config>,
    ) -> Result<Self, LoadError> {
        Self::describe(Arc::new(Compiled::new(engine, cache, limits, bytes)?), config)
    }

    /// The same plugin under another configuration: what is compiled is shared, and the plugin is asked again what it
    /// is, because that may depend on the configuration. What this module has started keeps its own.
    pub fn with_config(self, config: Arc<Config>) -> Result<Self, LoadError> {
        Self::describe(self.compiled, config)
    }

    /// The plugin's bytes as they were handed in.
    pub fn bytes(&self) -> &Arc<[u8]> {
        &self.compiled.bytes
    }

    fn describe(compiled: Arc<Compiled<V>>, config: Arc<Config>) -> Result<Self, LoadError> {
        let description = Arc::new(compiled.describe(&config)?);
        Ok(Self { compiled, config, description })
    }
}

impl<V: Views> Module for WasmModule<V> {
    type Views = V;
    type Instance = WasmInstance<V>;

    fn description(&self) -> &Description {
        &self.description
    }

    fn digest(&self) -> &str {
        &self.compiled.digest
    }

    fn instantiate(&self, lane: &LaneId, topics: &[Arc<str>]) -> Result<WasmInstance<V>, Unstarted> {
        let Started { store, instance, exports } = self.compiled.start(&self.config)?;
        Ok(WasmInstance::new(store, instance, exports, lane.clone(), topics.to_vec()))
    }

    fn instantiate_counted(&self, lane: &LaneId, topics: &[Arc<str>]) -> Result<WasmInstance<V>, Unstarted> {
        let Started { store, instance, exports } = self.compiled.start_counted(&self.config)?;
        Ok(WasmInstance::new(store, instance, exports, lane.clone(), topics.to_vec()))
    }
}

impl<V: Views> Compiled<V> {
    fn new(engine: &Engine, cache: &Cache, limits: &Limits, bytes: Vec<u8>) -> Result<Self, LoadError> {
        file::check_size(bytes.len(), limits)?;
        let digest = file::digest(&bytes);
        let first = Linked::new(&compiled(engine, engine.first(), cache, limits, &digest, &bytes)?)?;
        Ok(Self {
            digest,
            bytes: bytes.into(),
            limits: Arc::new(limits.clone()),
            chatter: Chatter::default(),
            first,
            on_demand: OnceLock::new(),
            counted: OnceLock::new(),
            compiling: Mutex::default(),
            engine: engine.clone(),
            cache: cache.clone(),
        })
    }

    /// Starts an instance: from the pool, or, if that is full, on demand.
    fn start(&self, config: &Arc<Config>) -> Result<Started<V>, Unstarted> {
        let mut linked = &self.first;
        let mut started = linked.start(&self.limits, config, &self.chatter, &self.engine.clock);
        if started.as_ref().is_err_and(|e| e.is::<PoolConcurrencyLimitError>()) {
            linked = self.later(Kind::OnDemand)?;
            started = linked.start(&self.limits, config, &self.chatter, &self.engine.clock);
        }
        started.map_err(|e| self.unstarted(&e))
    }

    /// Starts an instance whose work is counted.
    fn start_counted(&self, config: &Arc<Config>) -> Result<Started<V>, Unstarted> {
        let started = self.later(Kind::Counted)?.start(&self.limits, config, &self.chatter, &self.engine.clock);
        started.map_err(|e| self.unstarted(&e))
    }

    fn unstarted(&self, error: &wasmtime::Error) -> Unstarted {
        instance::reason(error, None, &self.limits, instance::start_time(&self.limits)).into()
    }

    /// In an engine that not every module needs: compiled when it is needed first.
    fn later(&self, kind: Kind) -> Result<&Linked<V>, Unstarted> {
        let place = match kind {
            Kind::Counted => &self.counted,
            Kind::Pooled | Kind::OnDemand => &self.on_demand,
        };
        let compiling = self.compiling.lock().unwrap_or_else(PoisonError::into_inner);
        if place.get().is_none() {
            match self.link(kind) {
                Err(passing) if passing.is_passing() => return Err(Unstarted::Machine(passing.to_string())),
                linked => _ = place.set(linked.map_err(|error| error.to_string())),
            }
        }
        drop(compiling);
        let linked = place.get().expect("it is there by now").as_ref();
        linked.map_err(|message| Reason::Trap { message: message.clone(), backtrace: Vec::new() }.into())
    }

    fn link(&self, kind: Kind) -> Result<Linked<V>, LoadError> {
        let Self { engine, cache, limits, digest, bytes, .. } = self;
        // Where it is counted there is more code, and what could be deployed must not fail by that.
        let limits = Limits {
            compile_time_max: limits.compile_time_max * 2,
            compile_bytes_max: limits.compile_bytes_max.saturating_mul(2),
            ..Limits::clone(limits)
        };
        Linked::new(&compiled(engine, kind, cache, &limits, digest, bytes)?)
    }

    fn describe(&self, config: &Arc<Config>) -> Result<Description, LoadError> {
        let failed = |reason: Reason| LoadError::Describe(reason.to_string());
        let started = self.start(config).map_err(|unstarted| match unstarted {
            Unstarted::Plugin(reason) => failed(reason),
            Unstarted::Machine(lack) => LoadError::Compiler(lack),
        });
        let Started { mut store, instance, exports } = started?;
        instance::check_apply(&mut store, instance, exports).map_err(|e| LoadError::Mismatch(format!("{e:#}")))?;
        let description = instance::describe(&mut store, instance, exports).map_err(|e| {
            let panic = store.data_mut().fatal.take().map(|line| line.message);
            failed(instance::reason(&e, panic, &self.limits, instance::start_time(&self.limits)))
        })?;
        let description = Description::from(description);
        description.fault().map_or(Ok(description), |fault| Err(LoadError::Description(fault)))
    }
}

impl<V: Views> Linked<V> {
    fn new(component: &Component) -> Result<Self, LoadError> {
        check(component)?;
        let mismatch = |e: wasmtime::Error| LoadError::Mismatch(format!("{e:#}"));
        let mut linker = Linker::new(component.engine());
        imports::link(&mut linker).map_err(mismatch)?;
        let pre = linker.instantiate_pre(component).map_err(mismatch)?;
        let interface = format!("{}@{}", abi::PROJECTION, abi::VERSION);
        let projection = component.get_export_index(None, &interface);
        let export = |name| component.get_export_index(projection.as_ref(), name);
        match (export("describe"), export("apply")) {
            (Some(describe), Some(apply)) => Ok(Self { pre, exports: Exports { describe, apply } }),
            _ => Err(LoadError::MissingExport(interface)),
        }
    }

    fn start(
        &self,
        limits: &Arc<Limits>,
        config: &Arc<Config>,
        chatter: &Chatter,
        clock: &Clock,
    ) -> wasmtime::Result<Started<V>> {
        let (store, instance) = instance::start(&self.pre, limits, config, chatter, clock)?;
        Ok(Started { store, instance, exports: self.exports })
    }
}
