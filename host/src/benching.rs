//! The doorway of the micro-benchmarks in `tests/src/micro`: what they measure and no other crate needs. No part of the interface of
//! this one.

pub use crate::lane::benching::Layers;
pub use crate::store::redis::benching::Encoder;
