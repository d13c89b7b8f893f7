//! An operator at work: deploys, rebuilds, promotes, goes back, pauses, removes, on hosts that run and without any.

mod apply;
mod deploy;
mod limits;
mod moving;
mod rebuild;
mod refusals;
mod standing;

use std::path::Path;

use lantern_tests::artefacts::plugin;
use lantern_tests::bank::{Bank, BankViews};
use lantern_tests::eventually::NET;
use lantern_tests::operator::{Operator, Said};
use lantern_tests::scratch::Scratch;
use lantern_tests::{Event, Host, RedisServer, Source};

use crate::story::BankStory;

/// A bank whose events are in an embedded log, and nothing is deployed.
fn bank(events: u64) -> BankStory {
    BankStory::told_by(Source::log(), &Bank { events, accounts: 100, partitions: 4, ..Bank::default() })
}

/// More happens at the bank.
fn more(story: &mut BankStory, seed: u64) {
    story.append(Bank { seed, events: 500, accounts: 100, partitions: 4, ..Bank::default() }.events().collect());
}

/// The path of a plugin.
fn file(name: &str) -> String {
    plugin(name).display().to_string()
}

/// Deploys `balances`, of this plugin, on the bank.
#[track_caller]
fn deploy<const N: usize>(story: &BankStory, name: &str, flags: [&str; N]) -> Said {
    let file = file(name);
    story.operator().tries(&[&["deploy", &file, "--topic", &story.topic], &flags[..]].concat())
}

/// The keys of the Redis, without what is only about hosts.
fn keys(redis: &RedisServer) -> Vec<String> {
    let about_hosts = |key: &String| key.starts_with("lantern:host") || key == "lantern:installation";
    redis.keys().into_iter().filter(|key| !about_hosts(key)).collect()
}

/// A scratch folder with a manifest of these lines.
fn manifest(lines: &str) -> (Scratch, String) {
    let scratch = Scratch::new("manifest");
    let file = scratch.file("lantern.toml", lines).display().to_string();
    (scratch, file)
}

/// The folder of the plugins.
fn plugins() -> String {
    let file = plugin("balances");
    file.parent().unwrap_or(Path::new("")).display().to_string()
}
