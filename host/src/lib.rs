//! Lantern, a projection host: it reads event topics, feeds every event to sandboxed WebAssembly projections, and
//! keeps their views in Redis. See ARCHITECTURE.md for the map.

mod app;
#[doc(hidden)]
pub mod benching;
pub mod cli;
pub mod control;
pub mod event;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod lane;
pub mod letter;
pub mod limits;
pub mod op;
pub mod projection;
pub mod replay;
pub mod sandbox;
pub mod source;
pub mod store;
pub mod supervisor;
pub mod trust;
