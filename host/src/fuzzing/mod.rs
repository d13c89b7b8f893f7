//! The doorway of the fuzz targets in `tests/fuzz`: one function for each, which takes any bytes and says whether they are
//! accepted. It panics if they bring something to light that must not be. Only in tests and in what cargo-fuzz builds.

mod batch;
mod input;
mod ops;
mod record;
mod steps;
#[cfg(test)]
mod tests;

pub use crate::cli::fuzzing::text;
pub use crate::sandbox::wasm::fuzzing::component;
pub use crate::source::embedded::fuzzing::log_line;
pub use batch::batch;
pub(crate) use input::Input;
pub use ops::ops;
pub use record::record;
