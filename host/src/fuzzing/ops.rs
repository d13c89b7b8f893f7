//! Blocks of writes. Of any bytes, the host takes only what the contract allows; and what a plugin writes by the SDK's handles
//! comes to the same as if it had named every verb itself.

mod guest;

use super::Input;
use crate::limits::Limits;
use crate::op::{Cell, CellRef, Changes, INCREMENT_MAX, Query, Refused, Structure, Value, Verb, Write};
use crate::projection::{Kind, View};
use crate::sandbox::{self, ViewError, wasm};

/// The kinds, of which each has a view, and one that is keyed.
const KINDS: [Kind; 6] = [Kind::Table, Kind::Counters, Kind::Ranking, Kind::Set, Kind::List, Kind::Value];

const CAPACITY: u32 = 3;

/// A block whose heads begin behind two bytes: how many there are, and how many of the writes are in the first of two batches.
/// If the first of them is 255, what follows is a script for handles.
pub fn ops(bytes: &[u8]) -> bool {
    let mut input = Input(bytes);
    let count = input.byte();
    if count == u8::MAX {
        return guest::script(input);
    }
    let cut = input.byte();
    let heads: Vec<u32> = input.take(4 * usize::from(count)).chunks(4).map(word).collect();
    let (sink, result) = taken(&heads, input.0);
    sink.assert_allowed();
    assert_divisible(&sink.writes, cut.into());
    result.is_ok()
}

fn word(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte))
}

/// What the host makes of a block, up to a write that is refused.
fn taken(heads: &[u32], data: &[u8]) -> (Sink, Result<(), Refused>) {
    let mut sink = Sink::default();
    let result = wasm::fuzzing::write(&mut sink, &limits(), heads, data);
    (sink, result)
}

/// Small ones, so that they are reached.
fn limits() -> Limits {
    Limits { key_bytes_max: 16, value_bytes_max: 32, event_ops_max: 40, event_bytes_max: 400, ..Limits::default() }
}

fn views() -> Vec<View> {
    let view = |(kind, keyed): (Kind, bool)| View {
        name: format!("{}{}", if keyed { "keyed-" } else { "" }, format!("{kind:?}").to_lowercase()),
        kind,
        keyed,
        capacity: if kind == Kind::List { CAPACITY } else { 0 },
    };
    let all = [false, true].into_iter().flat_map(|keyed| KINDS.map(|kind| (kind, keyed)));
    all.filter(|view| *view != (Kind::Value, false)).map(view).collect()
}

/// A write with bytes of its own.
#[derive(Clone, Debug)]
struct Owned {
    verb: Verb,
    view: u32,
    key: Vec<u8>,
    member: Vec<u8>,
    value: Vec<u8>,
}

impl Owned {
    fn write(&self) -> Write<'_> {
        let Self { verb, view, key, member, value } = self;
        Write { verb: *verb, view: *view, key, member, value }
    }
}

/// Keeps what is written.
struct Sink {
    views: Vec<View>,
    writes: Vec<Owned>,
    changes: Changes,
}

impl Default for Sink {
    fn default() -> Self {
        let views = views();
        Self { changes: Changes::new(views.len()), views, writes: Vec::new() }
    }
}

impl sandbox::Views for Sink {
    fn write(&mut self, write: &Write<'_>) -> Result<(), Refused> {
        self.changes.write(&self.views, write)?;
        let [key, member, value] = [write.key, write.member, write.value].map(Into::into);
        self.writes.push(Owned { verb: write.verb, view: write.view, key, member, value });
        Ok(())
    }

    fn read(&mut self, _query: Query, _cell: &CellRef<'_>) -> Result<Option<Value>, ViewError> {
        Ok(None)
    }

    fn prefetch(&mut self, _cells: &[CellRef<'_>]) -> Result<(), ViewError> {
        Ok(())
    }

    fn waited(&self) -> std::time::Duration {
        std::time::Duration::ZERO
    }
}

impl Sink {
    /// Checks what was taken by the words of the contract and of `docs/limits.md`.
    fn assert_allowed(&self) {
        let limits = limits();
        self.writes.iter().for_each(|write| assert_allowed(&self.views[write.view as usize], write, &limits));
        let parts = |w: &Owned| w.key.len() + w.member.len() + w.value.len();
        let bytes: usize = self.writes.iter().map(parts).sum();
        assert!(self.writes.len() <= limits.event_ops_max && bytes <= limits.event_bytes_max);
        assert!(self.changes.bytes() <= bytes + 64 * self.writes.len(), "what it takes is bounded");
        for (view, _, structure) in self.changes.structures() {
            assert_sound(&self.views[view as usize], structure);
        }
    }
}

fn assert_allowed(view: &View, write: &Owned, limits: &Limits) {
    let allowed: &[Verb] = match view.kind {
        Kind::Table => &[Verb::Hset, Verb::Hdel],
        Kind::Counters => &[Verb::Hincrby, Verb::Hdel],
        Kind::Ranking => &[Verb::Zadd, Verb::Zincrby, Verb::Zrem],
        Kind::Set => &[Verb::Sadd, Verb::Srem],
        Kind::List => &[Verb::Lpush],
        Kind::Value => &[Verb::Set],
    };
    assert!(allowed.contains(&write.verb) || (view.keyed && write.verb == Verb::Del), "{view} takes {write:?}");
    assert_eq!(view.keyed, !write.key.is_empty(), "{view} takes {write:?}");
    assert!(write.key.len().max(write.member.len()) <= limits.key_bytes_max);
    assert!(write.value.len() <= limits.value_bytes_max);
    match write.verb {
        Verb::Zadd => {
            let score = f64::from_le_bytes(write.value.as_slice().try_into().expect("a score has eight bytes"));
            assert!(!score.is_nan(), "a score is a number");
        }
        Verb::Hincrby | Verb::Zincrby => assert_eq!(write.value.len(), 8),
        _ => {}
    }
}

/// Checks that no commit of it can fail in the store.
fn assert_sound(view: &View, structure: &Structure) {
    assert!(structure.pushed.len() <= 2 * view.capacity as usize, "a list is kept short");
    for cell in structure.cells.values() {
        match cell {
            Cell::Add(sum) => assert!(sum.unsigned_abs() <= INCREMENT_MAX),
            Cell::Put(Value::Score(score)) => assert!(!score.is_nan()),
            Cell::Put(Value::Bytes(text)) if view.kind == Kind::Counters => {
                let number: i64 = std::str::from_utf8(text).expect("it is text").parse().expect("it is a number");
                assert!(
                    number.unsigned_abs() <= INCREMENT_MAX,
                    "a counter leaves room for the increments of a commit"
                );
            }
            Cell::Put(_) | Cell::Remove => {}
        }
    }
}

/// Checks that two batches come to the same as one, unless that is more than a commit may add. Scores may differ: where they have
/// fractions, it matters what is added up first.
fn assert_divisible(writes: &[Owned], cut: usize) {
    let views = views();
    let (first, second) = writes.split_at(cut.min(writes.len()));
    let (Ok(whole), Ok(mut parts), Ok(rest)) = (changes(writes), changes(first), changes(second)) else { return };
    if parts.append(&views, rest).is_ok() {
        assert_eq!(comparable(&whole), comparable(&parts));
    }
}

fn changes(writes: &[Owned]) -> Result<Changes, Refused> {
    let views = views();
    let mut changes = Changes::new(views.len());
    writes.iter().try_for_each(|write| changes.write(&views, &write.write()))?;
    Ok(changes)
}

/// All that they come to: of lists what is kept, and no scores.
fn comparable(changes: &Changes) -> Vec<(u32, Vec<u8>, Structure)> {
    let views = views();
    let one = |(view, key, structure): (u32, &[u8], &Structure)| {
        let mut structure = structure.clone();
        let excess = structure.pushed.len().saturating_sub(views[view as usize].capacity as usize);
        structure.pushed.drain(..excess);
        for cell in structure.cells.values_mut() {
            if let Cell::Put(Value::Score(score)) = cell {
                *score = 0.0;
            }
        }
        // A string that is put is there, whatever was before.
        if views[view as usize].kind == Kind::Value && structure.cells.values().any(|c| matches!(c, Cell::Put(_)))
        {
            structure.cleared = false;
        }
        (view, key.to_vec(), structure)
    };
    let mut all: Vec<_> = changes.structures().map(one).collect();
    all.sort_by(|(view, key, _), (other_view, other_key, _)| (view, key).cmp(&(other_view, other_key)));
    all
}
