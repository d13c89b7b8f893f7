//! A plugin that follows a script, by the SDK's handles, and what the script says as plain writes.

use lantern_sdk::prelude::{
    Counters, Event, Keyed, List, Projection, Ranking, Result, Set, Table, Value as Document, Views,
};
use lantern_sdk::testing::boundary;

use super::{CAPACITY, Owned, changes, comparable, taken};
use crate::event::{self, Batch};
use crate::fuzzing::Input;
use crate::op::Verb;

/// Increments stay so small that no sum is too large.
const DELTA_MASK: u64 = 0xff_ffff;

/// Whether the script has a step.
pub(super) fn script(input: Input<'_>) -> bool {
    let mut batch = Batch::default();
    let script = &input.0[..input.0.len().min(400)];
    let event = event::Event {
        topic: 0,
        partition: 0,
        offset: 0,
        timestamp: -1,
        key: None,
        headers: b"",
        payload: Some(script),
    };
    batch.push(&event);
    let columns = batch.columns();
    let blocks =
        boundary::apply::<Scribe>(columns.events, columns.ends, columns.data).expect("it does as it is told");
    let steps = steps(script);
    let mut written = Vec::new();
    for (heads, data) in &blocks {
        let (sink, result) = taken(heads, data);
        assert_eq!(result, Ok(()), "the host takes what the SDK writes");
        written.extend(sink.writes);
    }
    let expected = changes(&steps).expect("a step is allowed");
    let actual = changes(&written).expect("it was taken before");
    assert_eq!(comparable(&actual), comparable(&expected), "{steps:?}");
    !steps.is_empty()
}

/// What a script says: the view and verb, and for each a key, a member and a number. No limit is reached.
fn steps(script: &[u8]) -> Vec<Owned> {
    let mut input = Input(script);
    let mut steps = Vec::new();
    while !input.is_empty() && steps.len() < 30 {
        let (choice, names) = (input.byte(), input.byte());
        let number = input.number() & DELTA_MASK;
        let view = u32::from(choice) % 11;
        let is_keyed = view >= 5;
        let verb = verb(view, choice / 11);
        let has_member = !matches!(verb, Verb::Lpush | Verb::Set | Verb::Del);
        let value = match verb {
            Verb::Hset | Verb::Set | Verb::Lpush => number.to_string().into_bytes(),
            Verb::Zadd => (number as f64).to_le_bytes().into(),
            Verb::Hincrby | Verb::Zincrby => number.to_le_bytes().into(),
            _ => Vec::new(),
        };
        steps.push(Owned {
            verb,
            view,
            key: if is_keyed { vec![names & 3] } else { Vec::new() },
            member: if has_member { vec![names >> 4; usize::from(names >> 6)] } else { Vec::new() },
            value,
        });
    }
    steps
}

/// One of the verbs of a view.
fn verb(view: u32, choice: u8) -> Verb {
    let verbs: &[Verb] = match view {
        0 => &[Verb::Hset, Verb::Hdel],
        1 => &[Verb::Hincrby, Verb::Hdel],
        2 => &[Verb::Zadd, Verb::Zincrby, Verb::Zrem],
        3 => &[Verb::Sadd, Verb::Srem],
        4 => &[Verb::Lpush],
        5 => &[Verb::Hset, Verb::Hdel, Verb::Del],
        6 => &[Verb::Hincrby, Verb::Hdel, Verb::Del],
        7 => &[Verb::Zadd, Verb::Zincrby, Verb::Zrem, Verb::Del],
        8 => &[Verb::Sadd, Verb::Srem, Verb::Del],
        9 => &[Verb::Lpush, Verb::Del],
        _ => &[Verb::Set, Verb::Del],
    };
    verbs[usize::from(choice) % verbs.len()]
}

/// Does what its event says, by handles.
struct Scribe {
    table: Table<u64>,
    counters: Counters,
    ranking: Ranking,
    set: Set,
    list: List,
    keyed_table: Keyed<Table<u64>>,
    keyed_counters: Keyed<Counters>,
    keyed_ranking: Keyed<Ranking>,
    keyed_set: Keyed<Set>,
    keyed_list: Keyed<List>,
    value: Document<u64>,
}

impl Projection for Scribe {
    const NAME: &'static str = "scribe";
    const TOPICS: &'static [&'static str] = &["scripts"];

    fn new(views: &mut Views) -> Self {
        Self {
            table: views.table("table"),
            counters: views.counters("counters"),
            ranking: views.ranking("ranking"),
            set: views.set("set"),
            list: views.list("list", CAPACITY),
            keyed_table: views.keyed_table("keyed-table"),
            keyed_counters: views.keyed_counters("keyed-counters"),
            keyed_ranking: views.keyed_ranking("keyed-ranking"),
            keyed_set: views.keyed_set("keyed-set"),
            keyed_list: views.keyed_list("keyed-list", CAPACITY),
            value: views.value("keyed-value"),
        }
    }

    fn apply(&mut self, event: &Event<'_>) -> Result<()> {
        steps(event.payload().unwrap_or_default()).iter().for_each(|step| self.step(step));
        Ok(())
    }
}

impl Scribe {
    fn step(&mut self, step: &Owned) {
        let key = &step.key;
        match step.view {
            0 => table(&mut self.table, step),
            1 => counters(&mut self.counters, step),
            2 => ranking(&mut self.ranking, step),
            3 => set(&mut self.set, step),
            4 => self.list.push(&step.value),
            5 if step.verb == Verb::Del => self.keyed_table.remove(key),
            5 => table(self.keyed_table.key(key), step),
            6 if step.verb == Verb::Del => self.keyed_counters.remove(key),
            6 => counters(self.keyed_counters.key(key), step),
            7 if step.verb == Verb::Del => self.keyed_ranking.remove(key),
            7 => ranking(self.keyed_ranking.key(key), step),
            8 if step.verb == Verb::Del => self.keyed_set.remove(key),
            8 => set(self.keyed_set.key(key), step),
            9 if step.verb == Verb::Del => self.keyed_list.remove(key),
            9 => self.keyed_list.key(key).push(&step.value),
            _ if step.verb == Verb::Del => self.value.remove(key),
            _ => self.value.set(key, document(step)),
        }
    }
}

fn table(table: &mut Table<u64>, step: &Owned) {
    match step.verb {
        Verb::Hset => table.set(&step.member, document(step)),
        _ => table.remove(&step.member),
    }
}

fn counters(counters: &mut Counters, step: &Owned) {
    match step.verb {
        Verb::Hincrby => counters.add(&step.member, i64::from_le_bytes(eight(step))),
        _ => counters.remove(&step.member),
    }
}

fn ranking(ranking: &mut Ranking, step: &Owned) {
    match step.verb {
        Verb::Zadd => ranking.set(&step.member, f64::from_le_bytes(eight(step))),
        Verb::Zincrby => ranking.add(&step.member, i64::from_le_bytes(eight(step))),
        _ => ranking.remove(&step.member),
    }
}

fn set(set: &mut Set, step: &Owned) {
    match step.verb {
        Verb::Sadd => set.insert(&step.member),
        _ => set.remove(&step.member),
    }
}

fn document(step: &Owned) -> u64 {
    std::str::from_utf8(&step.value).ok().and_then(|text| text.parse().ok()).expect("a step writes a number")
}

fn eight(step: &Owned) -> [u8; 8] {
    step.value.as_slice().try_into().expect("a number has eight bytes")
}
