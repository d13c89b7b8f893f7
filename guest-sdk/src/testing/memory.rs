//! Views in memory, which behave as the contract says the host's do.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::host::{Host, Verb, verb_and_view};
use crate::views::{Declaration, Kind};

/// All structures by their Redis name without the projection's prefix.
pub(super) type Structures = BTreeMap<String, Structure>;

/// Views in memory.
#[derive(Default)]
pub(super) struct Memory {
    declared: RefCell<Vec<Declaration>>,
    structures: RefCell<Structures>,
}

/// One Redis structure.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Structure {
    Table(BTreeMap<Vec<u8>, Vec<u8>>),
    Counters(BTreeMap<Vec<u8>, i64>),
    Ranking(BTreeMap<Vec<u8>, f64>),
    Set(BTreeSet<Vec<u8>>),
    List(VecDeque<Vec<u8>>),
    Value(Vec<u8>),
}

impl Memory {
    /// Note the views of the projection. Every instance must declare the same.
    pub(super) fn declare(&self, views: &[Declaration]) {
        let mut declared = self.declared.borrow_mut();
        assert!(
            declared.is_empty() || **declared == *views,
            "a fresh instance declares other views: {views:?}, not {declared:?}"
        );
        *declared = views.to_vec();
    }

    pub(super) fn structure(&self, name: &str) -> Option<Structure> {
        self.structures.borrow().get(name).cloned()
    }

    pub(super) fn structures(&self) -> Structures {
        self.structures.borrow().clone()
    }

    pub(super) fn restore(&self, structures: Structures) {
        self.structures.replace(structures);
    }

    /// The name of a structure, if the verb is one of its kind and the key fits.
    fn name(&self, verb: &str, kinds: &[Kind], view: u32, key: &[u8]) -> String {
        let declared = self.declared.borrow();
        let Some(found) = declared.get(view as usize) else {
            panic!("{verb}: there is no view {view}");
        };
        let Declaration { name, kind, keyed, .. } = found;
        assert!(kinds.contains(kind), "{verb} does not suit `{name}`, which is of the kind {kind:?}");
        match (*keyed, key) {
            (true, _) => format!("{name}:{}", String::from_utf8_lossy(key)),
            (false, []) => name.to_string(),
            (false, _) => panic!("{verb}: a key for `{name}`, which is not keyed"),
        }
    }

    fn capacity(&self, view: u32) -> usize {
        self.declared.borrow()[view as usize].capacity as usize
    }

    fn read<R>(&self, name: &str, read: impl FnOnce(&Structure) -> Option<R>) -> Option<R> {
        self.structures.borrow().get(name).and_then(read)
    }

    fn apply(&self, verb: Verb, view: u32, key: &[u8], member: &[u8], value: &[u8]) {
        let name = self.name(&format!("{verb:?}"), kinds_of(verb), view, key);
        let kind = self.declared.borrow()[view as usize].kind;
        let mut structures = self.structures.borrow_mut();
        if verb == Verb::Del {
            structures.remove(&name);
            return;
        }
        let structure = structures.entry(name.clone()).or_insert_with(|| Structure::new(kind));
        structure.apply(verb, member, value, self.capacity(view));
        if structure.is_empty() {
            structures.remove(&name);
        }
    }
}

/// The kinds that have a verb.
fn kinds_of(verb: Verb) -> &'static [Kind] {
    match verb {
        Verb::Hset => &[Kind::Table],
        Verb::Hdel => &[Kind::Table, Kind::Counters],
        Verb::Hincrby => &[Kind::Counters],
        Verb::Zadd | Verb::Zincrby | Verb::Zrem => &[Kind::Ranking],
        Verb::Sadd | Verb::Srem => &[Kind::Set],
        Verb::Lpush => &[Kind::List],
        Verb::Set => &[Kind::Value],
        Verb::Del => &[Kind::Table, Kind::Counters, Kind::Ranking, Kind::Set, Kind::List, Kind::Value],
    }
}

impl Structure {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Table => Self::Table(BTreeMap::new()),
            Kind::Counters => Self::Counters(BTreeMap::new()),
            Kind::Ranking => Self::Ranking(BTreeMap::new()),
            Kind::Set => Self::Set(BTreeSet::new()),
            Kind::List => Self::List(VecDeque::new()),
            Kind::Value => Self::Value(Vec::new()),
        }
    }

    fn apply(&mut self, verb: Verb, member: &[u8], value: &[u8], capacity: usize) {
        let integer = || i64::from_le_bytes(value.try_into().expect("an s64 has 8 bytes"));
        match (self, verb) {
            (Self::Table(fields), Verb::Hset) => {
                fields.insert(member.into(), value.into());
            }
            (Self::Table(fields), Verb::Hdel) => {
                fields.remove(member);
            }
            (Self::Counters(fields), Verb::Hincrby) => {
                let field = fields.entry(member.into()).or_default();
                *field = field.checked_add(integer()).expect("a counter exceeds 64 bits");
            }
            (Self::Counters(fields), Verb::Hdel) => {
                fields.remove(member);
            }
            (Self::Ranking(members), Verb::Zadd) => {
                let score = f64::from_le_bytes(value.try_into().expect("an f64 has 8 bytes"));
                assert!(!score.is_nan(), "a score must be a number");
                members.insert(member.into(), score);
            }
            (Self::Ranking(members), Verb::Zincrby) => {
                *members.entry(member.into()).or_default() += integer() as f64;
            }
            (Self::Ranking(members), Verb::Zrem) => {
                members.remove(member);
            }
            (Self::Set(members), Verb::Sadd) => {
                members.insert(member.into());
            }
            (Self::Set(members), Verb::Srem) => {
                members.remove(member);
            }
            (Self::List(entries), Verb::Lpush) => {
                entries.push_front(value.into());
                entries.truncate(capacity);
            }
            (Self::Value(string), Verb::Set) => *string = value.into(),
            (other, verb) => unreachable!("{verb:?} was checked against {other:?}"),
        }
    }

    /// Redis keeps no empty structure. A string is never empty here, since documents are JSON.
    fn is_empty(&self) -> bool {
        match self {
            Self::Table(fields) => fields.is_empty(),
            Self::Counters(fields) => fields.is_empty(),
            Self::Ranking(members) => members.is_empty(),
            Self::Set(members) => members.is_empty(),
            Self::List(entries) => entries.is_empty(),
            Self::Value(string) => string.is_empty(),
        }
    }
}

impl Host for Memory {
    fn hget(&self, view: u32, key: &[u8], field: &[u8]) -> Option<Vec<u8>> {
        let name = self.name("hget", &[Kind::Table, Kind::Counters], view, key);
        self.read(&name, |structure| match structure {
            Structure::Table(fields) => fields.get(field).cloned(),
            Structure::Counters(fields) => fields.get(field).map(|value| value.to_string().into()),
            _ => None,
        })
    }

    fn zscore(&self, view: u32, key: &[u8], member: &[u8]) -> Option<f64> {
        let name = self.name("zscore", &[Kind::Ranking], view, key);
        self.read(&name, |structure| match structure {
            Structure::Ranking(members) => members.get(member).copied(),
            _ => None,
        })
    }

    fn sismember(&self, view: u32, key: &[u8], member: &[u8]) -> bool {
        let name = self.name("sismember", &[Kind::Set], view, key);
        self.read(&name, |structure| match structure {
            Structure::Set(members) => Some(members.contains(member)),
            _ => None,
        })
        .unwrap_or(false)
    }

    fn get(&self, view: u32, key: &[u8]) -> Option<Vec<u8>> {
        let name = self.name("get", &[Kind::Value], view, key);
        self.read(&name, |structure| match structure {
            Structure::Value(string) => Some(string.clone()),
            _ => None,
        })
    }

    fn prefetch(&self, view: u32, ends: &[u32], data: &[u8]) {
        let mut start = 0;
        for end in ends.chunks_exact(2) {
            let readable = &[Kind::Table, Kind::Counters, Kind::Ranking, Kind::Set, Kind::Value];
            self.name("prefetch", readable, view, &data[start..end[0] as usize]);
            start = end[1] as usize;
        }
    }

    fn write(&self, heads: &[u32], data: &[u8]) {
        let mut start = 0;
        for &[head, key, member, value] in heads.as_chunks().0 {
            let [key, member, value] = [key, member, value].map(|end| {
                let part = &data[start..end as usize];
                start = end as usize;
                part
            });
            let (verb, view) = verb_and_view(head);
            self.apply(Verb::ALL[verb as usize], view, key, member, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::head;

    fn memory() -> Memory {
        let memory = Memory::default();
        memory.declare(&[Declaration { name: "totals".into(), kind: Kind::Counters, keyed: false, capacity: 0 }]);
        memory
    }

    #[test]
    #[should_panic(expected = "zscore does not suit `totals`, which is of the kind Counters")]
    fn refuses_a_verb_of_another_kind() {
        memory().zscore(0, b"", b"a");
    }

    #[test]
    #[should_panic(expected = "a key for `totals`, which is not keyed")]
    fn refuses_a_key_where_none_belongs() {
        memory().write(&[head(Verb::Hincrby, 0), 1, 2, 10], &[0; 10]);
    }

    #[test]
    #[should_panic(expected = "there is no view 7")]
    fn refuses_a_view_that_is_not_declared() {
        memory().get(7, b"");
    }
}
