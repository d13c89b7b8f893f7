//! Every verb of every kind of view, and what a batch sees of its own writes.

#![expect(clippy::unit_arg, reason = "a script's verb is an expression, whether it reads or writes")]

use std::collections::BTreeMap;

use lantern_sdk::prelude::*;
use lantern_sdk::testing::{Failure, Harness, TestEvent, event, same_views_for_any_batches};
use serde_json::json;

/// Does what its events say: `<view> <verb> <key> <member> <value>`, and lists what it reads.
struct Script {
    documents: Table<u64>,
    keyed_documents: Keyed<Table<u64>>,
    strings: Value<u64>,
    counters: Counters,
    keyed_counters: Keyed<Counters>,
    ranking: Ranking,
    keyed_ranking: Keyed<Ranking>,
    set: Set,
    keyed_set: Keyed<Set>,
    keyed_list: Keyed<List>,
    maps: Table<BTreeMap<(u8, u8), u8>>,
    read: List,
}

impl Projection for Script {
    const NAME: &'static str = "script";
    const TOPICS: &'static [&'static str] = &["lines"];

    fn new(views: &mut Views) -> Self {
        Self {
            documents: views.table("documents").remember(2),
            keyed_documents: views.keyed_table("keyed-documents"),
            strings: views.value("strings"),
            counters: views.counters("counters"),
            keyed_counters: views.keyed_counters("keyed-counters"),
            ranking: views.ranking("ranking"),
            keyed_ranking: views.keyed_ranking("keyed-ranking"),
            set: views.set("set"),
            keyed_set: views.keyed_set("keyed-set"),
            keyed_list: views.keyed_list("keyed-list", 2),
            maps: views.table("maps"),
            read: views.list("read", 1000),
        }
    }

    fn prefetch(&mut self, _: &Events<'_>) {
        self.documents.prefetch(["a", "b", "a"]);
        self.keyed_documents.prefetch([("k", "a"), ("l", "a")]);
        self.strings.prefetch(["a"]);
        self.ranking.prefetch(["a"]);
    }

    fn apply(&mut self, event: &Event<'_>) -> Result<()> {
        let line = std::str::from_utf8(event.payload().unwrap_or_default())?;
        let words: Vec<_> = line.split(' ').collect();
        let read = match *words {
            ["documents", ref rest @ ..] => on_table(&mut self.documents, rest)?,
            ["keyed-documents", "del", key] => done(self.keyed_documents.remove(key)),
            ["keyed-documents", key, ref rest @ ..] => on_table(self.keyed_documents.key(key), rest)?,
            ["strings", "get", key] => Some(format!("{:?}", self.strings.get(key)?.map(|d| *d))),
            ["strings", "bump", key] => done(*self.strings.get_or_insert_with(key, || 0)? += 1),
            ["strings", "set", key, value] => done(self.strings.set(key, value.parse()?)),
            ["strings", "remove", key] => done(self.strings.remove(key)),
            ["counters", ref rest @ ..] => on_counters(&mut self.counters, rest)?,
            ["keyed-counters", "del", key] => done(self.keyed_counters.remove(key)),
            ["keyed-counters", key, ref rest @ ..] => on_counters(self.keyed_counters.key(key), rest)?,
            ["ranking", ref rest @ ..] => on_ranking(&mut self.ranking, rest)?,
            ["keyed-ranking", "del", key] => done(self.keyed_ranking.remove(key)),
            ["keyed-ranking", key, ref rest @ ..] => on_ranking(self.keyed_ranking.key(key), rest)?,
            ["set", ref rest @ ..] => on_set(&mut self.set, rest),
            ["keyed-set", "del", key] => done(self.keyed_set.remove(key)),
            ["keyed-set", key, ref rest @ ..] => on_set(self.keyed_set.key(key), rest),
            ["keyed-list", "del", key] => done(self.keyed_list.remove(key)),
            ["keyed-list", "push", key, entry] => done(self.keyed_list.key(key).push(entry)),
            ["maps"] => done(self.maps.set("m", BTreeMap::from([((1, 2), 3)]))),
            _ => return Err(Error::msg(format_args!("no such line: {line}"))),
        };
        if let Some(read) = read {
            self.read.push(read);
        }
        Ok(())
    }
}

fn done(_: ()) -> Option<String> {
    None
}

fn on_table(table: &mut Table<u64>, words: &[&str]) -> Result<Option<String>> {
    Ok(match *words {
        ["get", id] => Some(format!("{:?}", table.get(id)?.map(|document| *document))),
        ["bump", id] => done(*table.get_or_default(id)? += 1),
        ["bump-if-there", id] => done(if let Some(mut document) = table.get_mut(id)? {
            *document += 1;
        }),
        ["set", id, value] => done(table.set(id, value.parse()?)),
        ["remove", id] => done(table.remove(id)),
        _ => return Err(Error::msg("no such verb")),
    })
}

fn on_counters(counters: &mut Counters, words: &[&str]) -> Result<Option<String>> {
    Ok(match *words {
        ["get", field] => Some(format!("{:?}", counters.get(field)?)),
        ["add", field, delta] => done(counters.add(field, delta.parse()?)),
        ["remove", field] => done(counters.remove(field)),
        _ => return Err(Error::msg("no such verb")),
    })
}

fn on_ranking(ranking: &mut Ranking, words: &[&str]) -> Result<Option<String>> {
    Ok(match *words {
        ["score", member] => Some(format!("{:?}", ranking.score(member))),
        ["set", member, score] => done(ranking.set(member, score.parse()?)),
        ["add", member, delta] => done(ranking.add(member, delta.parse()?)),
        ["remove", member] => done(ranking.remove(member)),
        _ => return Err(Error::msg("no such verb")),
    })
}

fn on_set(set: &mut Set, words: &[&str]) -> Option<String> {
    match *words {
        ["insert", member] => done(set.insert(member)),
        ["remove", member] => done(set.remove(member)),
        ["contains", member] => Some(set.contains(member).to_string()),
        _ => Some("no such verb".into()),
    }
}

fn lines(script: &str) -> Vec<TestEvent> {
    script.lines().map(|line| event("k", line.trim())).collect()
}

/// Run a script in one batch and in many, and give back what it read and where it led.
fn run(script: &str) -> Result<(Vec<String>, Harness<Script>), Failure> {
    let events = lines(script);
    same_views_for_any_batches::<Script>(&events);
    let mut harness = Harness::new();
    harness.batch(events)?;
    let mut read = harness.list("read");
    read.reverse();
    Ok((read, harness))
}

#[test]
fn a_table_reads_its_own_writes() -> Result<(), Failure> {
    let (read, harness) = run("documents get a
        documents bump-if-there a
        documents bump a
        documents bump-if-there a
        documents get a
        documents set b 7
        documents remove a
        documents get a
        documents bump c
        documents bump d
        documents bump e
        documents get b")?;
    assert_eq!(read, ["None", "Some(2)", "None", "Some(7)"]);
    assert_eq!(json!(harness.table("documents")), json!({"b": 7, "c": 1, "d": 1, "e": 1}));
    Ok(())
}

#[test]
fn a_keyed_table_loses_a_whole_key() -> Result<(), Failure> {
    let (read, harness) = run("keyed-documents k set a 1
        keyed-documents k set b 2
        keyed-documents l set a 3
        keyed-documents del k
        keyed-documents k get a
        keyed-documents k get z
        keyed-documents l get a
        keyed-documents k bump b")?;
    assert_eq!(read, ["None", "None", "Some(3)"]);
    assert_eq!(json!(harness.table("keyed-documents:k")), json!({"b": 1}));
    assert_eq!(json!(harness.table("keyed-documents:l")), json!({"a": 3}));
    Ok(())
}

#[test]
fn a_value_is_a_string_of_its_own() -> Result<(), Failure> {
    let (read, harness) = run("strings get a
        strings set a 4
        strings bump a
        strings get a
        strings bump b
        strings remove b
        strings get b")?;
    assert_eq!(read, ["None", "Some(5)", "None"]);
    assert_eq!(harness.value("strings:a"), Some(json!(5)));
    assert_eq!(harness.value("strings:b"), None);
    Ok(())
}

#[test]
fn counters_add_up_and_start_anew() -> Result<(), Failure> {
    let (read, harness) = run("counters add a 2
        counters add a -5
        counters get a
        counters add b 1
        counters remove b
        counters get b
        counters add b 9
        counters get b
        counters add zero 0
        keyed-counters k add a 1
        keyed-counters k add b 1
        keyed-counters del k
        keyed-counters k get a
        keyed-counters k add b 4
        keyed-counters k get b")?;
    assert_eq!(read, ["Some(-3)", "None", "Some(9)", "None", "Some(4)"]);
    assert_eq!(json!(harness.counters("counters")), json!({"a": -3, "b": 9, "zero": 0}));
    assert_eq!(json!(harness.counters("keyed-counters:k")), json!({"b": 4}));
    Ok(())
}

#[test]
fn a_ranking_sets_and_adds() -> Result<(), Failure> {
    let (read, harness) = run("ranking add a 2
        ranking set b 1.5
        ranking add b 2
        ranking score b
        ranking add a 3
        ranking score a
        ranking remove b
        ranking score b
        ranking add b -1
        ranking add c 0
        keyed-ranking k set a 1
        keyed-ranking del k
        keyed-ranking k score a")?;
    assert_eq!(read, ["Some(3.5)", "Some(5.0)", "None", "None"]);
    let ranked = [("b", -1.0), ("c", 0.0), ("a", 5.0)].map(|(name, score)| (name.to_string(), score));
    assert_eq!(harness.ranking("ranking"), ranked);
    assert!(harness.ranking("keyed-ranking:k").is_empty());
    Ok(())
}

#[test]
fn a_set_contains_what_was_inserted() -> Result<(), Failure> {
    let (read, harness) = run("set contains a
        set insert a
        set contains a
        set insert b
        set remove b
        set contains b
        keyed-set k insert a
        keyed-set del k
        keyed-set k contains a
        keyed-set k insert c")?;
    assert_eq!(read, ["false", "true", "false", "false"]);
    assert!(harness.set("set").into_iter().eq(["a"]));
    assert!(harness.set("keyed-set:k").into_iter().eq(["c"]));
    Ok(())
}

#[test]
fn a_list_keeps_its_newest_entries() -> Result<(), Failure> {
    let (_, harness) = run("keyed-list push k a
        keyed-list push l x
        keyed-list push k b
        keyed-list push k c
        keyed-list del l
        keyed-list push l y")?;
    assert_eq!(harness.list("keyed-list:k"), ["c", "b"]);
    assert_eq!(harness.list("keyed-list:l"), ["y"]);
    Ok(())
}

#[test]
fn a_failed_batch_leaves_nothing_even_of_what_was_handed_over_early() -> Result<(), Failure> {
    let mut harness = Harness::<Script>::new();
    harness.batch(lines("keyed-set k insert a"))?;
    // The read hands the removal over; the batch fails after that.
    let failed = harness.batch(lines("keyed-set del k\nkeyed-set k contains a\nnonsense"));
    assert_eq!(failed.map_err(|failure| failure.event), Err(2));
    assert!(harness.set("keyed-set:k").contains("a"));
    assert!(harness.list("read").is_empty());
    Ok(())
}

#[test]
fn a_document_that_cannot_be_written_is_the_fault_of_its_event() {
    let failure = Harness::<Script>::new()
        .batch(lines("documents bump a\nmaps\ndocuments bump a"))
        .expect_err("a JSON object has no pairs for keys");
    assert_eq!(failure.event, 1);
    assert_eq!(failure.message, "can't write `m` to view `maps`: key must be a string");
}
