//! What a plugin is, before anybody deploys it, and while it is deployed.

use std::fs;

use insta::assert_snapshot;
use lantern::sandbox::wasm::digest;
use lantern_tests::artefacts::plugin;
use lantern_tests::core_module::CoreModule;
use lantern_tests::scratch::Scratch;
use lantern_tests::{Operator, RedisServer, Source};
use serde_json::json;

#[test]
fn a_file_tells_what_it_is() {
    let redis = RedisServer::start();
    let (operator, file) = (Operator::of(&redis), plugin("balances"));
    let file = file.to_str().unwrap();
    let bytes = fs::read(file).unwrap();

    let seen = operator.tries(&["inspect", file, "--json"]).json();
    assert_eq!((&seen["bytes"], &seen["digest"]), (&json!(bytes.len()), &json!(digest(&bytes))));
    assert_eq!(seen["refused"], json!(null));
    assert_eq!(seen["contract"], "0.1.1");
    assert_eq!(seen["limits"]["memory"], 256 << 20);
    assert_eq!(seen["exports"], json!({ "lantern:projection/projection@0.1.1": ["apply", "describe"] }));
    assert_eq!(
        (&seen["description"]["name"], &seen["description"]["topics"]),
        (&json!("balances"), &json!(["account-events"]))
    );
    let total: u64 =
        seen["sections"].as_array().unwrap().iter().map(|section| section["bytes"].as_u64().unwrap()).sum();
    assert!(total <= bytes.len() as u64 && total > bytes.len() as u64 * 9 / 10, "{total} of {}", bytes.len());
    assert!(seen["toolchain"].as_array().unwrap().iter().any(|tool| tool.as_str().unwrap().starts_with("rustc ")));

    // The same for people; what differs from build to build is left out.
    let text = operator.does(&["inspect", file]);
    let steady = |line: &&str| {
        ["  projection", "  topics", "  in order", "  form", "  contract", "  exports"]
            .iter()
            .any(|start| line.starts_with(start))
    };
    assert_snapshot!(text.lines().filter(steady).collect::<Vec<_>>().join("\n"), @r"
    form        core module
    contract    lantern:projection@0.1.1
    projection  balances, revision 1
    topics      account-events
    in order    those of a partition number, of all topics
    exports     lantern:projection/projection@0.1.1: apply, describe
    ");
    let views = text.lines().skip_while(|line| !line.contains("VIEW")).take_while(|line| !line.is_empty());
    assert_snapshot!(views.collect::<Vec<_>>().join("\n"), @r"
    VIEW      KIND               ENTRIES
    accounts  a table
    totals    a set of counters
    ");
}

#[test]
fn a_projection_tells_what_it_runs() {
    let (source, redis) = (Source::log(), RedisServer::start());
    let operator = Operator::of(&redis);
    let topic = source.topic("deeds", 1);
    operator.deploy("evil", &plugin("evil"), &topic, &["--limit", "memory=64MiB"]);
    let seen = operator.tries(&["inspect", "evil", "--json"]).json();
    assert_eq!(seen["digest"], digest(&fs::read(plugin("evil")).unwrap()));
    assert_eq!((&seen["limits"]["memory"], &seen["description"]["name"]), (&json!(64 << 20), &json!("evil")));
    assert_snapshot!(operator.tries(&["inspect", "evli"]).refusal(), @r"
    exit code 3
    error: there is no projection `evli`
    hint: did you mean `evil`?
    ");
}

#[test]
fn a_plugin_that_needs_a_configuration_is_given_it() {
    let operator = Operator::of(&RedisServer::start());
    let file = plugin("evil");
    let said = operator.tries(&["inspect", file.to_str().unwrap(), "--set", "panic-at-start=boom", "--json"]);
    assert_eq!(said.code, Some(1));
    let refused = &said.json()["refused"]["reason"];
    assert!(refused.as_str().unwrap().contains("the plugin panicked: boom"), "{refused}");
}

#[test]
fn a_refused_file_says_why_and_what_it_is_all_the_same() {
    let (operator, scratch) = (Operator::of(&RedisServer::start()), Scratch::new("inspect"));
    let wasi = CoreModule { import: Some(("wasi_snapshot_preview1", "fd_write")), ..CoreModule::default() };
    let file = scratch.file("wasi.wasm", wasi.bytes());
    let said = operator.tries(&["inspect", file.to_str().unwrap()]);
    assert_snapshot!(said.stderr, @r"
    error: it is refused: it imports `wasi_snapshot_preview1::fd_write`, which a projection cannot have
    hint: build for wasm32-unknown-unknown; a projection has no clock, random, files or network
    ");
    assert!(said.stdout.contains("  imports     wasi_snapshot_preview1: fd_write\n"), "{}", said.stdout);
    assert_eq!(said.code, Some(1));

    let file = scratch.file("text.wasm", "not a module");
    let said = operator.tries(&["inspect", file.to_str().unwrap()]);
    assert_snapshot!(said.stderr, @r"
    error: it is refused: it is not WebAssembly: it begins with `not a mo`
    hint: build the plugin for wasm32-unknown-unknown and name the .wasm file
    ");
    let said = operator.tries(&["inspect", "no/such.wasm"]);
    assert_snapshot!(said.refusal(), @r"
    exit code 1
    error: cannot read no/such.wasm: No such file or directory (os error 2)
    hint: check the path and who may read it
    ");
}
