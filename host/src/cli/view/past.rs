//! The records of a view as they were: read from a replay in memory, in the order in which a reader of Redis has them.

use super::reader::Records;
use crate::op::Value;
use crate::projection::{Kind, View};
use crate::replay::text;
use crate::store::memory::{Held, Memory};
use crate::store::redis::Record;

/// How many records a view has, or keys.
pub(super) fn count(memory: &Memory, view: &View) -> u64 {
    match view.keyed {
        true => keys(memory, view).len() as u64,
        false => memory.structure(view.name.as_bytes()).map_or(0, |held| size(&held)),
    }
}

/// The keys of a keyed view.
pub(super) fn keys(memory: &Memory, view: &View) -> Vec<String> {
    let start = format!("{}:", view.name);
    memory.names(start.as_bytes()).iter().map(|name| text(&name[start.len()..])).collect()
}

/// The records of these ids, or the first ones.
pub(super) fn records(memory: &Memory, view: &View, key: Option<&str>, ids: &[String], limit: usize) -> Records {
    if view.kind == Kind::Value {
        return values(memory, view, &key.map_or_else(|| ids.to_vec(), |key| vec![key.to_owned()]));
    }
    let name = key.map_or_else(|| view.name.clone(), |key| format!("{}:{key}", view.name));
    let held = memory.structure(name.as_bytes()).unwrap_or_default();
    if ids.is_empty() {
        return Records { found: first(view.kind, &held, limit), count: size(&held), missing: Vec::new() };
    }
    let found = |id: &String| {
        held.cells.get(id.as_bytes()).map(|value| Record { name: Some(id.clone()), value: shown(value) })
    };
    records_of(ids, found)
}

/// The strings of a keyed view, with their keys as names.
pub(super) fn values(memory: &Memory, view: &View, keys: &[String]) -> Records {
    records_of(keys, |key| {
        let value = memory.cell(format!("{}:{key}", view.name).as_bytes(), b"")?;
        Some(Record { name: Some(key.clone()), value: shown(&value) })
    })
}

fn records_of(ids: &[String], found: impl Fn(&String) -> Option<Record>) -> Records {
    let missing = ids.iter().filter(|id| found(id).is_none()).cloned().collect();
    let found: Vec<Record> = ids.iter().filter_map(found).collect();
    Records { count: found.len() as u64, found, missing }
}

fn size(held: &Held) -> u64 {
    (held.cells.len() + held.entries.len()) as u64
}

fn first(kind: Kind, held: &Held, limit: usize) -> Vec<Record> {
    let record = |name: &[u8], value: &Value| Record { name: Some(text(name)), value: shown(value) };
    match kind {
        Kind::List => {
            let entries = held.entries.iter().take(limit);
            entries.map(|entry| Record { name: None, value: Some(text(entry)) }).collect()
        }
        Kind::Ranking => {
            let score = |value: &Value| if let Value::Score(score) = value { *score } else { 0.0 };
            let mut cells: Vec<_> = held.cells.iter().collect();
            // As ZREVRANGE has them: the highest first, of equal ones the last name first.
            cells.sort_by(|(a, x), (b, y)| score(y).total_cmp(&score(x)).then_with(|| b.cmp(a)));
            cells.into_iter().take(limit).map(|(name, value)| record(name, value)).collect()
        }
        _ => held.cells.iter().take(limit).map(|(name, value)| record(name, value)).collect(),
    }
}

/// A value as Redis shows it; nothing of what has nothing but its presence.
fn shown(value: &Value) -> Option<String> {
    match value {
        Value::Bytes(bytes) => Some(text(bytes)),
        Value::Score(score) => Some(score.to_string()),
        Value::Member => None,
    }
}
