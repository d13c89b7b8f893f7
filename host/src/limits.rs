//! What a plugin may use: all limits in one value, and the names by which operators set them.
//!
//! Plain data: nothing here watches over a limit.

mod named;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use named::{LIMITS, Limit, Settings, Unit};
pub(crate) use named::{TABLE_ELEMENTS_MAX, size};

/// What a plugin may use. The defaults leave an honest plugin far from every one of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Bytes of all its linear memories together.
    pub memory_bytes_max: usize,
    /// Elements of all its tables together.
    pub table_elements_max: usize,
    /// Core instances, memories and tables of one instance, each.
    pub parts_max: usize,
    /// Bytes of stack. That of the whole host: an engine has one stack size for all that it runs.
    pub stack_bytes_max: usize,
    /// Time for one event. It is measured in work, when the event is alone: see [`Limits::event_fuel`].
    pub event_time_max: Duration,
    /// Time for one batch, reads of the store not counted. A batch that takes longer is taken apart.
    pub batch_time_max: Duration,
    /// Writes and reads of one event.
    pub event_ops_max: usize,
    /// Writes and reads of one batch.
    pub batch_ops_max: usize,
    /// Bytes of names that one event may read and write, and of values that it may write, before coalescing.
    pub event_bytes_max: usize,
    /// The same of one batch.
    pub batch_bytes_max: usize,
    /// Bytes of one key, field or member.
    pub key_bytes_max: usize,
    /// Bytes of one value.
    pub value_bytes_max: usize,
    /// Bytes that one call into the host may hand over.
    pub call_bytes_max: usize,
    /// Log lines a second; what is above is counted and dropped.
    pub log_lines_max: usize,
    /// Bytes of log lines a second, likewise.
    pub log_bytes_max: usize,
    /// Bytes of one log line; what is above is cut off.
    pub log_line_bytes_max: usize,
    /// Bytes of the component.
    pub component_bytes_max: usize,
    /// Time of processors that compiling it may take.
    pub compile_time_max: Duration,
    /// Bytes of memory that compiling it may take.
    pub compile_bytes_max: usize,
}

/// How much fuel stands for a millisecond. A unit is about one instruction of WebAssembly, and an ordinary machine does about
/// so many; one that does fewer gives a plugin more time, and never another verdict.
pub const FUEL_PER_MILLISECOND: u64 = 2_000_000;

impl Limits {
    /// The work that an event may take: the same on every machine, however busy it is.
    pub fn event_fuel(&self) -> u64 {
        let milliseconds = u64::try_from(self.event_time_max.as_millis()).unwrap_or(u64::MAX);
        milliseconds.saturating_mul(FUEL_PER_MILLISECOND)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes_max: 256 << 20,
            table_elements_max: 100_000,
            parts_max: 100,
            stack_bytes_max: 512 << 10,
            event_time_max: Duration::from_millis(250),
            batch_time_max: Duration::from_millis(500),
            event_ops_max: 100_000,
            batch_ops_max: 1_000_000,
            event_bytes_max: 32 << 20,
            batch_bytes_max: 64 << 20,
            key_bytes_max: 64 << 10,
            value_bytes_max: 16 << 20,
            call_bytes_max: 128 << 20,
            log_lines_max: 100,
            log_bytes_max: 64 << 10,
            log_line_bytes_max: 4 << 10,
            component_bytes_max: 64 << 20,
            compile_time_max: Duration::from_secs(60),
            compile_bytes_max: 1 << 30,
        }
    }
}
