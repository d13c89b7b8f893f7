//! Many evil plugins on one host, side by side with an honest one: what the host says of each, that it says it soon, and
//! that the honest one is exact and goes on.

use std::time::Instant;

use insta::assert_snapshot;
use lantern_tests::artefacts::plugin;
use lantern_tests::bank::{Bank, BankViews};
use lantern_tests::core_module::{BLAME, CoreModule, WELL};
use lantern_tests::event::Event;
use lantern_tests::eventually::NET;
use lantern_tests::operator::Operator;
use lantern_tests::scratch::Scratch;
use lantern_tests::{Host, RedisServer, Source, eventually, note};

/// So much more memory may be resident afterwards.
const MEMORY_MORE: u64 = 32 << 20;

/// A projection, the limits that are set for it, and the event that it can't apply: behind three good ones.
const DEEDS: [(&str, &[&str], &str); 8] = [
    ("endless-loop", &[], r#"{"do":"loop"}"#),
    ("endless-allocation", &[], r#"{"do":"hoard"}"#),
    ("deep-recursion", &[], r#"{"do":"recurse"}"#),
    ("panic", &[], r#"{"do":"panic"}"#),
    ("refusal", &[], r#"{"do":"refuse"}"#),
    ("many-bytes", &["event-bytes=1MiB"], r#"{"do":"flood","rows":5000,"bytes":1000}"#),
    ("long-key", &[], r#"{"do":"long-name","bytes":1000000}"#),
    ("tight-limit", &["event-ops=10"], r#"{"do":"flood","rows":100,"bytes":1}"#),
];

/// Modules made by hand, the limits that are set for them, and what they do with any event.
fn crooked() -> Vec<(&'static str, &'static [&'static str], CoreModule)> {
    let apply = |code: String| CoreModule { apply: code, ..CoreModule::default() };
    let write = |heads: u32, count: u32| {
        let numbers = format!("(i32.const {heads}) (i32.const {count}) (i32.const 0) (i32.const 0)");
        apply(format!("(call $write {numbers}) {WELL}"))
    };
    let key = "(i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1400) (i32.const 1)";
    let tiny = format!(
        "(local.set $n (i32.const 5000000))
        (loop $again
            (call $hincrby {key} (i64.const 1))
            (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        {WELL}"
    );
    // 600 MB that nobody has ever written to.
    let huge = format!(
        "(drop (memory.grow (i32.const 9600)))
        (call $hset (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 1400) (i32.const 1) (i32.const 0)
            (i32.const 600000000))
        {WELL}"
    );
    // Strings of 60 MB, which the host would read again and again.
    let chatty =
        |call: &str| format!("(drop (memory.grow (i32.const 1000))) (loop $again {call} (br $again)) {WELL}");
    let log = "(call $log (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 1048576) (i32.const 60000000))";
    let config = "(call $config (i32.const 1048576) (i32.const 60000000) (i32.const 1440))";
    vec![
        ("long-lines", &[], apply(chatty(log))),
        ("long-names", &[], apply(chatty(config))),
        ("pointer-outside", &[], write(0x7fff_fffc, 4)),
        ("length-outside", &[], write(0, 0x7fff_ffff)),
        ("result-outside", &[], apply("(i32.const -16)".to_owned())),
        ("anothers-event", &[], apply(BLAME.to_owned())),
        ("tiny-ops", &[], apply(tiny)),
        ("huge-op", &["memory=1GiB", "call-size=1GiB"], apply(huge)),
    ]
}

#[test]
fn names_of_rows_may_be_any_text() {
    let (source, redis) = (Source::log(), RedisServer::start());
    let topic = source.topic("deeds", 1);
    let names = ["a\0b", "a\nb", "{}", "{balances}", "balances:accounts", "../../x", "*"];
    let deed = serde_json::json!({ "do": "rows", "names": names });
    source.append(&topic, &[Event::plain(0, deed.to_string())]);
    let mut host = Host::run(&source.url(), &redis).projection("evil", &plugin("evil"), &[&topic]).start();
    host.until("they are written", || match redis.progress("evil") {
        1 => Ok(()),
        other => Err(format!("{other} events")),
    });
    // They are fields of its own view, whatever they look like.
    let written: Vec<_> = redis.hash("evil:rows").into_keys().collect();
    let mut expected: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    expected.sort();
    assert_eq!(written, expected);
    let strangers: Vec<_> =
        redis.keys().into_iter().filter(|key| !key.starts_with("lantern:") && !key.starts_with("evil:")).collect();
    assert_eq!(strangers, [""; 0]);
}

#[test]
fn a_flood_of_log_lines_is_cut_off_and_hurts_nobody() {
    let (source, redis) = (Source::log(), RedisServer::start());
    let topic = source.topic("deeds", 1);
    source
        .append(&topic, &[Event::plain(0, r#"{"do":"log","lines":20000}"#), Event::plain(0, r#"{"do":"count"}"#)]);
    let began = Instant::now();
    let mut host = Host::run(&source.url(), &redis).projection("evil", &plugin("evil"), &[&topic]).start();
    host.until("both events are applied", || match redis.progress("evil") {
        2 => Ok(()),
        other => Err(format!("{other} events")),
    });
    host.wait_for_line("what was dropped", NET, |line| {
        line.contains("more log lines were dropped, beyond its limit")
    });
    let seconds = began.elapsed().as_secs() as usize + 1;
    let said = host.stderr().matches("evil says").count();
    assert!((100..=100 * (seconds + 1)).contains(&said), "{said} lines in {seconds} s");
}

#[test]
fn each_is_stopped_for_its_own_reason_and_a_neighbour_goes_on() {
    let (source, redis, scratch) = (Source::log(), RedisServer::start(), Scratch::new("crooked"));
    let operator = Operator::of(&redis);
    let mut evils: Vec<(&str, String, &str)> = Vec::new();
    let deploy = |name: &str, file: &std::path::Path, limits: &[&str]| {
        let topic = source.topic(name, 1);
        let limits: Vec<_> = limits.iter().flat_map(|limit| ["--limit", *limit]).collect();
        operator.deploy(name, file, &topic, &limits);
        topic
    };
    let bank = Bank { events: 2_000, accounts: 100, partitions: 1, ..Bank::default() };
    let mut events: Vec<Event> = bank.events().collect();
    let topic = deploy("balances", &plugin("balances"), &[]);
    source.append(&topic, &events);
    for (name, limits, deed) in DEEDS {
        evils.push((name, deploy(name, &plugin("evil"), limits), deed));
    }
    for (name, limits, module) in crooked() {
        let file = scratch.file(&format!("{name}.wasm"), module.bytes());
        evils.push((name, deploy(name, &file, limits), ""));
    }
    let good = || Event::plain(0, r#"{"do":"count"}"#);
    for (_, topic, _) in evils.iter().filter(|(.., deed)| !deed.is_empty()) {
        source.append(topic, &[good(), good(), good()]);
    }
    let mut host = Host::run(&source.url(), &redis).start();
    host.until("balances is exact", || BankViews::fold(&events).hold_under("balances", &redis));
    for (name, ..) in DEEDS {
        host.until(&format!("{name} has done good"), || match redis.progress(name) {
            3 => Ok(()),
            other => Err(format!("{other} events")),
        });
    }
    let before = host.resident_bytes();

    for (seed, (name, evil, deed)) in (2..).zip(&evils) {
        let more: Vec<Event> = Bank { seed, events: 100, ..bank }.events().collect();
        let began = Instant::now();
        source.append(evil, &[Event::plain(0, *deed), good()]);
        source.append(&topic, &more);
        events.extend(more);
        host.until("balances goes on", || BankViews::fold(&events).hold_under("balances", &redis));
        let neighbour = began.elapsed();
        host.wait_for_line(&format!("{name} stopped"), NET, |line| {
            line.contains("stopped: event") && line.contains(&format!("{evil}/0@"))
        });
        let took = began.elapsed();
        note(&format!("{name}: stopped after {took:?}, its neighbour was done after {neighbour:?}"));
    }

    let said: Vec<_> = evils
        .iter()
        .map(|(name, topic, deed)| {
            let status = operator.status(name);
            let offset = if deed.is_empty() { 0 } else { 3 };
            assert_eq!(redis.progress(name), offset, "what stands before it is committed: {status}");
            assert_eq!(status["state"], "stopped", "{status}");
            let error = status["error"].as_str().unwrap_or_default().replace(topic, "T");
            format!("{name}: {}", error.split(" (hint").next().unwrap_or_default())
        })
        .collect();
    assert_snapshot!(said.join("\n"), @r"
    endless-loop: event T/0@3 cannot be applied: the plugin worked longer than its limit `event-time` of 250ms
    endless-allocation: event T/0@3 cannot be applied: the plugin wanted more than its limit `memory` of 256MiB
    deep-recursion: event T/0@3 cannot be applied: the plugin trapped: wasm trap: call stack exhausted
    panic: event T/0@3 cannot be applied: the plugin panicked: evil panics (tests/plugins/evil/src/lib.rs:53:28)
    refusal: event T/0@3 cannot be applied: the plugin refused it: evil refuses
    many-bytes: event T/0@3 cannot be applied: the plugin misused its views: what an event reads and writes of 1049166 bytes is more than the limit `event-bytes` of 1MiB
    long-key: event T/0@3 cannot be applied: the plugin misused its views: a field or member of 1000000 bytes is more than the limit `key-size` of 64KiB
    tight-limit: event T/0@3 cannot be applied: the plugin misused its views: an event makes more reads and writes than the limit `event-ops` of 10
    long-lines: event T/0@0 cannot be applied: the plugin worked longer than its limit `event-time` of 250ms
    long-names: event T/0@0 cannot be applied: the plugin worked longer than its limit `event-time` of 250ms
    pointer-outside: event T/0@0 cannot be applied: the plugin trapped: list pointer/length out of bounds of memory
    length-outside: event T/0@0 cannot be applied: the plugin trapped: list pointer/length out of bounds of memory
    result-outside: event T/0@0 cannot be applied: the plugin trapped: pointer out of bounds of memory
    anothers-event: event T/0@0 cannot be applied: the plugin refused it: not mine
    tiny-ops: event T/0@0 cannot be applied: the plugin misused its views: an event makes more reads and writes than the limit `event-ops` of 100000
    huge-op: event T/0@0 cannot be applied: the plugin worked longer than its limit `event-time` of 250ms
    ");
    eventually("their memory is given back", NET, || {
        let more = host.resident_bytes().saturating_sub(before);
        if more < MEMORY_MORE { Ok(()) } else { Err(format!("{} MB more", more >> 20)) }
    });
    // One that has stopped is not tried again and again.
    assert_eq!(host.stderr().matches("stopped: event").count(), evils.len());
    assert_eq!(host.terminate(), Some(0));
}
