//! Lantern's promises, each told as a story on real parts: the `lantern` binary, a real Kafka, a real Redis.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod bad_input;
mod cancel;
mod chaos;
mod checkpoints;
mod clients;
mod contract;
mod cutover;
mod dead;
mod deployed;
mod dev;
mod evil;
mod exactness;
mod fencing;
mod group;
mod hosts;
mod kafka;
mod ledger;
mod live;
mod log;
mod loss;
mod module_cache;
mod neighbours;
mod operator_act;
mod operator_read;
mod operator_troubles;
mod orders;
mod pages;
mod rebuild_bounds;
mod rebuild_kill;
mod records_read;
mod redis_faults;
mod secrets;
mod sharing;
mod shutdown;
mod sigkill;
mod signals;
mod store;
mod story;
mod terminal;
mod tidy;
mod trust;
mod verify;
