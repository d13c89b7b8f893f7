//! Changes as Redis commands: as few as possible, each with as many elements as it takes.

use redis::{Cmd, Pipeline, cmd};

use crate::op::{Cell, Structure, Value};
use crate::projection::{Kind, Projection};

/// Elements of one command at most, so that no single command keeps the server for long.
const ELEMENTS_MAX: usize = 10_000;

/// Appends the commands that make the change, and for each the key that it is about to `keys`.
pub(super) fn append(
    pipeline: &mut Pipeline,
    keys: &mut Vec<Vec<u8>>,
    projection: &Projection,
    view: u32,
    key: &[u8],
    change: &Structure,
) {
    let key = projection.key(view, key);
    let view = &projection.views[view as usize];
    let mut add = |command: Cmd| {
        pipeline.add_command(command);
        keys.push(key.clone());
    };
    if change.cleared {
        add(one("UNLINK", &key));
    }
    let (set, remove, increase) = match view.kind {
        Kind::Table | Kind::Counters => ("HSET", "HDEL", "HINCRBY"),
        Kind::Ranking => ("ZADD", "ZREM", "ZINCRBY"),
        Kind::Set => ("SADD", "SREM", ""),
        Kind::List | Kind::Value => ("SET", "DEL", ""),
    };
    let mut sets = Elements::new(set, &key);
    let mut removals = Elements::new(remove, &key);
    for (member, cell) in &change.cells {
        match cell {
            Cell::Put(value) => add_some(&mut add, sets.push(|set| put(set, member, value, view.kind))),
            Cell::Remove => add_some(&mut add, removals.push(|remove| _ = remove.arg(&**member))),
            Cell::Add(delta) if view.kind == Kind::Ranking => {
                let mut increase = one(increase, &key);
                increase.arg(delta).arg(&**member);
                add(increase);
            }
            Cell::Add(delta) => {
                let mut increase = one(increase, &key);
                increase.arg(&**member).arg(delta);
                add(increase);
            }
        }
    }
    add_some(&mut add, sets.finish());
    add_some(&mut add, removals.finish());
    if !change.pushed.is_empty() {
        let mut push = one("LPUSH", &key);
        change.pushed.iter().for_each(|entry| _ = push.arg(&**entry));
        add(push);
        let mut trim = one("LTRIM", &key);
        trim.arg(0).arg(view.capacity - 1);
        add(trim);
    }
}

fn put(command: &mut Cmd, member: &[u8], value: &Value, kind: Kind) {
    match (value, kind) {
        (Value::Bytes(bytes), Kind::Value) => command.arg(&**bytes),
        (Value::Bytes(bytes), _) => command.arg(member).arg(&**bytes),
        (Value::Score(score), _) => command.arg(*score).arg(member),
        (Value::Member, _) => command.arg(member),
    };
}

fn one(name: &str, key: &[u8]) -> Cmd {
    let mut command = cmd(name);
    command.arg(key);
    command
}

fn add_some(add: &mut impl FnMut(Cmd), command: Option<Cmd>) {
    command.into_iter().for_each(add);
}

/// A command that collects elements.
struct Elements<'a> {
    name: &'a str,
    key: &'a [u8],
    command: Cmd,
    count: usize,
}

impl<'a> Elements<'a> {
    fn new(name: &'a str, key: &'a [u8]) -> Self {
        Self { name, key, command: one(name, key), count: 0 }
    }

    /// Adds an element, and gives the command back if it is full.
    fn push(&mut self, element: impl FnOnce(&mut Cmd)) -> Option<Cmd> {
        element(&mut self.command);
        self.count += 1;
        if self.count < ELEMENTS_MAX {
            return None;
        }
        self.count = 0;
        Some(std::mem::replace(&mut self.command, one(self.name, self.key)))
    }

    fn finish(self) -> Option<Cmd> {
        (self.count > 0).then_some(self.command)
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
        let (mut pipeline, mut keys) = (redis::pipe(), Vec::new());
        for (view, key, change) in changes.structures() {
            append(&mut pipeline, &mut keys, &projection, view, key, change);
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
}
