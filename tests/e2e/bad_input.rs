//! Bad input: each is named in a clear error with a hint; 2 is the exit code for wrong usage, 1 for a failure.

use std::path::Path;

use insta::assert_snapshot;
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

/// A component that imports an interface of the contract that this host does not know.
const LATER_CONTRACT: &[u8] = b"\0asm\x0d\0\x01\0\
    \x07\x03\x01\x42\x00\
    \x0a\x23\x01\x00\x1elantern:projection/later@0.1.9\x05\x00";

/// An empty component.
const NOTHING: &[u8] = b"\0asm\x0d\0\x01\0";

/// How `lantern run` ends with these arguments, and what it says to the user. `[DIR]` stands for a scratch folder.
fn refusal<const N: usize>(args: [&str; N]) -> String {
    let mut host = Host::cli(["run"].into_iter().chain(args));
    let code = host.exit_code(NET);
    assert_eq!(host.stdout(), "", "stdout is for data");
    let said = host.stderr();
    let error = said.find("error: ").map_or(said.as_str(), |at| &said[at..]);
    format!("exit code {}\n{error}", code.map_or_else(|| "none".to_owned(), |code| code.to_string()))
}

fn refusal_of_file(name: &str, content: &[u8]) -> String {
    let (scratch, log, redis) = (Scratch::new("wasm"), LogDir::new(), RedisServer::start());
    log.create_topic("account-events", 1);
    let projection = format!("balances={}", scratch.file(name, content).display());
    let said = refusal(["--source", &log.url(), "--redis", &redis.url(), "--projection", &projection]);
    said.replace(&scratch.path().display().to_string(), "[DIR]")
}

#[test]
fn a_file_that_is_no_wasm() {
    assert_snapshot!(refusal_of_file("notes.txt", b"this is no wasm"), @r"
    exit code 1
    error: cannot load projection `balances` from [DIR]/notes.txt: it is not WebAssembly: it begins with `this is `
    hint: build the plugin for wasm32-unknown-unknown and name the .wasm file
    ");
}

#[test]
fn a_core_module_without_the_contract() {
    assert_snapshot!(refusal_of_file("core.wasm", CORE_MODULE), @r"
    exit code 1
    error: cannot load projection `balances` from [DIR]/core.wasm: it does not implement the contract lantern:projection@0.1.1: it exports nothing
    hint: a plugin ends with `lantern_sdk::export!(YourProjection);`
    ");
}

#[test]
fn a_component_of_another_world() {
    assert_snapshot!(refusal_of_file("clock.wasm", OTHER_WORLD), @r"
    exit code 1
    error: cannot load projection `balances` from [DIR]/clock.wasm: it imports `wasi:clocks/monotonic-clock@0.2.0`, which a projection cannot have
    hint: build for wasm32-unknown-unknown; a projection has no clock, random, files or network
    ");
}

#[test]
fn a_component_that_wants_more_of_the_contract_than_there_is() {
    assert_snapshot!(refusal_of_file("later.wasm", LATER_CONTRACT), @r"
    exit code 1
    error: cannot load projection `balances` from [DIR]/later.wasm: it imports `lantern:projection/later@0.1.9`, which a projection cannot have
    hint: build it with the lantern-sdk of this version
    ");
}

#[test]
fn a_component_with_nothing_in_it() {
    assert_snapshot!(refusal_of_file("nothing.wasm", NOTHING), @r"
    exit code 1
    error: cannot load projection `balances` from [DIR]/nothing.wasm: it does not implement the contract lantern:projection@0.1.1: it exports nothing
    hint: a plugin ends with `lantern_sdk::export!(YourProjection);`
    ");
}

#[test]
fn a_file_that_is_not_there() {
    let redis = RedisServer::start();
    let args = ["--source", "log:.", "--redis", &redis.url(), "--projection", "balances=no/such/file.wasm"];
    assert_snapshot!(refusal(args), @r"
    exit code 1
    error: cannot load projection `balances` from no/such/file.wasm: cannot read no/such/file.wasm: No such file or directory (os error 2)
    hint: check the path
    ");
}

#[test]
fn a_topic_that_is_missing_in_the_log() {
    let log = LogDir::new();
    let said = refusal_of_topic(&log.url()).replace(&log.path().display().to_string(), "[DIR]");
    assert_snapshot!(said, @r"
    exit code 1
    error: projection `balances` stopped: its topics cannot be read: topic `no-such-topic` does not exist in log:[DIR]
    hint: create it (in an embedded log: lantern emit TOPIC), or name another: --projection NAME=FILE.wasm:TOPIC
    ");
}

#[test]
fn a_topic_that_is_missing_in_kafka() {
    let said = refusal_of_topic(&Kafka::shared().url()).replace(Kafka::shared().servers(), "[BROKER]");
    assert_snapshot!(said, @r"
    exit code 1
    error: projection `balances` stopped: its topics cannot be read: topic `no-such-topic` does not exist in kafka://[BROKER]
    hint: create it (in an embedded log: lantern emit TOPIC), or name another: --projection NAME=FILE.wasm:TOPIC
    ");
}

fn refusal_of_topic(source: &str) -> String {
    let redis = RedisServer::start();
    let projection = format!("balances={}:no-such-topic", plugin("balances").display());
    refusal(["--source", source, "--redis", &redis.url(), "--projection", &projection])
}

#[test]
fn topics_that_are_not_co_partitioned() {
    let (log, redis) = (LogDir::new(), RedisServer::start());
    log.create_topic("order-events", 2);
    log.create_topic("payment-events", 3);
    let projection = format!("orders={}", plugin("orders").display());
    assert_snapshot!(refusal(["--source", &log.url(), "--redis", &redis.url(), "--projection", &projection]), @r"
    exit code 1
    error: projection `orders` stopped: topic `order-events` has 2 partitions and `payment-events` has 3: they are not co-partitioned
    hint: give them the same number of partitions, or let the projection have `ordering: global`
    ");
}

#[test]
fn sources_that_are_none() {
    let refusal =
        |source| refusal(["--source", source, "--redis", "redis://127.0.0.1:1", "--projection", "a=a.wasm"]);
    assert_snapshot!(refusal("kafak://127.0.0.1:9092"), @r"
    exit code 2
    error: invalid value for '--source <SOURCE>': it is no source; write kafka://HOST:PORT or log:DIR

    For more information, try '--help'.
    ");
    assert_snapshot!(refusal("kafka://"), @r"
    exit code 2
    error: invalid value for '--source <SOURCE>': a broker is not HOST:PORT; write kafka://HOST:PORT,HOST:PORT

    For more information, try '--help'.
    ");
    assert_snapshot!(refusal("kafka://127.0.0.1:port"), @r"
    exit code 2
    error: invalid value for '--source <SOURCE>': a broker is not HOST:PORT; write kafka://HOST:PORT,HOST:PORT

    For more information, try '--help'.
    ");
    assert_snapshot!(refusal("log:"), @r"
    exit code 2
    error: invalid value for '--source <SOURCE>': it names no directory; write log:DIR

    For more information, try '--help'.
    ");
}

#[test]
fn a_redis_that_is_none() {
    let refusal = |redis| refusal(["--source", "log:.", "--redis", redis, "--projection", "a=a.wasm"]);
    assert_snapshot!(refusal("http://127.0.0.1:6379"), @r"
    exit code 2
    error: invalid value for '--redis <URL>': not a Redis URL: Redis URL did not parse - InvalidClientConfig; write redis://HOST:PORT or redis://HOST:PORT/DB, with USER:PASSWORD@ before the host if it takes them

    For more information, try '--help'.
    ");
}

#[test]
fn projections_that_are_none() {
    let file = plugin("balances").display().to_string();
    let args = |projection| ["--source", "log:.", "--redis", "redis://127.0.0.1:1", "--projection", projection];
    assert_snapshot!(refusal(args("balances")), @r"
    exit code 2
    error: invalid value 'balances' for '--projection <NAME=FILE.wasm[:TOPIC,…]>': it has no `=`; write NAME=FILE.wasm or NAME=FILE.wasm:TOPIC,TOPIC

    For more information, try '--help'.
    ");
    assert_snapshot!(refusal(args("Bal ances=balances.wasm")), @r"
    exit code 2
    error: invalid value 'Bal ances=balances.wasm' for '--projection <NAME=FILE.wasm[:TOPIC,…]>': the name `Bal ances` may only have lower-case letters, digits, `-` and `_`; write NAME=FILE.wasm or NAME=FILE.wasm:TOPIC,TOPIC

    For more information, try '--help'.
    ");
    let two_topics = refusal(args(&format!("balances={file}:account-events,order-events")));
    assert_snapshot!(two_topics, @r"
    exit code 2
    error: projection `balances` reads account-events (1 in number), but 2 are named
    hint: name one topic for each, in that order
    ");
}

#[test]
fn two_projections_of_one_name() {
    let one = format!("balances={}", plugin("balances").display());
    let args = ["--source", "log:.", "--redis", "redis://127.0.0.1:1", "--projection", &one, "--projection", &one];
    assert_snapshot!(refusal(args), @r"
    exit code 2
    error: two projections are named `balances`
    hint: give each projection a name of its own: --projection NAME=FILE.wasm
    ");
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
    // Its other lanes may still be finishing their batch.
    assert_eq!(host.terminate(), Some(0));
    story.expect_views_at_checkpoint();
}
