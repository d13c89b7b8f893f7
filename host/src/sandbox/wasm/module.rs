//! A plugin's bytes, checked, compiled and linked once, to be instantiated for many lanes.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use wasmtime::component::{Component, Instance, InstancePre, Linker};
use wasmtime::{PoolConcurrencyLimitError, Store};

use super::check::{LoadError, check, componentize};
use super::file::{self, read};
use super::instance::{self, Exports, State, WasmInstance};
use super::{Cache, Engine, abi, imports};
use crate::projection::{Description, LaneId};
use crate::sandbox::{Config, Limits, Module, Reason, Views};

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
    /// In the engine that modules are made for first.
    first: Linked<V>,
    /// In the engine without a pool, for when the pool is full.
    on_demand: OnceLock<Result<Linked<V>, String>>,
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

    fn instantiate(&self, lane: &LaneId, topics: &[Arc<str>]) -> Result<WasmInstance<V>, Reason> {
        let Started { store, instance, exports } = self.compiled.start(&self.config)?;
        Ok(WasmInstance::new(store, instance, exports, lane.clone(), topics.to_vec()))
    }
}

impl<V: Views> Compiled<V> {
    fn new(engine: &Engine, cache: &Cache, limits: &Limits, bytes: Vec<u8>) -> Result<Self, LoadError> {
        file::check_size(bytes.len() as u64, limits)?;
        let digest = file::digest(&bytes);
        let first = engine.pooled.as_ref().unwrap_or(&engine.on_demand);
        let first = Linked::new(&compile(first, cache, &digest, &bytes)?)?;
        Ok(Self {
            digest,
            bytes: bytes.into(),
            limits: Arc::new(limits.clone()),
            first,
            on_demand: OnceLock::new(),
            engine: engine.clone(),
            cache: cache.clone(),
        })
    }

    /// Starts an instance: from the pool, or, if that is full, on demand.
    fn start(&self, config: &Arc<Config>) -> Result<Started<V>, Reason> {
        let mut linked = &self.first;
        let mut started = linked.start(&self.limits, config);
        if started.as_ref().is_err_and(|e| e.is::<PoolConcurrencyLimitError>()) {
            linked = self.on_demand()?;
            started = linked.start(&self.limits, config);
        }
        started.map_err(|e| instance::reason(&e, None, &self.limits))
    }

    fn on_demand(&self) -> Result<&Linked<V>, Reason> {
        let link = || {
            let component = compile(&self.engine.on_demand, &self.cache, &self.digest, &self.bytes);
            component.and_then(|component| Linked::new(&component)).map_err(|e| e.to_string())
        };
        let linked = self.on_demand.get_or_init(link);
        linked.as_ref().map_err(|message| Reason::Trap { message: message.clone(), backtrace: Vec::new() })
    }

    fn describe(&self, config: &Arc<Config>) -> Result<Description, LoadError> {
        let failed = |reason: Reason| LoadError::Describe(reason.to_string());
        let Started { mut store, instance, exports } = self.start(config).map_err(failed)?;
        instance::check_apply(&mut store, instance, exports).map_err(|e| LoadError::Mismatch(format!("{e:#}")))?;
        let description = instance::describe(&mut store, instance, exports).map_err(|e| {
            let panic = store.data_mut().fatal.take().map(|line| line.message);
            failed(instance::reason(&e, panic, &self.limits))
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

    fn start(&self, limits: &Arc<Limits>, config: &Arc<Config>) -> wasmtime::Result<Started<V>> {
        let (store, instance) = instance::start(&self.pre, limits, config)?;
        Ok(Started { store, instance, exports: self.exports })
    }
}

/// Takes a plugin from the cache, or makes a component of its bytes and compiles it.
fn compile(engine: &wasmtime::Engine, cache: &Cache, digest: &str, bytes: &[u8]) -> Result<Component, LoadError> {
    if let Some(component) = cache.load(engine, digest) {
        return Ok(component);
    }
    let component = Component::from_binary(engine, &componentize(bytes)?);
    let component = component.map_err(|e| LoadError::Invalid(format!("{e:#}")))?;
    cache.store(&component, digest);
    Ok(component)
}
