//! Lantern's promises, each told as a story on real parts: the `lantern` binary, a real Kafka, a real Redis.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod bad_input;
mod checkpoints;
mod contract;
mod dev;
mod evil;
mod exactness;
mod fencing;
mod group;
mod kafka;
mod live;
mod loss;
mod orders;
mod shutdown;
mod sigkill;
mod store;
mod story;
mod tidy;
