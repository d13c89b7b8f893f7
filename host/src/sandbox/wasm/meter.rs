//! Counts what one call of a plugin asks of its views, before anything is coalesced.

use crate::limits::Limits;
use crate::op::{CellRef, Refused, Write};

/// What one call has asked for, and may.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meter {
    ops: Bound,
    bytes: Bound,
    /// Whose limits they are.
    what: &'static str,
}

#[derive(Clone, Copy, Debug)]
struct Bound {
    used: usize,
    limit: usize,
    name: &'static str,
}

impl Meter {
    /// For a call with so many events. Several are bounded together, for nobody sees from outside where one of them ends: by
    /// what a batch may, and by what each of them may.
    pub(super) fn new(limits: &Limits, events: usize) -> Self {
        let bound = |name, limit| Bound { used: 0, limit, name };
        match events {
            0 | 1 => Self {
                ops: bound("event-ops", limits.event_ops_max),
                bytes: bound("event-bytes", limits.event_bytes_max),
                what: "an event",
            },
            _ => Self {
                ops: bound("batch-ops", limits.batch_ops_max.min(limits.event_ops_max.saturating_mul(events))),
                bytes: bound(
                    "batch-bytes",
                    limits.batch_bytes_max.min(limits.event_bytes_max.saturating_mul(events)),
                ),
                what: "a batch",
            },
        }
    }

    /// Reads and writes so far, and their bytes.
    pub(super) fn used(&self) -> (usize, usize) {
        (self.ops.used, self.bytes.used)
    }

    /// Notes that a cell is read.
    pub(super) fn read(&mut self, cell: &CellRef<'_>) -> Result<(), Refused> {
        self.note(cell.key.len() + cell.member.len())
    }

    /// Notes a write.
    pub(super) fn write(&mut self, write: &Write<'_>) -> Result<(), Refused> {
        self.note(write.key.len() + write.member.len() + write.value.len())
    }

    fn note(&mut self, bytes: usize) -> Result<(), Refused> {
        self.ops.used += 1;
        let Bound { used, limit, name } = self.ops;
        if used > limit {
            return Err(Refused::TooMany { what: self.what, name, limit });
        }
        self.bytes.used += bytes;
        let Bound { used: actual, limit, name } = self.bytes;
        let what = match self.what {
            "an event" => "what an event reads and writes",
            _ => "what a batch reads and writes",
        };
        if actual > limit { Err(Refused::TooLarge { what, actual, name, limit }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::Verb;

    #[test]
    fn an_event_that_is_alone_has_limits_of_its_own() {
        let limits = Limits {
            event_ops_max: 2,
            batch_ops_max: 3,
            event_bytes_max: 8,
            batch_bytes_max: 9,
            ..Limits::default()
        };
        let write = Write { verb: Verb::Hset, view: 0, key: b"", member: b"abc", value: b"d" };
        let faults = [1, 2].map(|events| {
            let mut ops = Meter::new(&limits, events);
            let cell = CellRef { view: 0, key: b"", member: b"" };
            (0..limits.event_ops_max).for_each(|_| ops.read(&cell).unwrap());
            let mut bytes = Meter::new(&limits, events);
            bytes.write(&write).unwrap();
            bytes.write(&write).unwrap();
            bytes.bytes.used += 1;
            let many = (0..2).find_map(|_| ops.read(&cell).err()).unwrap().to_string();
            [many, bytes.write(&write).unwrap_err().to_string()]
        });
        assert_eq!(
            faults.concat(),
            [
                "an event makes more reads and writes than the limit `event-ops` of 2",
                "an event makes more reads and writes than the limit `event-ops` of 2",
                "a batch makes more reads and writes than the limit `batch-ops` of 3",
                "what a batch reads and writes of 13 bytes is more than the limit `batch-bytes` of 9B",
            ]
        );
    }
}
