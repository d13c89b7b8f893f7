//! What a plugin can call: its views, the log, and its configuration. Arguments are read where they lie in the plugin's memory.

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, LinkerInstance, WasmList, WasmStr};

use super::abi::{self, Level};
use super::fuel;
use super::instance::State;
use super::meter::Meter;
use crate::limits::Limits;
use crate::op::{CellRef, Query, Refused, Value, Verb, Write};
use crate::sandbox::{ViewError, Views};

/// A line that the plugin logged, kept until the call that it came from is over.
pub(super) struct Line {
    pub(super) level: Level,
    /// Index of the event in its batch.
    pub(super) event: Option<u32>,
    pub(super) message: String,
}

type Bytes = WasmList<u8>;

/// Defines the contract's imports.
pub(super) fn link<V: Views>(linker: &mut Linker<State<V>>) -> wasmtime::Result<()> {
    let mut views = linker.instance(&format!("lantern:projection/views@{}", abi::VERSION))?;
    link_reads(&mut views)?;
    link_writes(&mut views)?;
    link_block(&mut views)?;
    let mut log = linker.instance(&format!("lantern:projection/log@{}", abi::VERSION))?;
    log.func_wrap("log", |store, (level, event, message): (Level, Option<u32>, WasmStr)| {
        note(store, level, event, &message)
    })?;
    let mut config = linker.instance(&format!("lantern:projection/config@{}", abi::VERSION))?;
    config.func_wrap("get", |mut store: StoreContextMut<'_, State<V>>, (name,): (WasmStr,)| {
        let name = name.to_str(&store)?;
        let (value, length) = (store.data().config.get(&*name).cloned(), name.len());
        fuel::charge(&mut store, length + value.as_ref().map_or(0, String::len))?;
        Ok((value,))
    })
}

fn link_reads<V: Views>(views: &mut LinkerInstance<'_, State<V>>) -> wasmtime::Result<()> {
    views.func_wrap("hget", |mut store, (view, key, field): (u32, Bytes, Bytes)| {
        let value = read(&mut store, Query::Hget, view, &key, Some(&field))?;
        bytes(&mut store, value)
    })?;
    views.func_wrap("get", |mut store, (view, key): (u32, Bytes)| {
        let value = read(&mut store, Query::Get, view, &key, None)?;
        bytes(&mut store, value)
    })?;
    views.func_wrap("zscore", |mut store, (view, key, member): (u32, Bytes, Bytes)| {
        Ok((match read(&mut store, Query::Zscore, view, &key, Some(&member))? {
            Some(Value::Score(score)) => Some(score),
            _ => None,
        },))
    })?;
    views.func_wrap("sismember", |mut store, (view, key, member): (u32, Bytes, Bytes)| {
        Ok((read(&mut store, Query::Sismember, view, &key, Some(&member))?.is_some(),))
    })
}

fn link_writes<V: Views>(views: &mut LinkerInstance<'_, State<V>>) -> wasmtime::Result<()> {
    views.func_wrap("hset", |store, (view, key, field, value): (u32, Bytes, Bytes, Bytes)| {
        write(store, Verb::Hset, view, &key, Some(&field), Operand::List(&value))
    })?;
    for (name, verb) in [("hincrby", Verb::Hincrby), ("zincrby", Verb::Zincrby)] {
        views.func_wrap(name, move |store, (view, key, member, delta): (u32, Bytes, Bytes, i64)| {
            write(store, verb, view, &key, Some(&member), Operand::Number(delta.to_le_bytes()))
        })?;
    }
    views.func_wrap("zadd", |store, (view, key, member, score): (u32, Bytes, Bytes, f64)| {
        write(store, Verb::Zadd, view, &key, Some(&member), Operand::Number(score.to_le_bytes()))
    })?;
    let without_value = [("hdel", Verb::Hdel), ("zrem", Verb::Zrem), ("sadd", Verb::Sadd), ("srem", Verb::Srem)];
    for (name, verb) in without_value {
        views.func_wrap(name, move |store, (view, key, member): (u32, Bytes, Bytes)| {
            write(store, verb, view, &key, Some(&member), Operand::None)
        })?;
    }
    for (name, verb) in [("lpush", Verb::Lpush), ("set", Verb::Set)] {
        views.func_wrap(name, move |store, (view, key, value): (u32, Bytes, Bytes)| {
            write(store, verb, view, &key, None, Operand::List(&value))
        })?;
    }
    views.func_wrap("del", |store, (view, key): (u32, Bytes)| {
        write(store, Verb::Del, view, &key, None, Operand::None)
    })
}

fn link_block<V: Views>(views: &mut LinkerInstance<'_, State<V>>) -> wasmtime::Result<()> {
    views.func_wrap("write", |mut store, (heads, data): (WasmList<u32>, Bytes)| {
        with_views(&mut store, 4 * heads.len() + data.len(), |access, mut target| {
            Ok(write_block(&mut target, access.words(&heads), access.bytes(&data))?)
        })
    })?;
    views.func_wrap("prefetch", |mut store, (view, ends, data): (u32, WasmList<u32>, Bytes)| {
        with_views(&mut store, 4 * ends.len() + data.len(), |access, target| {
            let (pairs, []) = access.words(&ends).as_chunks() else {
                return Err(Refused::Malformed("two ends a cell are needed").into());
            };
            let mut parts = Parts::new(access.bytes(&data));
            let mut cells = Vec::with_capacity(pairs.len());
            for &[key, member] in pairs {
                let cell = CellRef { view, key: parts.next(key)?, member: parts.next(member)? };
                check_name(target.limits, cell.key, cell.member)?;
                target.meter.read(&cell)?;
                cells.push(cell);
            }
            target.views.prefetch(&cells)
        })
    })
}

/// What an import may look at while it works on the views: the plugin's memory.
struct Access<'a, V: Views> {
    store: &'a StoreContextMut<'a, State<V>>,
}

/// What it works on, and what bounds that.
struct Target<'a, V> {
    views: &'a mut V,
    limits: &'a Limits,
    meter: &'a mut Meter,
}

impl<V: Views> Access<'_, V> {
    fn bytes(&self, list: &Bytes) -> &[u8] {
        list.as_le_slice(self.store)
    }

    fn words(&self, list: &WasmList<u32>) -> &[u32] {
        list.as_le_slice(self.store)
    }
}

/// Lends out the views while the plugin's memory can be read, for a call that hands over so many bytes.
fn with_views<V: Views, T>(
    store: &mut StoreContextMut<'_, State<V>>,
    bytes: usize,
    work: impl FnOnce(Access<'_, V>, Target<'_, V>) -> Result<T, ViewError>,
) -> wasmtime::Result<T> {
    fuel::charge(store, bytes)?;
    let Some(mut views) = store.data_mut().views.take() else {
        return Err(wasmtime::Error::msg("views can only be used while a batch is applied"));
    };
    let mut meter = store.data().meter;
    let target = Target { views: &mut *views, limits: &store.data().limits, meter: &mut meter };
    let result = work(Access { store }, target);
    let state = store.data_mut();
    (state.views, state.meter) = (Some(views), meter);
    result.map_err(wasmtime::Error::new)
}

fn read<V: Views>(
    store: &mut StoreContextMut<'_, State<V>>,
    query: Query,
    view: u32,
    key: &Bytes,
    member: Option<&Bytes>,
) -> wasmtime::Result<Option<Value>> {
    let length = key.len() + member.map_or(0, |member| member.len());
    with_views(store, length, |access, target| {
        let member = member.map_or(&[][..], |member| access.bytes(member));
        let cell = CellRef { view, key: access.bytes(key), member };
        check_name(target.limits, cell.key, cell.member)?;
        target.meter.read(&cell)?;
        target.views.read(query, &cell)
    })
}

/// What a read gives the plugin, which costs it too.
fn bytes<V: Views>(
    store: &mut StoreContextMut<'_, State<V>>,
    value: Option<Value>,
) -> wasmtime::Result<(Option<Box<[u8]>>,)> {
    let Some(Value::Bytes(bytes)) = value else { return Ok((None,)) };
    fuel::charge(store, bytes.len())?;
    Ok((Some(bytes),))
}

enum Operand<'a> {
    None,
    List(&'a Bytes),
    Number([u8; 8]),
}

fn write<V: Views>(
    mut store: StoreContextMut<'_, State<V>>,
    verb: Verb,
    view: u32,
    key: &Bytes,
    member: Option<&Bytes>,
    operand: Operand<'_>,
) -> wasmtime::Result<()> {
    let operand_length = if let Operand::List(list) = &operand { list.len() } else { 8 };
    let length = key.len() + member.map_or(0, |member| member.len()) + operand_length;
    with_views(&mut store, length, |access, mut target| {
        let value = match &operand {
            Operand::None => &[],
            Operand::List(list) => access.bytes(list),
            Operand::Number(number) => &number[..],
        };
        let member = member.map_or(&[][..], |member| access.bytes(member));
        let write = Write { verb, view, key: access.bytes(key), member, value };
        Ok(write_one(&mut target, &write)?)
    })
}

fn write_block<V: Views>(target: &mut Target<'_, V>, heads: &[u32], data: &[u8]) -> Result<(), Refused> {
    let (heads, []) = heads.as_chunks() else {
        return Err(Refused::Malformed("four heads a write are needed"));
    };
    let mut parts = Parts::new(data);
    for &[head, key, member, value] in heads {
        let [number, view @ ..] = head.to_be_bytes();
        // A reason is only made where there is something to refuse: to drop one takes longer than what is left here.
        let Some(verb) = Verb::from_number(number) else { return Err(Refused::NoSuchVerb(number)) };
        let view = u32::from_be_bytes([0, view[0], view[1], view[2]]);
        let (key, member, value) = (parts.next(key)?, parts.next(member)?, parts.next(value)?);
        write_one(target, &Write { verb, view, key, member, value })?;
    }
    Ok(())
}

/// The block without a plugin, for the fuzz targets.
#[cfg(any(test, fuzzing))]
pub(super) fn write_apart<V: Views>(
    views: &mut V,
    limits: &Limits,
    heads: &[u32],
    data: &[u8],
) -> Result<(), Refused> {
    write_block(&mut Target { views, limits, meter: &mut Meter::new(limits, 1) }, heads, data)
}

fn write_one<V: Views>(target: &mut Target<'_, V>, write: &Write<'_>) -> Result<(), Refused> {
    check_name(target.limits, write.key, write.member)?;
    check_size("a value", write.value, "value-size", target.limits.value_bytes_max)?;
    target.meter.write(write)?;
    target.views.write(write)
}

fn check_name(limits: &Limits, key: &[u8], member: &[u8]) -> Result<(), Refused> {
    check_size("a key", key, "key-size", limits.key_bytes_max)?;
    check_size("a field or member", member, "key-size", limits.key_bytes_max)
}

fn check_size(what: &'static str, part: &[u8], name: &'static str, limit: usize) -> Result<(), Refused> {
    match part.len() {
        actual if actual > limit => Err(Refused::TooLarge { what, actual, name, limit }),
        _ => Ok(()),
    }
}

/// Cuts a block of bytes at its ends.
struct Parts<'a> {
    data: &'a [u8],
    start: usize,
}

impl<'a> Parts<'a> {
    fn new(data: &'a [u8]) -> Self {
        Self { data, start: 0 }
    }

    /// The part from the last end to this one.
    fn next(&mut self, end: u32) -> Result<&'a [u8], Refused> {
        let Some(part) = self.data.get(self.start..end as usize) else {
            return Err(Refused::Malformed("ends must ascend and stay within the data"));
        };
        self.start = end as usize;
        Ok(part)
    }
}

fn note<V: Views>(
    mut store: StoreContextMut<'_, State<V>>,
    level: Level,
    event: Option<u32>,
    message: &WasmStr,
) -> wasmtime::Result<()> {
    let text = message.to_str(&store)?;
    let (message, length) = (cut(&text, store.data().limits.log_line_bytes_max), text.len());
    fuel::charge(&mut store, length)?;
    let state = store.data_mut();
    let line = Line { level, event, message };
    if level == Level::Fatal {
        state.fatal = Some(line);
    } else if state.chatter.may_say(&line.message, &state.limits) {
        state.lines.push(line);
    }
    Ok(())
}

/// A text, cut off after so many bytes.
pub(super) fn cut(text: &str, most: usize) -> String {
    let kept = &text[..text.floor_char_boundary(most)];
    if kept.len() < text.len() { format!("{kept}…") } else { kept.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stay_within_their_data() {
        let mut parts = Parts::new(b"abc");
        assert_eq!([1, 1, 3].map(|end| parts.next(end)), [Ok(&b"a"[..]), Ok(b""), Ok(b"bc")]);
        for [first, second] in [[2, 1], [1, 4], [u32::MAX, 0]] {
            let mut parts = Parts::new(b"abc");
            let last = parts.next(first).and_then(|_| parts.next(second));
            assert_eq!(last, Err(Refused::Malformed("ends must ascend and stay within the data")));
        }
    }
}
