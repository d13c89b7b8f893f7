//! Changes as Redis commands: as few as possible, each with as many elements as it takes.

use redis::{Cmd, Pipeline};

use crate::op::{Cell, Structure, Value};
use crate::projection::{Kind, Projection};

/// Elements of one command at most, so that no single command keeps the server for long.
const ELEMENTS_MAX: usize = 10_000;

/// Bytes of the longest number as text.
const NUMBER_BYTES: usize = 20;

/// Which key each command of a transaction is about.
#[derive(Default)]
pub(super) struct Touched {
    /// Keys in the order of their commands, each with how many commands there are up to its last.
    runs: Vec<(usize, Vec<u8>)>,
}

impl Touched {
    /// Notes that so many more commands are about the key.
    pub(super) fn push(&mut self, key: impl Into<Vec<u8>>, commands: usize) {
        let before = self.runs.last().map_or(0, |(end, _)| *end);
        self.runs.push((before + commands, key.into()));
    }

    /// The key of a command, if it is about one.
    pub(super) fn get(&self, command: usize) -> Option<&Vec<u8>> {
        let run = self.runs.partition_point(|(end, _)| *end <= command);
        self.runs.get(run).map(|(_, key)| key)
    }
}

/// Appends the commands that make the change, and notes the key that they are about.
pub(super) fn append(
    pipeline: &mut Pipeline,
    touched: &mut Touched,
    projection: &Projection,
    view: u32,
    key: &[u8],
    change: &Structure,
) {
    let before = pipeline.len();
    let key = projection.key(view, key);
    let view = &projection.views[view as usize];
    let mut add = |command: Cmd| _ = pipeline.add_command(command);
    if change.cleared {
        add(one("UNLINK", &key, Room::default()));
    }
    let (set, remove, increase) = match view.kind {
        Kind::Table | Kind::Counters => ("HSET", "HDEL", "HINCRBY"),
        Kind::Ranking => ("ZADD", "ZREM", "ZINCRBY"),
        Kind::Set => ("SADD", "SREM", ""),
        Kind::List | Kind::Value => ("SET", "DEL", ""),
    };
    let (to_set, to_remove) = rooms(change);
    let mut sets = Elements::new(set, &key, to_set);
    let mut removals = Elements::new(remove, &key, to_remove);
    for (member, cell) in &change.cells {
        match cell {
            Cell::Put(value) => add_some(&mut add, sets.push(|set| put(set, member, value, view.kind))),
            Cell::Remove => add_some(&mut add, removals.push(|remove| _ = remove.arg(&**member))),
            Cell::Add(delta) => {
                let mut increase = one(increase, &key, Room { args: 2, bytes: member.len() + NUMBER_BYTES });
                match view.kind {
                    Kind::Ranking => increase.arg(delta).arg(&**member),
                    _ => increase.arg(&**member).arg(delta),
                };
                add(increase);
            }
        }
    }
    add_some(&mut add, sets.command);
    add_some(&mut add, removals.command);
    if !change.pushed.is_empty() {
        let bytes = change.pushed.iter().map(|entry| entry.len()).sum();
        let mut push = one("LPUSH", &key, Room { args: change.pushed.len(), bytes });
        change.pushed.iter().for_each(|entry| _ = push.arg(&**entry));
        add(push);
        let mut trim = one("LTRIM", &key, Room { args: 2, bytes: 2 * NUMBER_BYTES });
        trim.arg(0).arg(view.capacity - 1);
        add(trim);
    }
    touched.push(key, pipeline.len() - before);
}

/// How much room the first command for the cells that are put needs, and that for those that are removed.
fn rooms(change: &Structure) -> (Room, Room) {
    let (mut put, mut remove) = (Room::default(), Room::default());
    for (member, cell) in change.cells.iter().take(ELEMENTS_MAX) {
        match cell {
            Cell::Put(value) => {
                put.args += 2;
                put.bytes += member.len() + value.bytes();
            }
            Cell::Remove => {
                remove.args += 1;
                remove.bytes += member.len();
            }
            Cell::Add(_) => {}
        }
    }
    (put, remove)
}

fn put(command: &mut Cmd, member: &[u8], value: &Value, kind: Kind) {
    match (value, kind) {
        (Value::Bytes(bytes), Kind::Value) => command.arg(&**bytes),
        (Value::Bytes(bytes), _) => command.arg(member).arg(&**bytes),
        (Value::Score(score), _) => command.arg(*score).arg(member),
        (Value::Member, _) => command.arg(member),
    };
}

/// What arguments take, behind the name of a command and its key. A command grows where this is too little.
#[derive(Clone, Copy, Default)]
struct Room {
    args: usize,
    bytes: usize,
}

fn one(name: &str, key: &[u8], room: Room) -> Cmd {
    let mut command = Cmd::with_capacity(2 + room.args, name.len() + key.len() + room.bytes);
    command.arg(name).arg(key);
    command
}

fn add_some(add: &mut impl FnMut(Cmd), command: Option<Cmd>) {
    command.into_iter().for_each(add);
}

/// A command that collects elements.
struct Elements<'a> {
    name: &'a str,
    key: &'a [u8],
    room: Room,
    /// None as long as it has no element.
    command: Option<Cmd>,
    count: usize,
}

impl<'a> Elements<'a> {
    fn new(name: &'a str, key: &'a [u8], room: Room) -> Self {
        Self { name, key, room, command: None, count: 0 }
    }

    /// Adds an element, and gives the command back if it is full.
    fn push(&mut self, element: impl FnOnce(&mut Cmd)) -> Option<Cmd> {
        element(self.command.get_or_insert_with(|| one(self.name, self.key, self.room)));
        self.count += 1;
        if self.count < ELEMENTS_MAX {
            return None;
        }
        self.count = 0;
        self.command.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::{Changes, Verb, Write};
    use crate::projection::{Ordering, View};

    fn commands(kind: Kind, keyed: bool, writes: &[(Verb, &str, &[u8])]) -> Vec<String> {
        let view = View { name: "v".into(), kind, keyed, capacity: 3 };
        let projection = Projection {
            name: "p".into(),
            generation: 1,
            begun: 0,
            live: true,
            prefix: "p:".into(),
            topics: [].into(),
            views: [view].into(),
            ordering: Ordering::Partition,
        };
        let key: &[u8] = if keyed { b"k" } else { b"" };
        let mut changes = Changes::new(1);
        for (verb, member, value) in writes {
            let write = Write { verb: *verb, view: 0, key, member: member.as_bytes(), value };
            changes.write(&projection.views, &write).expect("the test writes what the view takes");
        }
        let (mut pipeline, mut touched) = (redis::pipe(), Touched::default());
        for (view, key, change) in changes.structures() {
            append(&mut pipeline, &mut touched, &projection, view, key, change);
        }
        let text = |c: &Cmd| {
            let words = c.args_iter().map(|arg| match arg {
                redis::Arg::Simple(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                _ => "?".to_owned(),
            });
            words.collect::<Vec<_>>().join(" ")
        };
        pipeline.cmd_iter().map(text).collect()
    }

    #[test]
    fn one_command_for_all_elements_of_a_kind() {
        let two = 2i64.to_le_bytes();
        let half = 0.5f64.to_le_bytes();
        let table = [(Verb::Hset, "a", &b"1"[..]), (Verb::Hset, "b", b"2"), (Verb::Hdel, "c", b"")];
        assert_eq!(commands(Kind::Table, false, &table), ["HSET p:v a 1 b 2", "HDEL p:v c"]);
        let counters = [(Verb::Hincrby, "a", &two[..])];
        assert_eq!(commands(Kind::Counters, false, &counters), ["HINCRBY p:v a 2"]);
        let ranking = [(Verb::Zadd, "a", &half[..]), (Verb::Zincrby, "b", &two), (Verb::Zrem, "c", b"")];
        assert_eq!(commands(Kind::Ranking, false, &ranking), ["ZINCRBY p:v 2 b", "ZADD p:v 0.5 a", "ZREM p:v c"]);
        let list = [(Verb::Lpush, "", &b"1"[..]), (Verb::Lpush, "", b"2")];
        assert_eq!(commands(Kind::List, false, &list), ["LPUSH p:v 1 2", "LTRIM p:v 0 2"]);
        let value = [(Verb::Del, "", &b""[..]), (Verb::Set, "", b"1")];
        assert_eq!(commands(Kind::Value, true, &value), ["UNLINK p:v:k", "SET p:v:k 1"]);
    }
    #[test]
    fn tells_of_each_command_what_it_is_about() {
        let mut touched = Touched::default();
        touched.push("a", 2);
        touched.push("none", 0);
        touched.push("b", 1);
        let keys = [0, 1, 2, 3].map(|command| touched.get(command).map(Vec::as_slice));
        assert_eq!(keys, [Some(&b"a"[..]), Some(b"a"), Some(b"b"), None]);
    }
}
