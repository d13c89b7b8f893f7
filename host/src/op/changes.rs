//! Writes, coalesced: the last one of a cell wins and increments add up, so that a hot cell travels once.

use hashbrown::DefaultHashBuilder;
use indexmap::IndexMap;

use super::slot::{ByName, Name, Slot};
use super::{INCREMENT_MAX, Refused, Value, Verb, Write, check, eight};
use crate::projection::View;

/// What a write takes beside its bytes, about.
const WRITE_BYTES: usize = 64;

/// What becomes of a cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// It holds this.
    Put(Value),
    /// It goes.
    Remove,
    /// This is added to the number it holds; nothing counts as zero.
    Add(i64),
}

impl Cell {
    /// What it adds to a counter, or makes of it. None of what is no whole number.
    fn number(&self) -> Option<i64> {
        match self {
            Cell::Put(Value::Bytes(text)) => std::str::from_utf8(text).ok()?.parse().ok(),
            Cell::Add(sum) => Some(*sum),
            Cell::Put(_) | Cell::Remove => None,
        }
    }
}

/// What becomes of one Redis structure. First it is cleared if it is to be, then its cells change, then what was
/// pushed goes to its head.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Structure {
    /// Whether all that it held before goes.
    pub cleared: bool,
    /// Changes by field or member; the last one counts, and increments are added up.
    pub cells: IndexMap<Box<[u8]>, Cell, DefaultHashBuilder>,
    /// Entries of a list, in the order in which they were pushed.
    pub pushed: Vec<Box<[u8]>>,
}

/// All that a commit does to the views of a projection, coalesced: the last write of a cell wins and increments
/// add up, so that a hot cell travels once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    views: Vec<ByName<Structure>>,
    bytes: usize,
}

impl Changes {
    /// Nothing, for a projection with so many views.
    pub fn new(views: usize) -> Self {
        Self { views: (0..views).map(|_| IndexMap::default()).collect(), bytes: 0 }
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.views.iter().all(IndexMap::is_empty)
    }

    /// About how many bytes of keys, members and values were written, coalesced or not.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The structures that change: index of the view, key, change.
    pub fn structures(&self) -> impl Iterator<Item = (u32, &[u8], &Structure)> {
        (0u32..)
            .zip(&self.views)
            .flat_map(|(view, keys)| keys.iter().map(move |(key, structure)| (view, &**key, structure)))
    }

    /// What becomes of one structure, if anything.
    pub fn structure(&self, view: u32, key: &[u8]) -> Option<&Structure> {
        self.views.get(view as usize)?.get(key)
    }

    /// Adds a write of the plugin, after checking that its view takes it. A refused write changes no cell.
    pub fn write(&mut self, views: &[View], write: &Write<'_>) -> Result<(), Refused> {
        let view = views.get(write.view as usize).ok_or(Refused::NoSuchView(write.view))?;
        check(view, write)?;
        let structure = self.structure_mut(write.view, write.key);
        match write.verb {
            Verb::Hset => structure.put(write.member, Value::Bytes(write.value.into())),
            Verb::Set => structure.put(b"", Value::Bytes(write.value.into())),
            Verb::Sadd => structure.put(write.member, Value::Member),
            Verb::Zadd => structure.put(write.member, Value::Score(f64::from_le_bytes(eight(view, write)?))),
            Verb::Hdel | Verb::Zrem | Verb::Srem => structure.set(write.member, Cell::Remove),
            Verb::Hincrby | Verb::Zincrby => {
                let delta = i64::from_le_bytes(eight(view, write)?);
                structure.add(view, write.member, delta)?;
            }
            Verb::Lpush => {
                structure.pushed.push(write.value.into());
                let excess = structure.pushed.len().saturating_sub(view.capacity as usize);
                if excess > view.capacity as usize {
                    structure.pushed.drain(..excess);
                }
            }
            Verb::Del => *structure = Structure { cleared: true, ..Structure::default() },
        }
        self.bytes += write.key.len() + write.member.len() + write.value.len() + WRITE_BYTES;
        Ok(())
    }

    /// Adds what a later batch does.
    pub fn append(&mut self, views: &[View], later: Changes) -> Result<(), Refused> {
        if self.is_empty() {
            *self = later;
            return Ok(());
        }
        self.bytes += later.bytes;
        for (index, keys) in (0u32..).zip(later.views) {
            let Some(view) = views.get(index as usize) else { return Err(Refused::NoSuchView(index)) };
            for (key, structure) in keys {
                let slot = Slot::find(&mut self.views[index as usize], key);
                match slot.take() {
                    Ok(earlier) => earlier.append(view, structure)?,
                    Err(slot) => slot.set(structure),
                }
            }
        }
        Ok(())
    }

    /// Whether any structure loses all that it held.
    pub fn clears(&self) -> bool {
        self.views.iter().flat_map(|keys| keys.values()).any(|structure| structure.cleared)
    }

    /// Takes the structures out.
    pub fn into_structures(self) -> impl Iterator<Item = (u32, Box<[u8]>, Structure)> {
        (0u32..)
            .zip(self.views)
            .flat_map(|(view, keys)| keys.into_iter().map(move |(key, structure)| (view, key, structure)))
    }

    fn structure_mut(&mut self, view: u32, key: &[u8]) -> &mut Structure {
        let keys = &mut self.views[view as usize];
        // A view that is not keyed has one structure, for which nothing needs to be hashed.
        match keys.first() {
            Some((only, _)) if keys.len() == 1 && **only == *key => &mut keys[0],
            _ => Slot::find(keys, key).or_default(),
        }
    }
}

impl Structure {
    fn put(&mut self, member: &[u8], value: Value) {
        self.set(member, Cell::Put(value));
    }

    fn set(&mut self, member: impl Name, cell: Cell) {
        Slot::find(&mut self.cells, member).set(cell);
    }

    fn add(&mut self, view: &View, member: impl Name, delta: i64) -> Result<(), Refused> {
        let slot = Slot::find(&mut self.cells, member);
        let overflow = || Refused::Overflow {
            view: view.name.clone(),
            member: String::from_utf8_lossy(slot.name()).into_owned(),
        };
        let cell = match slot.get() {
            None if self.cleared => Cell::Put(view.kind.number(delta)),
            None => Cell::Add(delta),
            Some(Cell::Remove) => Cell::Put(view.kind.number(delta)),
            Some(Cell::Add(before)) => Cell::Add(before.checked_add(delta).ok_or_else(overflow)?),
            Some(Cell::Put(before)) => Cell::Put(before.plus(delta).ok_or_else(overflow)?),
        };
        if cell.number().is_some_and(|number| number.unsigned_abs() > INCREMENT_MAX) {
            return Err(overflow());
        }
        slot.set(cell);
        Ok(())
    }

    fn append(&mut self, view: &View, later: Structure) -> Result<(), Refused> {
        if later.cleared {
            *self = later;
            return Ok(());
        }
        for (member, cell) in later.cells {
            match cell {
                Cell::Add(delta) => self.add(view, member, delta)?,
                cell => self.set(member, cell),
            }
        }
        self.pushed.extend(later.pushed);
        let excess = self.pushed.len().saturating_sub(view.capacity as usize);
        self.pushed.drain(..excess);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::projection::Kind;

    fn view(kind: Kind, keyed: bool) -> View {
        View { name: "v".into(), kind, keyed, capacity: if kind == Kind::List { 2 } else { 0 } }
    }

    /// A write: verb, key, member, value.
    type Line<'a> = (Verb, &'a str, &'a str, &'a [u8]);

    fn changes(views: &[View], writes: &[Line<'_>]) -> Result<Changes, Refused> {
        let mut changes = Changes::new(views.len());
        for (verb, key, member, value) in writes {
            let write = Write { verb: *verb, view: 0, key: key.as_bytes(), member: member.as_bytes(), value };
            changes.write(views, &write)?;
        }
        Ok(changes)
    }

    fn cell(changes: &Changes, key: &str, member: &str) -> Option<Cell> {
        changes.structure(0, key.as_bytes())?.cells.get(member.as_bytes()).cloned()
    }

    fn text(text: &str) -> Cell {
        Cell::Put(Value::Bytes(text.as_bytes().into()))
    }

    #[test]
    fn last_write_wins_and_increments_add_up() {
        let table = [view(Kind::Table, false)];
        let written = changes(&table, &[(Verb::Hset, "", "a", b"1"), (Verb::Hset, "", "a", b"2")]).unwrap();
        assert_eq!(cell(&written, "", "a"), Some(text("2")));

        let counters = [view(Kind::Counters, false)];
        let five = 5i64.to_le_bytes();
        let written =
            changes(&counters, &[(Verb::Hincrby, "", "a", &five), (Verb::Hincrby, "", "a", &five)]).unwrap();
        assert_eq!(cell(&written, "", "a"), Some(Cell::Add(10)));
    }

    #[test]
    fn an_increment_after_a_removal_starts_from_zero() {
        let five = 5i64.to_le_bytes();
        let counters = [view(Kind::Counters, true)];
        for removal in [(Verb::Hdel, "k", "a", &b""[..]), (Verb::Del, "k", "", &b""[..])] {
            let written =
                changes(&counters, &[(Verb::Hincrby, "k", "a", &five), removal, (Verb::Hincrby, "k", "a", &five)]);
            assert_eq!(cell(&written.unwrap(), "k", "a"), Some(text("5")));
        }
    }

    #[test]
    fn appending_is_the_same_as_writing_on() {
        let five = 5i64.to_le_bytes();
        let views = [view(Kind::Counters, true)];
        let writes: [Line<'_>; 6] = [
            (Verb::Hincrby, "k", "a", &five),
            (Verb::Hdel, "k", "b", b""),
            (Verb::Hincrby, "k", "b", &five),
            (Verb::Del, "k", "", b""),
            (Verb::Hincrby, "k", "b", &five),
            (Verb::Hincrby, "k", "b", &five),
        ];
        let whole = changes(&views, &writes).unwrap();
        for cut in 0..=writes.len() {
            let mut parts = changes(&views, &writes[..cut]).unwrap();
            parts.append(&views, changes(&views, &writes[cut..]).unwrap()).unwrap();
            assert_eq!(parts, whole, "cut at {cut}");
        }
    }

    #[test]
    fn a_list_keeps_no_more_than_its_capacity() {
        let views = [view(Kind::List, false)];
        let mut written = changes(&views, &[(Verb::Lpush, "", "", b"1")]).unwrap();
        let later = changes(&views, &[(Verb::Lpush, "", "", b"2"), (Verb::Lpush, "", "", b"3")]).unwrap();
        written.append(&views, later).unwrap();
        let pushed: Vec<&[u8]> = written.structure(0, b"").unwrap().pushed.iter().map(|p| &**p).collect();
        assert_eq!(pushed, [b"2", b"3"]);
    }

    #[test]
    fn refuses_what_the_view_does_not_take() {
        let nan = f64::NAN.to_le_bytes();
        let max = i64::MAX.to_le_bytes();
        let cases: [(View, Vec<Line<'_>>, &str); 7] = [
            (
                view(Kind::Table, false),
                vec![(Verb::Zadd, "", "m", &nan)],
                "view `v` is a table, which has no `zadd`",
            ),
            (
                view(Kind::Table, false),
                vec![(Verb::Hset, "k", "m", b"")],
                "view `v` is not keyed, but `hset` names a key",
            ),
            (
                view(Kind::Table, true),
                vec![(Verb::Hset, "", "m", b"")],
                "view `v` is keyed, but `hset` names no key",
            ),
            (
                view(Kind::Ranking, false),
                vec![(Verb::Zadd, "", "m", &nan)],
                "`zadd` on view `v` has no valid number",
            ),
            (
                view(Kind::Ranking, false),
                vec![(Verb::Zincrby, "", "m", b"1")],
                "`zincrby` on view `v` has no valid number",
            ),
            (
                view(Kind::Counters, false),
                vec![(Verb::Hincrby, "", "m", &max), (Verb::Hincrby, "", "m", &max)],
                "the increments of `m` in view `v` are too large",
            ),
            (
                view(Kind::Counters, false),
                vec![(Verb::Hdel, "", "m", b""), (Verb::Hincrby, "", "m", &max)],
                "the increments of `m` in view `v` are too large",
            ),
        ];
        for (view, writes, message) in cases {
            assert_eq!(changes(&[view], &writes).unwrap_err().to_string(), message);
        }
    }
}
