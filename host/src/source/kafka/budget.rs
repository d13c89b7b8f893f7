//! How far readers may fetch ahead, all of them together: each new one gets half of what is left.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that one reader fetches ahead, at most: what a lane applies in a few milliseconds of a processor, and more only if that is
/// little for each of its partitions.
const READER_BYTES: usize = 3 << 19;
const READER_BYTES_MAX: usize = 16 << 20;
/// Bytes of a partition that are enough to ask for at once.
const PARTITION_BYTES: usize = 512 << 10;
/// Bytes that one reader may fetch ahead however many there are.
pub(super) const READER_BYTES_MIN: usize = 1 << 20;
/// Bytes that may be fetched ahead of each of a reader's partitions however many those are.
const PARTITION_BYTES_MIN: usize = 64 << 10;

/// Bytes for all readers. Clones share it.
#[derive(Clone)]
pub(super) struct Budget {
    bytes_max: usize,
    in_use: Arc<AtomicUsize>,
}

/// What one reader may fetch ahead. Given back when this is dropped.
pub(super) struct Allowance {
    bytes: usize,
    partitions: usize,
    in_use: Arc<AtomicUsize>,
}

impl Budget {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, in_use: Arc::default() }
    }

    /// The share of a new reader of so many partitions.
    pub(super) fn take(&self, partitions: usize) -> Allowance {
        let share = |in_use| share(self.bytes_max, in_use, partitions).max(partitions * PARTITION_BYTES_MIN);
        let add = |in_use| Some(in_use + share(in_use));
        let before = self.in_use.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
        let before = before.unwrap_or_else(|unchanged| unchanged);
        Allowance { bytes: share(before), partitions, in_use: self.in_use.clone() }
    }
}

impl Allowance {
    /// Bytes for each partition: librdkafka keeps a queue for each, and that is what it bounds.
    pub(super) fn partition_bytes(&self) -> usize {
        self.bytes / self.partitions.max(1)
    }
}

impl Drop for Allowance {
    fn drop(&mut self) {
        self.in_use.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

fn share(bytes_max: usize, in_use: usize, partitions: usize) -> usize {
    let enough = (partitions * PARTITION_BYTES).clamp(READER_BYTES, READER_BYTES_MAX);
    (bytes_max.saturating_sub(in_use) / 2).clamp(READER_BYTES_MIN, enough)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    #[test]
    fn each_gets_half_of_what_is_left_within_bounds() {
        let budget = Budget::new(5 * MIB);
        let taken: Vec<Allowance> = (0..4).map(|_| budget.take(1)).collect();
        let bytes: Vec<usize> = taken.iter().map(Allowance::partition_bytes).collect();
        assert_eq!(bytes, [READER_BYTES, READER_BYTES, MIB, MIB]);

        drop(taken);
        assert_eq!(budget.take(1).partition_bytes(), READER_BYTES);
    }

    #[test]
    fn the_partitions_of_a_reader_share_what_it_may_take() {
        let budget = Budget::new(256 * MIB);
        assert_eq!(budget.take(64).partition_bytes(), 16 * MIB / 64);
        let many = budget.take(1000);
        assert_eq!(many.partition_bytes(), 64 << 10);
        assert_eq!(budget.take(1).partition_bytes(), READER_BYTES);
        let _too_many = budget.take(5000);
        assert_eq!(budget.take(1).partition_bytes(), MIB, "the budget knows what it has given");
    }

    #[test]
    fn many_have_little_more_than_the_budget() {
        let budget = Budget::new(256 * MIB);
        let taken: Vec<Allowance> = (0..300).map(|_| budget.take(1)).collect();
        let more: Vec<usize> =
            taken.iter().skip_while(|one| one.partition_bytes() > MIB).map(Allowance::partition_bytes).collect();
        assert!(more.iter().all(|bytes| *bytes == MIB));
        assert!(taken.iter().map(Allowance::partition_bytes).sum::<usize>() <= (256 + more.len()) * MIB);
    }
}
