//! A plugin's file, checked, compiled and linked once, to be instantiated for many lanes.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use sha2::{Digest, Sha256};
use wasmtime::PoolConcurrencyLimitError;
use wasmtime::component::{Component, InstancePre, Linker};

use super::check::{LoadError, check, componentize};
use super::instance::{self, Exports, State, WasmInstance};
use super::{Cache, Engine, abi, imports};
use crate::projection::{Description, LaneId};
use crate::sandbox::{Limits, Module, Reason, Views};

/// A plugin, ready to run in wasmtime. Clones share it.
pub struct WasmModule<V: 'static> {
    inner: Arc<Inner<V>>,
}

struct Inner<V: 'static> {
    digest: String,
    description: Description,
    limits: Arc<Limits>,
    /// In the engine that modules are made for first.
    first: Linked<V>,
    /// In the engine without a pool, for when the pool is full.
    on_demand: OnceLock<Result<Linked<V>, String>>,
    engine: Engine,
    cache: Cache,
    component: Vec<u8>,
}

struct Linked<V: 'static> {
    pre: InstancePre<State<V>>,
    exports: Exports,
}

impl<V> Clone for WasmModule<V> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone() }
    }
}

impl<V: Views> WasmModule<V> {
    /// Loads a plugin: reads and checks the file, compiles it or takes it from the cache, and asks it what it is.
    ///
    /// Blocks for as long as compiling takes.
    pub fn load(engine: &Engine, cache: &Cache, limits: &Limits, file: &Path) -> Result<Self, LoadError> {
        let bytes = read(file, limits.component_bytes_max)?;
        let digest = hex(&Sha256::digest(&bytes));
        let component = componentize(bytes)?;
        let first = engine.pooled.as_ref().unwrap_or(&engine.on_demand);
        let linked = Linked::new(&compile(first, cache, &digest, &component)?)?;
        let limits = Arc::new(limits.clone());
        let description = linked.describe(&limits)?;
        let inner = Inner {
            digest,
            description,
            limits,
            first: linked,
            on_demand: OnceLock::new(),
            engine: engine.clone(),
            cache: cache.clone(),
            component,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The sha256 digest of the file, in hexadecimal.
    pub fn digest(&self) -> &str {
        &self.inner.digest
    }
}

impl<V: Views> Module for WasmModule<V> {
    type Views = V;
    type Instance = WasmInstance<V>;

    fn description(&self) -> &Description {
        &self.inner.description
    }

    fn instantiate(&self, lane: &LaneId, topics: &[Arc<str>]) -> Result<WasmInstance<V>, Reason> {
        let inner = &*self.inner;
        let mut linked = &inner.first;
        let mut started = instance::start(&linked.pre, &inner.limits);
        if started.as_ref().is_err_and(|e| e.is::<PoolConcurrencyLimitError>()) {
            linked = inner.on_demand()?;
            started = instance::start(&linked.pre, &inner.limits);
        }
        let (store, instance) = started.map_err(|e| instance::reason(&e, None, &inner.limits))?;
        Ok(WasmInstance::new(store, instance, linked.exports, lane.clone(), topics.to_vec()))
    }
}

impl<V: Views> Inner<V> {
    fn on_demand(&self) -> Result<&Linked<V>, Reason> {
        let link = || {
            let component = compile(&self.engine.on_demand, &self.cache, &self.digest, &self.component);
            component.and_then(|component| Linked::new(&component)).map_err(|e| e.to_string())
        };
        let linked = self.on_demand.get_or_init(link);
        linked.as_ref().map_err(|message| Reason::Trap { message: message.clone(), backtrace: Vec::new() })
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

    fn describe(&self, limits: &Arc<Limits>) -> Result<Description, LoadError> {
        let failed = |e: wasmtime::Error| LoadError::Describe(instance::reason(&e, None, limits).to_string());
        let (mut store, linked) = instance::start(&self.pre, limits).map_err(failed)?;
        instance::check_apply(&mut store, linked, self.exports)
            .map_err(|e| LoadError::Mismatch(format!("{e:#}")))?;
        let description = instance::describe(&mut store, linked, self.exports).map_err(failed)?;
        let description = Description::from(description);
        description.fault().map_or(Ok(description), |fault| Err(LoadError::Description(fault)))
    }
}

fn compile(engine: &wasmtime::Engine, cache: &Cache, digest: &str, bytes: &[u8]) -> Result<Component, LoadError> {
    if let Some(component) = cache.load(engine, digest) {
        return Ok(component);
    }
    let component = Component::from_binary(engine, bytes).map_err(|e| LoadError::Invalid(format!("{e:#}")))?;
    cache.store(&component, digest);
    Ok(component)
}

fn read(file: &Path, limit: u64) -> Result<Vec<u8>, LoadError> {
    let failed = |source| LoadError::Read { file: file.to_owned(), source };
    let opened = File::open(file).map_err(failed)?;
    let bytes = opened.metadata().map_err(failed)?.len();
    if bytes > limit {
        return Err(LoadError::TooLarge { bytes, limit });
    }
    let mut content = Vec::new();
    opened.take(limit).read_to_end(&mut content).map_err(failed)?;
    Ok(content)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
