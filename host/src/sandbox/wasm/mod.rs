//! The sandbox on wasmtime: one engine, a component for each module, a store and instance for each lane.
//!
//! A plugin reaches its views, the log and its configuration, and nothing else of the host. This is the only folder that names wasmtime.

mod abi;
mod anatomy;
mod cache;
mod chatter;
mod check;
mod clock;
mod compile;
mod engine;
mod file;
mod fuel;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod imports;
mod instance;
mod memory;
mod meter;
mod module;

pub use anatomy::{Anatomy, Interfaces};
pub use cache::Cache;
pub use check::LoadError;
pub use compile::{compile, component};
pub use engine::Engine;
pub(crate) use file::check_size;
pub use file::{digest, read};
pub use instance::WasmInstance;
pub use module::WasmModule;
