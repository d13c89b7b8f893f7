//! What must come out of the `ledger` plugin, which numbers all events in one sequence and keeps a list and a document for
//! each account.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::Event;
use crate::redis_server::RedisServer;
use crate::view;

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
    view::same("ledger:entries", &expected, &lengths)?;
    let newest = lists.iter().map(|(key, list)| (key.clone(), list[0].clone())).collect();
    view::same("ledger:newest", &newest, &redis.strings("ledger:newest:"))?;
    let numbers = |list: &Vec<String>| {
        list.iter().map(|number| number.parse().expect("a number is a number")).collect::<Vec<u64>>()
    };
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
