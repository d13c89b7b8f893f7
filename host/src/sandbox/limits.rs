//! All limits of a plugin, in one value.

use std::time::Duration;

/// What a plugin may use. The defaults leave an honest plugin far from every one of them.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of all its linear memories together.
    pub memory_bytes_max: usize,
    /// Elements of each of its tables.
    pub table_elements_max: usize,
    /// Core instances, memories and tables of one instance, each.
    pub parts_max: usize,
    /// Bytes of stack.
    pub stack_bytes_max: usize,
    /// Time for one batch, reads of the store not counted.
    pub batch_time_max: Duration,
    /// Bytes that one call may write, before coalescing.
    pub write_bytes_max: usize,
    /// Bytes of one key, field or member.
    pub key_bytes_max: usize,
    /// Bytes of one value.
    pub value_bytes_max: usize,
    /// Bytes that one call into the host may hand over.
    pub call_bytes_max: usize,
    /// Log lines of one batch; what is above is counted and dropped.
    pub log_lines_max: usize,
    /// Bytes of one log line; what is above is cut off.
    pub log_line_bytes_max: usize,
    /// Bytes of the component.
    pub component_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes_max: 256 << 20,
            table_elements_max: 100_000,
            parts_max: 100,
            stack_bytes_max: 512 << 10,
            batch_time_max: Duration::from_secs(2),
            write_bytes_max: 64 << 20,
            key_bytes_max: 64 << 10,
            value_bytes_max: 16 << 20,
            call_bytes_max: 128 << 20,
            log_lines_max: 100,
            log_line_bytes_max: 4 << 10,
            component_bytes_max: 64 << 20,
        }
    }
}
