//! How far readers may fetch ahead, all of them together: each new one gets half of what is left.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that one reader fetches ahead, at most.
const READER_BYTES_MAX: usize = 16 << 20;
/// Bytes that one reader may fetch ahead however many there are.
pub(super) const READER_BYTES_MIN: usize = 1 << 20;

/// Bytes for all readers. Clones share it.
#[derive(Clone)]
pub(super) struct Budget {
    bytes_max: usize,
    in_use: Arc<AtomicUsize>,
}

/// What one reader may fetch ahead. Given back when this is dropped.
pub(super) struct Allowance {
    bytes: usize,
    in_use: Arc<AtomicUsize>,
}

impl Budget {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, in_use: Arc::default() }
    }

    /// The share of a new reader.
    pub(super) fn take(&self) -> Allowance {
        let add = |in_use| Some(in_use + share(self.bytes_max, in_use));
        let before = self.in_use.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
        let before = before.unwrap_or_else(|unchanged| unchanged);
        Allowance { bytes: share(self.bytes_max, before), in_use: self.in_use.clone() }
    }
}

impl Allowance {
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Allowance {
    fn drop(&mut self) {
        self.in_use.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

fn share(bytes_max: usize, in_use: usize) -> usize {
    (bytes_max.saturating_sub(in_use) / 2).clamp(READER_BYTES_MIN, READER_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    #[test]
    fn each_gets_half_of_what_is_left_within_bounds() {
        let budget = Budget::new(40 * MIB);
        let taken: Vec<Allowance> = (0..6).map(|_| budget.take()).collect();
        let bytes: Vec<usize> = taken.iter().map(Allowance::bytes).collect();
        assert_eq!(bytes, [16 * MIB, 12 * MIB, 6 * MIB, 3 * MIB, MIB * 3 / 2, MIB]);

        drop(taken);
        assert_eq!(budget.take().bytes(), 16 * MIB);
    }

    #[test]
    fn many_have_little_more_than_the_budget() {
        let budget = Budget::new(256 * MIB);
        let taken: Vec<Allowance> = (0..300).map(|_| budget.take()).collect();
        let more: Vec<usize> = taken.iter().skip_while(|one| one.bytes() > MIB).map(Allowance::bytes).collect();
        assert!(more.iter().all(|bytes| *bytes == MIB));
        assert!(taken.iter().map(Allowance::bytes).sum::<usize>() <= (256 + more.len()) * MIB);
    }
}
