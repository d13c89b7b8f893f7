//! How far readers may fetch ahead, all of them together: each new one gets half of what is left. And how often they look whether there
//! is room to.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Bytes that one reader fetches ahead, at most: what a lane applies in a few milliseconds of a processor, and more only if that is
/// little for each of its partitions.
const READER_BYTES: usize = 3 << 19;
const READER_BYTES_MAX: usize = 16 << 20;
/// Bytes of a partition that are enough to ask for at once.
const PARTITION_BYTES: usize = 512 << 10;
/// Bytes that one reader may fetch ahead however many there are.
const READER_BYTES_MIN: usize = 1 << 20;
/// Bytes that may be fetched ahead of each of a reader's partitions however many those are.
const PARTITION_BYTES_MIN: usize = 64 << 10;

/// How often a client looks whether there is room again for it to fetch, if it has a processor for itself: librdkafka is not told
/// of what is taken. The default of a second would let it run dry.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// However many there are. Even the least share, each time, is 50 MB/s.
const LOOK_EVERY_MAX: Duration = Duration::from_millis(20);

/// What all readers share. Clones share it.
#[derive(Clone)]
pub(super) struct Budget {
    bytes_max: usize,
    processors: usize,
    in_use: Arc<Mutex<InUse>>,
}

#[derive(Default)]
struct InUse {
    bytes: usize,
    /// Readers, without those at rest.
    busy: usize,
}

/// What one reader may fetch ahead. Given back when this is dropped.
pub(super) struct Allowance {
    bytes: usize,
    partitions: usize,
    look_every: Duration,
    in_use: Arc<Mutex<InUse>>,
}

impl Budget {
    pub(super) fn new(bytes_max: usize) -> Self {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        Self { bytes_max, processors, in_use: Arc::default() }
    }

    /// The share of a new reader of so many partitions; none for one of partitions at rest.
    pub(super) fn take(&self, partitions: usize) -> Allowance {
        let mut in_use = lock(&self.in_use);
        let bytes = match partitions {
            0 => 0,
            _ => share(self.bytes_max, in_use.bytes, partitions).max(partitions * PARTITION_BYTES_MIN),
        };
        in_use.bytes += bytes;
        in_use.busy += usize::from(partitions > 0);
        let look_every = look_every(in_use.busy, self.processors);
        Allowance { bytes, partitions, look_every, in_use: self.in_use.clone() }
    }
}

impl Allowance {
    /// Bytes for each partition: librdkafka keeps a queue for each, and that is what it bounds.
    pub(super) fn partition_bytes(&self) -> usize {
        self.bytes / self.partitions.max(1)
    }

    /// How often to look whether there is room again.
    pub(super) fn look_every(&self) -> Duration {
        self.look_every
    }
}

impl Drop for Allowance {
    fn drop(&mut self) {
        let mut in_use = lock(&self.in_use);
        in_use.bytes -= self.bytes;
        in_use.busy -= usize::from(self.partitions > 0);
    }
}

fn lock(in_use: &Mutex<InUse>) -> MutexGuard<'_, InUse> {
    in_use.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is fetched ahead lasts as much longer as there are others that want the same processors; and each look wakes a thread.
fn look_every(busy: usize, processors: usize) -> Duration {
    let shared_by = u32::try_from(busy.div_ceil(processors)).unwrap_or(u32::MAX);
    LOOK_EVERY.saturating_mul(shared_by).clamp(LOOK_EVERY, LOOK_EVERY_MAX)
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
    fn the_more_there_are_the_less_often_each_looks() {
        let budget = Budget { processors: 2, ..Budget::new(5 * MIB) };
        let look = |budget: &Budget| budget.take(1).look_every().as_millis();
        assert_eq!(look(&budget), 2);
        let taken: Vec<Allowance> = (0..99).map(|_| budget.take(1)).collect();
        assert_eq!([0, 1, 2, 7, 98].map(|nth: usize| taken[nth].look_every().as_millis()), [2, 2, 4, 8, 20]);
        drop(taken);
        assert_eq!(look(&budget), 2);
    }

    #[test]
    fn who_is_at_rest_leaves_the_others_what_they_have() {
        let budget = Budget { processors: 2, ..Budget::new(5 * MIB) };
        let _at_rest: Vec<Allowance> = (0..99).map(|_| budget.take(0)).collect();
        let one = budget.take(1);
        assert_eq!((one.partition_bytes(), one.look_every()), (READER_BYTES, LOOK_EVERY));
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
