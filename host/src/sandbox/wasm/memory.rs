//! Bounds what an instance takes: all its memories together, and all its tables, not each for itself.

use wasmtime::ResourceLimiter;

use crate::limits::Limits;

/// Counts what one instance has taken.
#[derive(Debug)]
pub(super) struct Usage {
    memory_bytes: usize,
    memory_bytes_max: usize,
    table_elements: usize,
    table_elements_max: usize,
    parts_max: usize,
}

/// The error of a memory that would grow beyond the limit, to tell it from other traps.
#[derive(Debug, thiserror::Error)]
#[error("memory limit of {limit} bytes exceeded")]
pub(super) struct OutOfMemory {
    pub(super) limit: usize,
}

/// The error of a table that would grow beyond the limit, likewise.
#[derive(Debug, thiserror::Error)]
#[error("table limit of {limit} elements exceeded")]
pub(super) struct OutOfTable {
    pub(super) limit: usize,
}

impl Usage {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            memory_bytes: 0,
            memory_bytes_max: limits.memory_bytes_max,
            table_elements: 0,
            table_elements_max: limits.table_elements_max,
            parts_max: limits.parts_max,
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }
}

impl ResourceLimiter for Usage {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self.memory_bytes.saturating_add(desired - current);
        if total > self.memory_bytes_max {
            return Err(wasmtime::Error::new(OutOfMemory { limit: self.memory_bytes_max }));
        }
        self.memory_bytes = total;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self.table_elements.saturating_add(desired - current);
        if total > self.table_elements_max {
            return Err(wasmtime::Error::new(OutOfTable { limit: self.table_elements_max }));
        }
        self.table_elements = total;
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.parts_max
    }

    fn tables(&self) -> usize {
        self.parts_max
    }

    fn memories(&self) -> usize {
        self.parts_max
    }
}
