//! Redis as it really is: full, read-only, distrustful, slow, and with people's hands in it.

mod acl;
mod hands;
mod memory;
mod replica;
mod rights;
mod slow;

use lantern_tests::bank::Bank;
use lantern_tests::{Host, Operator, RedisServer, Source};

use crate::story::BankStory;

/// A bank with so much to do that a host of small batches can be met in the middle of it.
fn long_story() -> BankStory {
    BankStory::told_by(Source::log(), &Bank { events: 50_000, ..Bank::default() })
}

/// The rules that `lantern acl` prints for one user with these arguments.
fn acl(redis: &RedisServer, args: &[&str]) -> Vec<String> {
    let printed = Operator::of(redis).tries(&[&["acl"], args, &["--user", "somebody", "--json"]].concat());
    let rules = printed.json()["users"][0]["rules"].as_array().cloned().expect("a user has rules");
    rules.iter().map(|rule| rule.as_str().expect("a rule is text").to_owned()).collect()
}

/// How often a host has said something.
fn times(host: &Host, words: &str) -> usize {
    host.stderr().lines().filter(|line| line.contains(words)).count()
}

/// Passes if an operator sees that a projection waits, and why.
fn is_retrying(story: &BankStory, why: &str) -> Result<(), String> {
    let status = story.operator().status("balances");
    match (status["state"].as_str(), status["error"].as_str()) {
        (Some("retrying"), Some(error)) if error.contains(why) => Ok(()),
        _ => Err(status.to_string()),
    }
}

/// Passes if an operator sees that a projection is well.
fn is_well(story: &BankStory) -> Result<(), String> {
    let status = story.operator().status("balances");
    if status["state"] == "live" && status["error"].is_null() { Ok(()) } else { Err(status.to_string()) }
}
