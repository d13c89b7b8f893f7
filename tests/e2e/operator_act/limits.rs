//! What a plugin may use is set for each projection: kept in its record, in force on its lanes, shown to people.

use std::fs;

use insta::assert_snapshot;
use serde_json::json;

use super::*;

/// An event that writes so many rows, and one that is harmless.
fn rows(rows: u32) -> [Event; 2] {
    let flood = format!(r#"{{"do":"flood","rows":{rows},"bytes":1}}"#);
    [Event::plain(0, flood), Event::plain(0, r#"{"do":"count"}"#)]
}

#[test]
fn a_limit_that_is_raised_lets_a_projection_go_on_where_it_stopped() {
    let (source, redis) = (Source::log(), RedisServer::start());
    let (topic, operator) = (source.topic("deeds", 1), Operator::of(&redis));
    let deploy =
        |limits: &[&str]| operator.tries(&[&["deploy", &file("evil"), "--topic", &topic], limits].concat()).done();
    source.append(&topic, &rows(3_000));
    let mut host = Host::run(&source.url(), &redis).start();
    let first = deploy(&["--limit", "event-ops=1000", "--limit", "memory=64MiB"]);
    assert!(first.starts_with("evil: new"), "{first}");

    let stopped = host.until("the limit is in force", || match operator.status("evil") {
        status if status["state"] == "stopped" => Ok(status),
        status => Err(status.to_string()),
    });
    let reason = stopped["error"].as_str().unwrap();
    let limit = "an event makes more reads and writes than the limit `event-ops` of 1000";
    assert!(
        reason.contains(&format!("event {topic}/0@0 cannot be applied")) && reason.contains(limit),
        "{reason}"
    );
    let of = |name: &str| stopped["limits"][name].clone();
    assert_eq!([of("event-ops"), of("memory"), of("event-time")], [json!(1_000), json!(64 << 20), json!(250)]);

    // What is not named stays, and nothing is rebuilt.
    let said = deploy(&["--limit", "event-ops=5000", "--limit", "event-time=500ms"]);
    assert_eq!(said, "evil: limit event-time 250ms → 500ms, limit event-ops 1000 → 5000\n");
    host.until("it goes on", || match redis.field("evil:deeds", "done").as_deref() {
        Some("2") => Ok(()),
        other => Err(format!("{other:?}")),
    });
    assert_eq!(deploy(&["--limit", "event-ops="]), "evil: limit event-ops 5000 → 100000\n");
    assert_eq!(deploy(&[]), "evil: nothing to do\n");
    assert_eq!(redis.generation("evil"), Some(1));
    assert_eq!(host.terminate(), Some(0));

    let shown = operator.does(&["status", "evil"]);
    assert!(shown.contains("\n  limits: memory 64MiB, event-time 500ms\n"), "{shown}");
    let (_, all) = shown.split_once("LIMIT ").unwrap();
    let all: Vec<_> =
        all.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_snapshot!(all.join("\n"), @r"
    memory 64MiB set
    table-elements 100000
    instances 100
    event-time 500ms set
    batch-time 500ms
    event-ops 100000
    batch-ops 1000000
    event-bytes 32MiB
    batch-bytes 64MiB
    key-size 64KiB
    value-size 16MiB
    call-size 128MiB
    log-lines 100
    log-bytes 64KiB
    log-line-size 4KiB
    component-size 64MiB
    compile-time 1m
    compile-memory 1GiB
    ");
}

#[test]
fn limits_that_are_none() {
    let redis = RedisServer::start();
    let tries = |limit| Operator::of(&redis).tries(&["deploy", "evil.wasm", "--limit", limit]).refused();
    assert_snapshot!(tries("memroy=64MiB"), @r"
    exit code 2
    error: invalid value 'memroy=64MiB' for '--limit <NAME=VALUE>': there is no limit `memroy`; did you mean `memory`? The limits are memory, table-elements, instances, event-time, batch-time, event-ops, batch-ops, event-bytes, batch-bytes, key-size, value-size, call-size, log-lines, log-bytes, log-line-size, component-size, compile-time, compile-memory

    For more information, try '--help'.
    ");
    assert_snapshot!(tries("event-time=500"), @r"
    exit code 2
    error: invalid value 'event-time=500' for '--limit <NAME=VALUE>': `500` is not a time such as 500ms

    For more information, try '--help'.
    ");
    assert_snapshot!(tries("memory=8GiB"), @r"
    exit code 2
    error: invalid value 'memory=8GiB' for '--limit <NAME=VALUE>': `memory` may be from 64KiB to 4GiB

    For more information, try '--help'.
    ");
}

#[test]
fn a_manifest_says_limits_too() {
    let (source, redis) = (Source::log(), RedisServer::start());
    let operator = Operator::of(&redis);
    source.topic("deeds", 1);
    let lines = |limits| format!("[projections.evil]\nmodule = \"{}\"\nlimits = {limits}\n", file("evil"));
    let apply = |limits| {
        let (_scratch, manifest) = manifest(&lines(limits));
        operator.tries(&["apply", &manifest])
    };
    apply(r#"{ memory = "64MiB", event-ops = 1000 }"#).done();
    assert_eq!(operator.status("evil")["limits"]["event-ops"], 1_000);
    let said = apply(r#"{ event-ops = 1000 }"#).done();
    assert!(said.contains("limit memory 64MiB → 256MiB"), "{said}");
    let refused = apply(r#"{ event-opps = 1000 }"#).refused();
    assert!(refused.contains("there is no limit `event-opps`; did you mean `event-ops`?"), "{refused}");
    assert!(refused.starts_with("exit code 2\n"), "{refused}");
}

#[test]
fn what_can_not_be_compiled_within_its_limits_is_refused() {
    let redis = RedisServer::start();
    let cache = Scratch::new("empty-cache");
    let deploy = |limit| {
        let cache = cache.path().to_str().unwrap();
        let command = ["deploy", &file("balances"), "--limit", limit, "--cache-dir", cache];
        let bytes = fs::metadata(plugin("balances")).unwrap().len().to_string();
        Operator::of(&redis).tries(&command).refused().replace(&plugins(), "[DIR]").replace(&bytes, "[SIZE]")
    };
    assert_snapshot!(deploy("compile-memory=8MiB"), @r"
    exit code 1
    error: cannot load [DIR]/balances.wasm: compiling it takes more memory than the limit `compile-memory` of 8MiB
    hint: make its functions smaller, or raise the limit with --limit
    ");
    assert_snapshot!(deploy("component-size=1KiB"), @r"
    exit code 1
    error: cannot load [DIR]/balances.wasm: [SIZE] bytes are more than the limit `component-size` of 1KiB
    hint: build it with the profile of the plugins, and strip it, or raise the limit with --limit
    ");
}
