//! The past of a view: why it is what it is, what it was, and a whole view as it was, under another name.

use std::collections::BTreeMap;
use std::sync::Arc;

use insta::{allow_duplicates, assert_snapshot};
use lantern::event::TopicPartition;
use lantern::lane::{Course, Overlay};
use lantern::limits::Limits;
use lantern::projection::Projection;
use lantern::replay::{Past, Until, views};
use lantern::sandbox::Module;
use lantern::sandbox::wasm::{Cache, Engine, WasmModule};
use lantern::source::embedded::EmbeddedLog;
use lantern::store::memory::MemoryCells;
use lantern_tests::artefacts::plugin;
use lantern_tests::bank::{Bank, BankViews};
use lantern_tests::event::{EPOCH_MS, by_partition};
use lantern_tests::random::Random;
use lantern_tests::{Event, Host, Source};
use serde_json::{Value, json};

use crate::story::BankStory;

const PARTITIONS: u32 = 4;

fn bank(events: u64) -> Bank {
    Bank { events, accounts: 20, partitions: PARTITIONS, ..Bank::default() }
}

/// A bank that `balances` has caught up with.
fn told(source: Source, events: u64) -> (BankStory, Host) {
    let story = BankStory::told_by(source, &bank(events));
    let mut host = story.run().start();
    story.expect_exact(&mut host);
    (story, host)
}

/// What a replay has applied when it comes to a time.
fn until(events: &[Event], time: i64) -> Vec<Event> {
    events.iter().filter(|event| event.timestamp <= time).cloned().collect()
}

#[test]
fn a_record_is_explained_on_the_embedded_log() {
    is_explained(Source::log());
}

#[test]
fn a_record_is_explained_on_kafka() {
    is_explained(Source::kafka());
}

fn is_explained(source: Source) {
    let (story, _host) = told(source, 2_000);
    let operator = story.operator();
    let keys = story.redis.keys();
    let account = "acc-7";
    let said = operator.tries(&["explain", "balances", "accounts", account, "--limit", "1000", "--json"]);
    let found = said.json();

    // The same from the events alone.
    let mut expected = Vec::new();
    let mut before = Value::Null;
    let mut past = Vec::new();
    for (partition, events) in by_partition(&story.events, PARTITIONS).into_iter().enumerate() {
        for (offset, event) in events.into_iter().enumerate() {
            let payload = event.json().unwrap();
            if payload["account"] != account {
                continue;
            }
            past.push(event.clone());
            let after = json!(BankViews::fold(&past).accounts.get(account));
            if after != before {
                expected.push(json!({
                    "event": format!("{}/{partition}@{offset}", story.topic),
                    "type": payload["type"],
                    "timestamp": event.timestamp,
                    "before": before,
                    "after": after,
                }));
            }
            before = after;
        }
    }
    let changes = found["changes"].as_array().unwrap().iter().map(|change| {
        let [only] = &change["changed"].as_array().unwrap()[..] else { panic!("{change}") };
        json!({
            "event": change["event"], "type": change["type"], "timestamp": change["timestamp"],
            "before": only["before"], "after": only["after"],
        })
    });
    assert_eq!(changes.collect::<Vec<_>>(), expected);
    assert_eq!((&found["count"], &found["events"]), (&json!(expected.len()), &json!(2_000)));
    // It has only been looked at.
    assert_eq!(story.redis.keys(), keys);
    story.expect_views(&story.events);

    // Of a view that every partition adds to, the last change leads to what is there.
    let totals = operator.tries(&["explain", "balances", "totals", "deposited", "--limit", "1", "--json"]).json();
    let deposited = BankViews::fold(&story.events).totals["deposited"];
    assert_eq!(totals["changes"][0]["changed"][0]["after"], deposited);
    // For people.
    let text = operator.does(&["explain", "balances", "accounts", account, "--limit", "2"]);
    assert!(
        text.starts_with(&format!("balances accounts {account}: {} of 2,000 events", expected.len())),
        "{text}"
    );
    assert!(text.contains("\n  balance  ") && text.contains("\n  events  "), "{text}");
}

#[test]
fn a_view_is_shown_as_it_was() {
    let (story, _host) = told(Source::log(), 1_000);
    let operator = story.operator();
    let mut random = Random::new(5);
    for _ in 0..5 {
        let time = EPOCH_MS + random.below(1_000) as i64;
        let fold = BankViews::fold(&until(&story.events, time));
        let at = time.to_string();
        let shown = operator.tries(&["view", "balances", "accounts", "--limit", "100", "--at", &at, "--json"]);
        let shown = shown.json();
        let records = shown["records"].as_array().unwrap().iter();
        let accounts: BTreeMap<String, Value> =
            records.map(|record| (record["id"].as_str().unwrap().to_owned(), record["value"].clone())).collect();
        assert_eq!(accounts, fold.accounts, "at {time}");
    }
    let topic = &story.topic;
    let first = by_partition(&story.events, PARTITIONS).swap_remove(2).remove(0).json().unwrap();
    let account = first["account"].as_str().unwrap();
    let at = format!("{topic}/2@0");
    let shown = operator.tries(&["view", "balances", "accounts", account, "--at", &at, "--json"]).json();
    assert_eq!(shown["records"][0]["value"]["events"], 1);

    let refusal = |args: &[&str]| operator.tries(args).refusal().replace(topic, "[TOPIC]");
    assert_snapshot!(refusal(&["view", "balances", "accounts", "--at", &format!("{topic}/9@0")]), @r"
    exit code 2
    error: topic `[TOPIC]` has no partition 9
    hint: it has 0 to 3
    ");
    assert_snapshot!(refusal(&["view", "balances", "accounts", "--at", &format!("{topic}/2@100000")]), @r"
    exit code 2
    error: [TOPIC]/2 has no offset 100000
    hint: it has 0 to 235
    ");
    assert_snapshot!(refusal(&["view", "balances", "accounts", "--at", "other/2@1"]), @r"
    exit code 2
    error: projection `balances` does not read topic `other`
    hint: it reads [TOPIC]
    ");
    assert_snapshot!(refusal(&["view", "balances", "accounts", "acc-0", "--at", "2001-01-01T00:00:00Z"]), @r"
    exit code 1
    error: view `accounts` has no record `acc-0`
    hint: `lantern view balances accounts` shows some
    ");
    let elsewhere = format!("{topic}/2@0");
    let beside = ["explain", "balances", "accounts", "acc-0", "--partition", "1", "--at", &elsewhere];
    assert_snapshot!(refusal(&beside), @r"
    exit code 2
    error: partition 1 is to be replayed, up to an event of partition 2
    hint: name the event's own partition, or leave --partition out
    ");
    assert_snapshot!(refusal(&["explain", "balances", "acounts", "acc-0"]), @r"
    exit code 2
    error: projection `balances` has no view `acounts`
    hint: did you mean `accounts`?
    ");
    assert_snapshot!(refusal(&["explain", "balances", "accounts", "nobody"]), @r"
    exit code 1
    error: no event has changed balances accounts nobody
    hint: `lantern view balances accounts` shows some records
    ");
}

#[tokio::test]
async fn at_a_hundred_points_it_is_the_fold_cut_there() {
    let story = BankStory::told_by(Source::log(), &bank(1_500));
    let Source::Log(log) = &story.source else { unreachable!("it is told by a log") };
    let (log, limits) = (EmbeddedLog::new(log.path()), Limits::default());
    let engine = Engine::new(&limits).unwrap();
    let load = || WasmModule::<Overlay<MemoryCells>>::load(&engine, &Cache::none(), &limits, &plugin("balances"));
    let module = load().unwrap();
    let description = module.description();
    let projection = Projection {
        name: "balances".into(),
        generation: 1,
        begun: 0,
        live: true,
        prefix: "".into(),
        topics: [Arc::from(story.topic.as_str())].into(),
        views: description.views.clone().into(),
        ordering: description.ordering,
    };
    let parts = by_partition(&story.events, PARTITIONS);
    let mut random = Random::new(11);
    for _ in 0..100 {
        let partition = random.below(u64::from(PARTITIONS)) as usize;
        let offset = random.below(parts[partition].len() as u64);
        let event = &parts[partition][offset as usize];
        // Every event of the bank has a time of its own, so the past of one is that of its time.
        let points = [
            Until::Time(event.timestamp),
            Until::Event(TopicPartition::new(story.topic.as_str(), partition as u32), offset),
        ];
        let fold = BankViews::fold(&until(&story.events, event.timestamp));
        let point = points[random.below(2) as usize].clone();
        let past = Past::new(log.clone(), &projection, None, point.clone(), &BTreeMap::new()).await.unwrap();
        let (memory, fault) = past.replay(&projection, module.clone(), Course::default()).await;
        assert!(fault.is_none(), "{fault:?}");
        let found = views(&projection.views, &memory.structures());
        assert_eq!(found["accounts"], json!(fold.accounts), "{point:?}");
        assert_eq!(found["totals"], json!(fold.totals), "{point:?}");
    }
}

#[test]
fn a_whole_view_as_of_a_time_is_kept_under_another_name_on_the_embedded_log() {
    is_kept(Source::log());
}

#[test]
fn a_whole_view_as_of_a_time_is_kept_under_another_name_on_kafka() {
    is_kept(Source::kafka());
}

fn is_kept(source: Source) {
    let (mut story, mut host) = told(source, 1_000);
    let operator = story.operator();
    let time = EPOCH_MS + 437;
    let fold = BankViews::fold(&until(&story.events, time));
    let at = time.to_string();
    let rebuild = ["rebuild", "balances", "--until", &at, "--as", "audit"];
    operator.does(&[&rebuild[..], &["--plan"]].concat());
    assert!(story.redis.keys().iter().all(|key| !key.starts_with("audit:")), "a plan makes nothing");
    operator.does(&[&rebuild[..], &["--wait"]].concat());
    fold.hold_under("audit", &story.redis).unwrap();

    // Life goes on, and it stays.
    story.append(Bank { seed: 2, ..bank(500) }.events().collect());
    story.expect_exact(&mut host);
    fold.hold_under("audit", &story.redis).unwrap();
    let status = operator.status("audit");
    assert_eq!((&status["state"], &status["lag"]), (&json!("live"), &json!(0)));
    assert_eq!(status["as_of"].as_object().unwrap().len(), PARTITIONS as usize);
    assert!(operator.does(&["status", "audit"]).contains("it shows a point in the past"));

    // Its past ends where it does.
    let (account, document) = fold.accounts.iter().next().unwrap();
    let explained = operator.tries(&["explain", "audit", "accounts", account, "--limit", "1", "--json"]).json();
    assert_eq!(&explained["changes"][0]["changed"][0]["after"], document);

    // Also when it is built anew.
    operator.does(&["rebuild", "audit", "--wait"]);
    fold.hold_under("audit", &story.redis).unwrap();
    let again = operator.tries(&rebuild).refusal();
    allow_duplicates! {
        assert_snapshot!(again, @r"
    exit code 4
    error: there is a projection `audit` already
    hint: give it another name with --as, or `lantern undeploy audit`
    ");
    }
    assert!(operator.does(&["history", "audit"]).contains("balances as of 2023-11-14T22:13:20Z"));
    operator.does(&["undeploy", "audit", "--yes"]);
    story.expect_views(&story.events);
}
