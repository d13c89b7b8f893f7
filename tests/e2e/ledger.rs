//! `ledger`, which numbers all events in one sequence and keeps a list and a document for each account: its views, as
//! stories about keyed views and about global order look at them.

use std::collections::{BTreeMap, BTreeSet};

use lantern_tests::artefacts::plugin;
use lantern_tests::bank::Bank;
use lantern_tests::{Event, RedisServer, Source};

use crate::story::BankStory;

#[test]
fn a_cutover_moves_every_key_and_leaves_none() {
    let story = BankStory::told_by(Source::log(), &Bank { events: 5_000, accounts: 500, ..Bank::default() });
    let operator = story.operator();
    operator.deploy("ledger", &plugin("ledger"), &story.topic, &[]);
    let mut host = story.host().start();
    host.until("the ledger is right", || is_right(&story.redis, &story.events, ""));

    // From now on its keys are others, and a rebuild gives all of them anew.
    operator.deploy("ledger", &plugin("ledger"), &story.topic, &["--set", "shelf=b-"]);
    operator.does(&["rebuild", "ledger", "--wait"]);
    assert_eq!(is_right(&story.redis, &story.events, "b-"), Ok(()));

    operator.does(&["rollback", "ledger"]);
    assert_eq!(is_right(&story.redis, &story.events, ""), Ok(()));
    operator.does(&["rollback", "ledger"]);
    assert_eq!(is_right(&story.redis, &story.events, "b-"), Ok(()));

    operator.does(&["gc", "ledger"]);
    host.until("nothing is left of the old generation", || match hidden_keys(&story.redis) {
        keys if keys.is_empty() => Ok(()),
        keys => Err(format!("{keys:?}")),
    });
    assert_eq!(is_right(&story.redis, &story.events, "b-"), Ok(()));
    assert_eq!(host.terminate(), Some(0));
}

/// Keys of views that readers do not read, and indexes of what is no more.
fn hidden_keys(redis: &RedisServer) -> Vec<String> {
    let hidden = |key: &String| key.starts_with("lantern:views:") || key.starts_with("lantern:keys:ledger:1:");
    redis.keys().into_iter().filter(hidden).collect()
}

/// Passes if the ledger has numbered all these events and no other, each account's in their order, under keys that begin
/// with this shelf and no other.
pub fn is_right(redis: &RedisServer, events: &[Event], shelf: &str) -> Result<(), String> {
    let mut expected: BTreeMap<String, usize> = BTreeMap::new();
    for event in events {
        let account = String::from_utf8_lossy(event.key.as_deref().unwrap_or_default());
        *expected.entry(format!("{shelf}{account}")).or_default() += 1;
    }
    let lists = redis.lists("ledger:entries:");
    let lengths: BTreeMap<String, usize> = lists.iter().map(|(key, list)| (key.clone(), list.len())).collect();
    lantern_tests::view::same("ledger:entries", &expected, &lengths)?;
    let newest = lists.iter().map(|(key, list)| (key.clone(), list[0].clone())).collect();
    lantern_tests::view::same("ledger:newest", &newest, &redis.strings("ledger:newest:"))?;
    let numbers = |list: &Vec<String>| list.iter().map(|number| number.parse().unwrap()).collect::<Vec<u64>>();
    let lists: Vec<Vec<u64>> = lists.values().map(numbers).collect();
    if !lists.iter().all(|list| list.is_sorted_by(|newer, older| newer > older)) {
        return Err("some account's numbers are not in their order".to_owned());
    }
    let all: BTreeSet<u64> = lists.into_iter().flatten().collect();
    if all.iter().copied().eq(0..events.len() as u64) {
        Ok(())
    } else {
        Err("some numbers are given twice".to_owned())
    }
}
