//! Events that cannot be applied are set aside with their reason, in the same commit as the checkpoint; later events of their
//! keys wait behind them, and all are applied in order once the plugin is mended.

use std::collections::BTreeMap;
use std::fs;

use insta::assert_snapshot;
use lantern::sandbox::wasm::digest;
use lantern_tests::artefacts::plugin;
use lantern_tests::random::Random;
use lantern_tests::{Event, Host, Operator, RedisServer, Source};
use serde_json::Value;

/// A projection that does not like everything, in two lanes.
struct Stage {
    source: Source,
    redis: RedisServer,
    topic: String,
    events: Vec<Event>,
}

const PARTITIONS: u32 = 2;

fn dish(key: &str, what: &str) -> Event {
    Event::keyed(key, PARTITIONS, what)
}

/// What is set aside: event, reason, and the event that it waits behind.
type Line = (String, String, Option<String>);

impl Stage {
    fn of(source: Source, events: Vec<Event>) -> Stage {
        let redis = RedisServer::start();
        let topic = source.topic("dishes", PARTITIONS);
        source.append(&topic, &events);
        Stage { source, redis, topic, events }
    }

    fn append(&mut self, events: Vec<Event>) {
        self.source.append(&self.topic, &events);
        self.events.extend(events);
    }

    fn operator(&self) -> Operator {
        Operator::of(&self.redis)
    }

    fn deploy(&self, how: &[&str]) {
        let url = self.source.url();
        self.operator().deploy("picky", &plugin("picky"), &self.topic, &[how, &["--source", &url]].concat());
    }

    fn host(&self) -> Host {
        Host::run(&self.source.url(), &self.redis).start()
    }

    /// Deploys it so that it sets aside what it cannot apply, and lets it come to the end of the topic.
    fn parked(&self) -> Host {
        self.deploy(&["--on-error", "park"]);
        let mut host = self.host();
        host.until("all is dealt with", || self.caught_up());
        host
    }

    fn caught_up(&self) -> Result<(), String> {
        match self.redis.progress("picky") {
            there if there == self.events.len() as u64 => Ok(()),
            there => Err(format!("it is at {there} of {}", self.events.len())),
        }
    }

    /// What a mended plugin has seen of each key: all of its events, in their order.
    fn all_seen(&self, but: impl Fn(&str) -> bool) -> BTreeMap<String, Vec<String>> {
        let mut seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut next = [0u64; PARTITIONS as usize];
        for event in &self.events {
            let offset = next[event.partition as usize];
            next[event.partition as usize] += 1;
            let text = |bytes: &Option<Vec<u8>>| String::from_utf8(bytes.clone().unwrap()).unwrap();
            let word = text(&event.payload).split(' ').next().unwrap().to_owned();
            if !but(&text(&event.key)) {
                seen.entry(text(&event.key)).or_default().push(format!("{offset} {word}"));
            }
        }
        seen
    }

    fn seen(&self) -> BTreeMap<String, Vec<String>> {
        let rows = self.redis.hash("picky:seen");
        rows.into_iter().map(|(key, row)| (key, serde_json::from_str(&row).expect("a row is JSON"))).collect()
    }

    fn has_seen(&self, expected: &BTreeMap<String, Vec<String>>) -> Result<(), String> {
        let seen = self.seen();
        if seen == *expected { Ok(()) } else { Err(format!("{seen:?} instead of {expected:?}")) }
    }

    fn letters(&self) -> Vec<Line> {
        let said = self.operator().does(&["dead", "list", "picky", "--json"]);
        let said: Value = serde_json::from_str(&said).expect("it is JSON");
        let text = |value: &Value| value.as_str().map(|text| text.replace(&self.topic, "T"));
        let line = |letter: &Value| {
            let event = format!("T/{}@{}", letter["partition"], letter["offset"]);
            (event, text(&letter["reason"]).expect("it has a reason"), text(&letter["parked_behind"]))
        };
        said["dead_letters"].as_array().expect("there is a list").iter().map(line).collect()
    }

    /// How many there are, asked of Redis: quicker than a command.
    fn count_letters(&self) -> usize {
        (0..PARTITIONS).map(|partition| self.redis.hash(&format!("lantern:dead:picky:1:{partition}")).len()).sum()
    }

    /// Where the event of that index stands.
    fn at(&self, index: usize) -> String {
        let partition = self.events[index].partition;
        let offset = self.events[..index].iter().filter(|event| event.partition == partition).count();
        format!("T/{partition}@{offset}")
    }

    /// What a command says, without what differs from run to run or from build to build.
    fn said(&self, text: &str) -> String {
        let lines = text.lines().map(|line| {
            let is_time = |word: &str| word.starts_with("20") && word.ends_with('Z');
            // How wide a column is depends on the name of the topic.
            let words = line.split_whitespace().map(|word| if is_time(word) { "[TIME]" } else { word });
            words.collect::<Vec<_>>().join(" ")
        });
        let digest = digest(&fs::read(plugin("picky")).unwrap());
        lines.collect::<Vec<_>>().join("\n").replace(&self.topic, "T").replace(&digest[..12], "[DIGEST]")
    }
}

fn menu() -> Vec<Event> {
    [
        ("a", "soup"),
        ("b", "bad egg"),
        ("a", "tea"),
        ("b", "soup"),
        ("c", "awful"),
        ("b", "worse"),
        ("a", "cake"),
        ("b", "tea"),
    ]
    .map(|(key, what)| dish(key, what))
    .into()
}

fn line(event: String, reason: &str, behind: Option<&String>) -> Line {
    (event, reason.to_owned(), behind.cloned())
}

#[test]
fn a_failed_event_is_set_aside_and_its_key_waits_until_the_plugin_is_mended() {
    let mut stage = Stage::of(Source::log(), menu());
    let mut host = stage.parked();
    assert_eq!(stage.has_seen(&stage.all_seen(|key| key != "a")), Ok(()));
    let egg = stage.at(1);
    let mut expected = vec![
        line(egg.clone(), "error", None),
        line(stage.at(3), "parked", Some(&egg)),
        line(stage.at(4), "panic", None),
        line(stage.at(5), "parked", Some(&egg)),
        line(stage.at(7), "parked", Some(&egg)),
    ];
    let mut letters = stage.letters();
    letters.sort();
    expected.sort();
    assert_eq!(letters, expected);
    assert_eq!(stage.operator().status("picky")["dead_letters"], 5);

    // Tried again with the same plugin, they stay.
    let again = stage.operator().tries(&["dead", "retry", "picky", "--key", "c", "--wait"]);
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.stderr.contains("it can't stand this"), "{again:?}");

    // The mended one takes those of `c`, and those of `b` up to the one that is worse.
    stage.deploy(&["--set", "mended=some"]);
    let again = stage.operator().tries(&["dead", "retry", "picky", "--all", "--wait"]);
    assert_eq!(again.code, Some(1), "{again:?}");
    let worse = stage.at(5);
    assert_eq!(stage.letters(), [line(worse.clone(), "error", None), line(stage.at(7), "parked", Some(&worse))]);
    stage.append(vec![dish("b", "cake"), dish("c", "cake")]);
    host.until("what comes now goes its way", || stage.caught_up());
    assert_eq!(stage.letters().last(), Some(&line(stage.at(8), "parked", Some(&worse))));

    stage.deploy(&["--set", "mended=all"]);
    stage.operator().does(&["dead", "retry", "picky", "--all", "--wait"]);
    assert_eq!(stage.has_seen(&stage.all_seen(|_| false)), Ok(()), "as if nothing had ever failed");
    assert_eq!(
        (stage.letters(), &stage.operator().status("picky")["dead_letters"]),
        (Vec::new(), &Value::from(0))
    );
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn what_is_set_aside_outlives_a_kill() {
    let mut random = Random::new(7);
    let words = ["soup", "tea", "cake", "soup", "tea", "cake", "bad", "awful"];
    let event = |_| dish(&format!("guest-{}", random.below(300)), words[random.below(8) as usize]);
    let events: Vec<_> = (0..4_000).map(event).collect();
    let stage = Stage::of(Source::log(), events);
    stage.deploy(&["--on-error", "park"]);
    let run = || Host::run(&stage.source.url(), &stage.redis).batch_events(10).start();
    // The host dies again and again while it sets events aside …
    for kill in 1..=10 {
        let mut host = run();
        host.until("it has come further", || match stage.redis.progress("picky") {
            there if there >= kill * 300 => Ok(()),
            there => Err(format!("it is at {there}")),
        });
    }
    let mut host = run();
    host.until("all is dealt with", || stage.caught_up());
    let applied: usize = stage.seen().values().map(Vec::len).sum();
    let set_aside = stage.letters().len();
    assert_eq!(applied + set_aside, stage.events.len(), "neither lost nor doubled");
    assert!(set_aside > 1_000, "many wait behind others: {set_aside}");

    // … and while it tries them again.
    stage.deploy(&["--set", "mended=all"]);
    stage.operator().does(&["dead", "retry", "picky", "--all"]);
    let mut torn = 0;
    for kill in 1..=10 {
        let (most, mut left) = (set_aside - kill * set_aside / 12, 0);
        host.until("it has come further", || {
            left = stage.count_letters();
            if left <= most { Ok(()) } else { Err(format!("{left} are set aside")) }
        });
        torn += usize::from(left > 0);
        // The log takes a second host only when the first has gone.
        drop(host);
        host = run();
    }
    assert!(torn >= 5, "only {torn} kills have met a host that was at it");
    stage.operator().does(&["dead", "retry", "picky", "--all", "--wait"]);
    assert_eq!(stage.has_seen(&stage.all_seen(|_| false)), Ok(()), "as if nothing had ever failed");
    assert_eq!(stage.letters(), []);
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn dropped_ones_are_never_applied_and_the_rest_of_their_key_is() {
    let stage = Stage::of(Source::log(), menu());
    let mut host = stage.parked();
    let operator = stage.operator();
    let event = |index: usize| stage.at(index).replace('T', &stage.topic);

    let planned = operator.tries(&["dead", "discard", "picky", &event(1), "--plan"]);
    assert_eq!(stage.letters().len(), 5, "{planned:?}");
    let dropped = operator.tries(&["dead", "discard", "picky", &event(1), &event(5)]);
    assert_snapshot!(stage.said(&(dropped.stdout + &dropped.stderr)), @r"
    picky: 2 events of 1 key are dropped
    EVENT KEY REASON SET ASIDE MESSAGE
    T/0@1 b error [TIME] it does not like this
    T/0@5 b parked [TIME] it comes after T/0@1 of its key, which is set aside
    2 more of these keys stay set aside: lantern dead retry picky --key KEY
    ");
    operator.does(&["dead", "retry", "picky", "--key", "b", "--wait"]);
    let words: Vec<String> =
        stage.seen()["b"].iter().map(|seen| seen.split_once(' ').unwrap().1.to_owned()).collect();
    assert_eq!(words, ["soup", "tea"]);
    assert_eq!(stage.letters().len(), 1);
    let history = operator.does(&["history", "picky"]);
    assert!(history.contains("discard") && history.contains("2 events of 1 key are dropped"), "{history}");
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn no_more_is_set_aside_than_the_operator_allows() {
    let stage = Stage::of(Source::log(), (0..5).map(|_| dish("a", "bad")).collect());
    stage.deploy(&["--on-error", "park", "--max-parked", "3"]);
    let mut host = stage.host();
    let error = host.until("it has stopped", || {
        let status = stage.operator().status("picky");
        if status["state"] == "stopped" {
            Ok(status["error"].as_str().unwrap_or_default().to_owned())
        } else {
            Err(status.to_string())
        }
    });
    assert_snapshot!(stage.said(&error), @r"
    event T/0@3 cannot be set aside: 3 are set aside in this lane already (hint: deploy a plugin that takes them, and apply them by `lantern dead retry`, or drop some by `lantern dead discard`: it goes on with that; or allow more by --max-parked)
    ");
    assert_eq!(stage.letters().len(), 3);

    // With the mended plugin it has no room for what waits behind the others, until they are applied.
    stage.deploy(&["--set", "mended=all"]);
    stage.operator().does(&["dead", "retry", "picky", "--all", "--wait"]);
    host.until("it goes on", || stage.caught_up());
    assert_eq!(stage.has_seen(&stage.all_seen(|_| false)), Ok(()));
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn a_rebuild_has_a_list_of_its_own() {
    let stage = Stage::of(Source::log(), menu());
    let mut host = stage.parked();
    assert_eq!(stage.letters().len(), 5);
    let operator = stage.operator();
    operator.does(&["deploy", plugin("picky").to_str().unwrap(), "--set", "mended=some", "--topic", &stage.topic]);
    operator.does(&["rebuild", "picky", "--wait"]);
    assert_eq!(stage.letters().len(), 2, "what the mended one does not take, and what waits behind it");
    let of_old = ["dead", "retry", "picky", "--generation", "1", "--all"];
    assert_snapshot!(stage.said(&operator.tries(&of_old).refusal()), @r"
    exit code 4
    error: generation 1 of projection `picky` does not run
    hint: the live one is 2; see lantern rollback --help
    ");
    operator.does(&["rollback", "picky"]);
    assert_eq!(stage.letters().len(), 5);
    operator.does(&["undeploy", "picky", "--yes"]);
    host.until("nothing is left of it", || {
        let keys: Vec<_> = stage.redis.keys().into_iter().filter(|key| key.contains("picky")).collect();
        if keys.is_empty() { Ok(()) } else { Err(keys.join(" ")) }
    });
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn a_payload_that_is_too_large_to_keep_is_read_from_its_topic_again() {
    for source in [Source::log(), Source::kafka()] {
        let large = format!("bad {}", "x".repeat(200_000));
        let mut stage =
            Stage::of(source, vec![dish("a", "tea"), dish("a", &large), dish("a", &large), dish("a", "cake")]);
        let mut host = stage.parked();
        let event = stage.at(1).replace('T', &stage.topic);
        let shown = stage.operator().does(&["dead", "show", "picky", &event]);
        assert!(shown.contains("200,004 bytes, which are in the topic only"), "{shown}");
        stage.append(vec![dish("a", "soup")]);
        stage.deploy(&["--set", "mended=all"]);
        // What comes before those that are named is tried with them.
        stage.operator().does(&["dead", "retry", "picky", "--reason", "parked", "--wait"]);
        host.until("all is dealt with", || {
            stage.caught_up().and_then(|()| stage.has_seen(&stage.all_seen(|_| false)))
        });
        assert_eq!(host.terminate(), Some(0));
    }
}

#[test]
fn what_an_operator_sees() {
    let stage = Stage::of(Source::log(), menu());
    let mut host = stage.parked();
    let operator = stage.operator();
    let shown = |command: &[&str]| {
        let said = operator.tries(command);
        stage.said(&(said.stdout + &said.stderr))
    };
    let egg = stage.at(1).replace('T', &stage.topic);
    assert_snapshot!(shown(&["dead", "list", "picky"]), @r"
    EVENT KEY REASON SET ASIDE MESSAGE
    T/0@1 b error [TIME] it does not like this
    T/0@3 b parked [TIME] it comes after T/0@1 of its key, which is set aside
    T/0@4 c panic [TIME] it can't stand this (tests/plugins/picky/src/lib.rs:25:32)
    T/0@5 b parked [TIME] it comes after T/0@1 of its key, which is set aside
    T/0@7 b parked [TIME] it comes after T/0@1 of its key, which is set aside
    ");
    assert_snapshot!(shown(&["dead", "list", "picky", "--reason", "parked", "--limit", "1"]), @r"
    EVENT KEY REASON SET ASIDE MESSAGE
    T/0@3 b parked [TIME] it comes after T/0@1 of its key, which is set aside
    2 more (hint: --limit)
    ");
    assert_snapshot!(shown(&["dead", "list", "picky", "--key", "nobody"]), @"there are no such dead letters");
    assert_snapshot!(shown(&["dead", "show", "picky", &egg]), @r"
    event T/0@1
    key b
    time [TIME]
    payload bad egg
    reason error
    message it does not like this
    module [DIGEST], revision 1
    set aside [TIME]
    behind it 3 of its key
    ");
    assert_snapshot!(shown(&["dead", "show", "picky", "dishes/0@99"]), @r"
    error: projection `picky` has not set aside event dishes/0@99
    hint: an event is written TOPIC/PARTITION@OFFSET; `lantern dead list picky` shows them
    ");
    assert_snapshot!(shown(&["dead", "retry", "picky"]), @r"
    error: it is not said which dead letters are meant
    hint: name events, or narrow them by --key, --reason or --since; or say --all
    ");
    assert_snapshot!(shown(&["dead", "retry", "picky", "--since", "1h", "--plan"]), @r"
    picky: 5 events of 2 keys are to be tried again
    only a plan: nothing was changed
    ");
    assert_snapshot!(shown(&["dead", "list", "pickies"]), @r"
    error: there is no projection `pickies`
    hint: did you mean `picky`?
    ");
    assert_eq!(host.terminate(), Some(0));
}
