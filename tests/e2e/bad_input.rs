//! Bad input: each is named in a clear error with a hint; 2 is the exit code for wrong usage, 1 for a failure.

use std::path::Path;

use lantern_tests::artefacts::plugin;
use lantern_tests::bank::{Bank, BankViews};
use lantern_tests::eventually::NET;
use lantern_tests::scratch::Scratch;
use lantern_tests::source::unique;
use lantern_tests::{Event, Host, Kafka, LogDir, RedisServer, Source};

use crate::story::{BankStory, real_kafka};

/// A core module with nothing in it.
const CORE_MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// A component that imports a clock and exports nothing.
const OTHER_WORLD: &[u8] = b"\0asm\x0d\0\x01\0\
    \x07\x03\x01\x42\x00\
    \x0a\x26\x01\x00\x21wasi:clocks/monotonic-clock@0.2.0\x05\x00";

/// What `lantern run` says to these arguments, and how it ends.
fn refusal(args: &[&str]) -> (Option<i32>, String) {
    let mut host = Host::cli([&["run"], args].concat());
    let code = host.exit_code(NET);
    assert_eq!(host.stdout(), "", "stdout is for data");
    (code, host.stderr())
}

#[track_caller]
fn expect_refusal(args: &[&str], code: i32, named: &[&str]) {
    let (ended, said) = refusal(args);
    assert_eq!(ended, Some(code), "{said}");
    for part in named {
        assert!(said.contains(part), "it must name `{part}`:\n{said}");
    }
    assert!(said.contains("hint: "), "it must give a hint:\n{said}");
    assert!(said.lines().count() <= 12, "it must not be a wall of text:\n{said}");
}

fn refuses_the_file(name: &str, content: &[u8], named: &[&str]) {
    let (scratch, log, redis) = (Scratch::new("wasm"), LogDir::new(), RedisServer::start());
    log.create_topic("account-events", 1);
    let file = scratch.file(name, content);
    let projection = format!("balances={}:account-events", file.display());
    let args = ["--source", &log.url(), "--redis", &redis.url(), "--projection", &projection];
    expect_refusal(&args, 1, &[&[name], named].concat());
}

#[test]
fn a_file_that_is_no_wasm() {
    refuses_the_file("notes.txt", b"this is no wasm", &["WebAssembly"]);
}

#[test]
fn a_core_module_without_the_contract() {
    refuses_the_file("empty.wasm", CORE_MODULE, &["lantern:projection"]);
}

#[test]
fn a_component_of_another_world() {
    refuses_the_file("clock.wasm", OTHER_WORLD, &["lantern:projection"]);
}

#[test]
fn a_file_that_is_not_there() {
    let (log, redis) = (LogDir::new(), RedisServer::start());
    log.create_topic("account-events", 1);
    let args = ["--source", &log.url(), "--redis", &redis.url(), "--projection", "balances=no/such/file.wasm"];
    expect_refusal(&args, 1, &["no/such/file.wasm"]);
}

#[test]
fn a_topic_that_is_missing_in_the_log() {
    a_topic_that_is_missing(&LogDir::new().url());
}

#[test]
fn a_topic_that_is_missing_in_kafka() {
    a_topic_that_is_missing(&Kafka::shared().url());
}

fn a_topic_that_is_missing(source: &str) {
    let (redis, topic) = (RedisServer::start(), unique("no-such-topic"));
    let projection = format!("balances={}:{topic}", plugin("balances").display());
    expect_refusal(
        &["--source", source, "--redis", &redis.url(), "--projection", &projection],
        1,
        &[&topic, "balances"],
    );
}

#[test]
fn wrong_urls_and_arguments() {
    let file = plugin("balances");
    let good = format!("balances={}", file.display());
    let (log, redis) = ("log:.", "redis://127.0.0.1:1");
    for (source, redis, projection, named) in [
        ("kafak://127.0.0.1:9092", redis, good.as_str(), "kafak://127.0.0.1:9092"),
        ("kafka://", redis, &good, "kafka://"),
        ("kafka://127.0.0.1:port", redis, &good, "127.0.0.1:port"),
        ("no-url-at-all", redis, &good, "no-url-at-all"),
        (log, "http://127.0.0.1:6379", &good, "http://127.0.0.1:6379"),
        (log, redis, "balances", "balances"),
        (log, redis, "Bal ances=x.wasm", "Bal ances"),
    ] {
        expect_refusal(&["--source", source, "--redis", redis, "--projection", projection], 2, &[named]);
    }
    let same_twice = ["--source", log, "--redis", redis, "--projection", &good, "--projection", &good];
    expect_refusal(&same_twice, 2, &["balances"]);
}

#[test]
fn a_redis_that_is_away_at_the_start() {
    let mut story = BankStory::told_by(Source::log(), &Bank { events: 1_000, ..Bank::default() });
    story.redis = RedisServer::away();
    let mut host = story.run().start();
    let address = story.redis.url().replace("redis://", "");
    host.wait_for_line("Redis is away", NET, |line| line.contains(&address));

    story.redis.start_again();

    story.expect_exact(&mut host);
    expect_few_words(&host);
}

#[test]
fn a_kafka_that_is_away_at_the_start() {
    if real_kafka().is_none() {
        return;
    }
    let mut kafka = Kafka::private().expect("where one real broker runs, two do");
    let (topic, redis) = (unique("account-events"), RedisServer::start());
    kafka.create_topic(&topic, 2);
    let events: Vec<Event> = Bank { events: 1_000, partitions: 2, ..Bank::default() }.events().collect();
    kafka.produce(&topic, &events);
    kafka.kill();

    let run = Host::run(&kafka.url(), &redis).projection("balances", &plugin("balances"), &[&topic]);
    let mut host = run.start();
    host.wait_for_line("Kafka is away", NET, |line| line.contains(kafka.servers()));
    kafka.start_again();

    host.until("all is applied", || BankViews::fold(&events).balances_hold(&redis));
    expect_few_words(&host);
}

fn expect_few_words(host: &Host) {
    let said = host.stderr();
    assert!(said.lines().count() <= 20, "an absence is said once a while:\n{said}");
}

#[test]
fn a_line_of_the_log_that_is_not_json() {
    let (log, redis) = (LogDir::new(), RedisServer::start());
    log.create_topic("account-events", 1);
    let good: Vec<Event> = Bank { events: 2, partitions: 1, ..Bank::default() }.events().collect();
    log.append("account-events", &good);
    log.append_raw("account-events", 0, "{\"payload\": oops}\n");

    let run = Host::run(&log.url(), &redis).projection("balances", &plugin("balances"), &["account-events"]);
    let mut host = run.start();

    let place = format!("{}:3", Path::new("account-events").join("0.jsonl").display());
    host.wait_for_line("the file and the line", NET, |line| line.contains(&place));
    host.until("what stands before it is applied", || BankViews::fold(&good).balances_hold(&redis));
}

#[test]
fn an_event_that_its_plugin_cannot_parse() {
    let bank = Bank { events: 1_000, partitions: 2, ..Bank::default() };
    let mut story = BankStory::told_by(Source::log(), &bank);
    let bad = Event::plain(1, r#"{"type":"MoneyDeposited","account":"acc-1","amount":"lots"}"#);
    story.append(vec![bad]);
    let offset = story.ends()[&format!("{}/1", story.topic)] - 1;
    story.append(Bank { seed: 2, ..bank }.events().collect());

    let mut host = story.run().projection("witness", &plugin("witness"), &[&story.topic]).start();

    let place = format!("{}/1@{offset}", story.topic);
    host.wait_for_line(&format!("balances stopped at {place}"), NET, |line| {
        line.contains("balances") && line.contains(&place) && line.contains("lots")
    });
    host.until("the other projection goes on", || story.caught_up("witness"));
    host.until("all before it is applied", || {
        match story.redis.checkpoints("balances").get(&format!("{}/1", story.topic)) {
            Some(checkpoint) if *checkpoint == offset => Ok(()),
            other => Err(format!("its checkpoint is {other:?}")),
        }
    });
    story.expect_views_at_checkpoint();
}
