//! `lantern test`: a plugin is played in memory, and its author told whether its views are right and whether it is pure.

use std::fs;
use std::path::{Path, PathBuf};

use insta::assert_snapshot;
use lantern_tests::artefacts::plugin;
use lantern_tests::bank::{Bank, BankViews};
use lantern_tests::eventually::NET;
use lantern_tests::operator::Said;
use lantern_tests::random::Random;
use lantern_tests::scratch::Scratch;
use lantern_tests::{Event, Host};
use serde_json::{Value, json};

/// `lantern test` of a plugin, with nothing else around.
fn rehearse(plugin: &Path, args: &[&str]) -> Said {
    let file = plugin.to_str().unwrap();
    let mut process = Host::cli(["test", file].iter().chain(args).copied());
    let code = process.exit_code(NET);
    Said { code, stdout: process.stdout(), stderr: process.stderr() }
}

/// `TOPIC=FILE`, as the command takes it.
fn events(topic: &str, file: &Path) -> String {
    format!("{topic}={}", file.display())
}

fn lines<'a>(events: impl IntoIterator<Item = &'a Event>) -> String {
    let line = |event: &Event| {
        let key = event.key.as_ref().map(|key| String::from_utf8(key.clone()).unwrap());
        json!({ "key": key, "timestamp": event.timestamp, "payload": event.json() }).to_string() + "\n"
    };
    events.into_iter().map(line).collect()
}

fn visits(scratch: &Scratch, count: u64) -> PathBuf {
    let mut random = Random::new(7);
    let visit = |number: u64| {
        let payload = format!(r#"{{"page":"/{}","seconds":{}}}"#, random.below(40), 1 + random.below(60));
        Event::keyed(&format!("visitor-{}", random.below(200)), 1, payload).at(1_700_000_000_000 + number as i64)
    };
    let visits: Vec<Event> = (0..count).map(visit).collect();
    scratch.file("visits.jsonl", lines(&visits))
}

#[test]
fn each_impure_plugin_is_found_with_the_event() {
    let scratch = Scratch::new("impure");
    let visits = visits(&scratch, 2_000);
    let given = events("visits", &visits);
    let deeds = [
        ("numbers-events", "memory"),
        ("sums-in-a-field", "memory"),
        ("knows-what-it-has-seen", "memory"),
        ("writes-every-tenth", "memory"),
        ("counts-batches", "batches"),
        ("writes-the-batch", "batches"),
        ("forgets-with-the-batch", "batches"),
        ("last-one-wins", "partitions"),
        ("first-one-wins", "partitions"),
        ("pushes-from-everywhere", "partitions"),
    ];
    for (deed, cause) in deeds {
        let set = format!("deed={deed}");
        let said = rehearse(&plugin("impure"), &["--events", &given, "--set", &set, "--json"]);
        let found = said.json();
        assert_eq!(
            (said.code, &found["passed"], &found["pure"]),
            (Some(1), &json!(false), &json!(false)),
            "{deed}"
        );
        let impurity = &found["impurity"];
        assert_eq!(impurity["cause"], cause, "{deed}: {impurity}");
        assert!(impurity["event"].as_str().unwrap().starts_with("visits/"), "{deed}: {impurity}");
        let line = impurity["line"].as_str().unwrap();
        assert!(line.starts_with(visits.to_str().unwrap()), "{deed}: {impurity}");
        assert!(!impurity["differences"].as_array().unwrap().is_empty(), "{deed}: {impurity}");
    }
}

#[test]
fn the_event_at_which_runs_part_is_the_one() {
    let scratch = Scratch::new("parts");
    // One batch of all would count `/a` once: the third event is the first that a batch forgets.
    let visit = |page: &str| Event::keyed("one", 1, format!(r#"{{"page":"{page}","seconds":1}}"#));
    let file = scratch.file("v.jsonl", lines(&["/a", "/b", "/a", "/c"].map(visit)));
    let given = format!("visits/0={}", file.display());
    let said =
        rehearse(&plugin("impure"), &["--events", &given, "--set", "deed=forgets-with-the-batch", "--json"]);
    let impurity = &said.json()["impurity"];
    assert_eq!((&impurity["event"], &impurity["run"]), (&json!("visits/0@2"), &json!("in batches of 7")));
    assert_eq!(impurity["differences"], json!([{ "path": ["totals", "pages"], "expected": 3, "found": 2 }]));
    let text = rehearse(&plugin("impure"), &["--events", &given, "--set", "deed=forgets-with-the-batch"]);
    let text = text.stdout.replace(file.to_str().unwrap(), "v.jsonl");
    let purity = text.lines().skip_while(|line| !line.starts_with("pure")).take(4);
    assert_snapshot!(purity.collect::<Vec<_>>().join("\n"), @r"
    pure     NO: the views depend on where a batch begins and ends
             the run in batches of 7 parts at visits/0@2 (v.jsonl:3):
             - totals pages  event by event   3
             + totals pages  in batches of 7  2
    ");
}

#[test]
fn pure_plugins_pass_and_their_views_are_right() {
    let scratch = Scratch::new("pure");
    let told: Vec<Event> = Bank { events: 1_500, accounts: 50, ..Bank::default() }.events().collect();
    let bank = events("account-events", &scratch.file("bank.jsonl", lines(&told)));
    let expected = BankViews::fold(&told);

    let balances = rehearse(&plugin("balances"), &["--events", &bank, "--json"]);
    assert_eq!(balances.code, Some(0), "{balances:?}");
    let found = balances.json();
    assert_eq!((&found["passed"], &found["pure"], &found["impurity"]), (&json!(true), &json!(true), &Value::Null));
    assert_eq!(found["views"]["accounts"], json!(expected.accounts));
    assert_eq!(found["views"]["totals"], json!(expected.totals));

    let leaderboard = rehearse(&plugin("leaderboard"), &["--events", &bank, "--json"]).json();
    assert_eq!((&leaderboard["pure"], &leaderboard["passed"]), (&json!(true), &json!(true)));
    let by_balance = leaderboard["views"]["by-balance"].as_object().unwrap();
    assert!(by_balance.iter().all(|(id, score)| score.as_f64() == Some(expected.by_balance[id])));

    let visits = events("visits", &visits(&scratch, 1_000));
    let pure = rehearse(&plugin("impure"), &["--events", &visits, "--set", "deed=none", "--json"]);
    assert_eq!(pure.code, Some(0), "{pure:?}");
}

#[test]
fn a_budget_is_told_against_the_limits() {
    let scratch = Scratch::new("budget");
    let visits = events("visits", &visits(&scratch, 500));
    let args = ["--events", &visits, "--limit", "event-ops=4", "--limit", "memory=8MiB", "--json"];
    let found = rehearse(&plugin("impure"), &args).json();
    let budget = &found["budget"];
    for measure in ["time_ns", "fuel", "ops", "bytes"] {
        let [p50, p99, max] = ["p50", "p99", "max"].map(|share| budget[measure][share].as_u64().unwrap());
        assert!(0 < p50 && p50 <= p99 && p99 <= max, "{measure}: {budget}");
    }
    assert_eq!(
        (&budget["events"], &budget["ops"]["max"], &budget["ops"]["limit"]),
        (&json!(500), &json!(2), &json!(4))
    );
    let size = fs::metadata(plugin("impure")).unwrap().len();
    assert_eq!(budget["component_bytes"], json!({ "max": size, "limit": 64 << 20 }));
    let memory = &budget["memory_bytes"];
    assert!((1..8 << 20).contains(&memory["max"].as_u64().unwrap()) && memory["limit"] == 8 << 20, "{memory}");
}

#[test]
fn an_expectation_is_written_compared_and_written_again() {
    let scratch = Scratch::new("expectation");
    let told = Bank { events: 300, accounts: 5, ..Bank::default() }.events().collect::<Vec<_>>();
    let bank = events("account-events", &scratch.file("bank.jsonl", lines(&told)));
    let expect = scratch.path().join("expected.json");
    let expect = expect.to_str().unwrap();
    let compare = || rehearse(&plugin("balances"), &["--events", &bank, "--expect", expect]);

    let missing = compare().refusal().replace(expect, "expected.json");
    assert_snapshot!(missing, @r"
    exit code 1
    error: cannot read expected.json: No such file or directory (os error 2)
    hint: --update writes what the views are
    ");
    rehearse(&plugin("balances"), &["--events", &bank, "--expect", expect, "--update"]).done();
    assert!(compare().done().contains("views    as in "));

    let written: Value = serde_json::from_str(&fs::read_to_string(expect).unwrap()).unwrap();
    assert_eq!(written["accounts"], json!(BankViews::fold(&told).accounts));
    let mut wrong = written.clone();
    wrong["accounts"]["acc-1"]["owner"] = json!("Nobody");
    wrong["accounts"].as_object_mut().unwrap().remove("acc-2");
    wrong["totals"]["lost"] = json!(1);
    fs::write(expect, wrong.to_string()).unwrap();
    let said = compare();
    let shown = said.stdout.lines().skip_while(|line| !line.starts_with("views")).take(7);
    let shown = shown.collect::<Vec<_>>().join("\n").replace(expect, "expected.json");
    assert_snapshot!(shown, @r#"
    views    3 differences from expected.json
             - accounts acc-1 owner  expected  "Nobody"
             + accounts acc-1 owner  found     "Edsger"
             - accounts acc-2  expected  nothing
             + accounts acc-2  found     {"account":"acc-2","balance":279579,"events":51,"owner":"Radia"}
             - totals lost  expected  1
             + totals lost  found     nothing
    "#);
    assert_snapshot!(said.refused().replace(expect, "expected.json"), @r"
    exit code 1
    error: 3 differences from expected.json
    hint: if it is the plugin that is right, --update writes that
    ");
}

#[test]
fn what_cannot_be_applied_is_told_with_its_line() {
    let scratch = Scratch::new("poison");
    let file = scratch.file(
        "v.jsonl",
        "{\"key\":\"a\",\"payload\":{\"page\":\"/\",\"seconds\":1}}\n{\"key\":\"a\",\"payload\":{\"page\":\"/\"}}\n",
    );
    let visits = events("visits", &file);
    let stopped = rehearse(&plugin("impure"), &["--events", &visits]);
    let name = file.to_str().unwrap();
    let shown = stopped.stdout.lines().take(3).collect::<Vec<_>>().join("\n").replace(name, "v.jsonl");
    assert_snapshot!(shown, @r"
    events   2 in 1 partition
    STOPPED  partition 4: event visits/4@1 cannot be applied: the plugin refused it: the payload is not valid JSON for Visit: missing field `seconds` at line 1 column 12
             it stands in v.jsonl:2
    ");
    assert_snapshot!(stopped.refused(), @r"
    exit code 1
    error: not all events could be applied
    hint: mend the plugin or the event, or say what is to become of such: --on-error park or skip
    ");
    let parked = rehearse(&plugin("impure"), &["--events", &visits, "--on-error", "park", "--json"]);
    let found = parked.json();
    assert_eq!((parked.code, &found["passed"]), (Some(0), &json!(true)));
    assert_eq!(found["set_aside"][0]["line"], format!("{name}:2"));
    // An event that is left out before an instance is dropped is left out all the same.
    let skipped = rehearse(&plugin("impure"), &["--events", &visits, "--on-error", "skip", "--json"]);
    let found = skipped.json();
    assert_eq!((skipped.code, &found["skipped"], &found["pure"]), (Some(0), &json!(1), &json!(true)), "{found}");
}

#[test]
fn two_events_are_enough_to_find_what_is_kept_in_memory() {
    let scratch = Scratch::new("two");
    let visit = |page: &str| Event::keyed("one", 1, format!(r#"{{"page":"{page}","seconds":1}}"#));
    let given = events("visits", &scratch.file("v.jsonl", lines(&["/a", "/b"].map(visit))));
    let said = rehearse(&plugin("impure"), &["--events", &given, "--set", "deed=sums-in-a-field", "--json"]);
    assert_eq!(said.json()["impurity"]["cause"], "memory", "{said:?}");
}

#[test]
fn what_is_no_test_is_refused() {
    let scratch = Scratch::new("no-test");
    let torn = scratch.file("torn.jsonl", "{\"payload\":1}\n{\"payload\":\n");
    let visits = visits(&scratch, 3);
    let refusal = |args: &[&str]| {
        let said = rehearse(&plugin("impure"), args).refusal();
        said.replace(torn.to_str().unwrap(), "torn.jsonl").replace(visits.to_str().unwrap(), "visits.jsonl")
    };
    assert_snapshot!(refusal(&["--events", &events("visit", &visits)]), @r"
    exit code 2
    error: the plugin does not read topic `visit`
    hint: did you mean `visits`? It reads visits
    ");
    assert_snapshot!(refusal(&["--events", &events("visits", &torn)]), @r#"
    exit code 1
    error: torn.jsonl:2: EOF while parsing a value (column 11)
    hint: one event a line: {"key":…,"timestamp":…,"headers":{…},"payload":…}
    "#);
    assert_snapshot!(refusal(&["--events", "visits=nowhere.jsonl"]), @r"
    exit code 1
    error: cannot read nowhere.jsonl: No such file or directory (os error 2)
    hint: check the path and who may read it
    ");
    let no_plugin = rehearse(&torn, &["--events", &events("visits", &visits)]).refusal();
    assert_snapshot!(no_plugin.replace(torn.to_str().unwrap(), "torn.jsonl"), @r#"
    exit code 1
    error: torn.jsonl cannot be run: it is not WebAssembly: it begins with `{\"payloa`
    hint: build the plugin for wasm32-unknown-unknown and name the .wasm file
    "#);
}
