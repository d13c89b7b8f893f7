//! What an operator sees: the commands that read an installation, with and without hosts, in good times and in bad ones.

use insta::assert_snapshot;
use lantern_tests::artefacts::plugin;
use lantern_tests::bank::{Bank, BankViews};
use lantern_tests::eventually::{NET, eventually};
use lantern_tests::kafka::Outcome;
use lantern_tests::operator::Said;
use lantern_tests::{Event, Host, RedisServer, Source};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::story::{BankStory, real_kafka};

pub fn start(redis: &RedisServer, args: &[&str]) -> Host {
    let url = redis.url();
    Host::cli(args.iter().copied().chain(["--redis", &url]))
}

/// The bank, and `balances` and `leaderboard` on it.
pub struct Stage {
    pub story: BankStory,
    pub host: Host,
}

impl Stage {
    pub fn new(source: Source, events: u64) -> Stage {
        let bank = Bank { events, accounts: 10, partitions: 2, ..Bank::default() };
        let story = BankStory::told_by(source, &bank);
        let leaderboard = plugin("leaderboard");
        let mut host = story.run().projection("leaderboard", &leaderboard, &[&story.topic]).start();
        for name in ["balances", "leaderboard"] {
            host.until("it is live", || match story.operator().tries(&["status", name, "--json"]) {
                Said { code: Some(0), stdout, .. } if stdout.contains(r#""state":"live""#) => Ok(()),
                said => Err(format!("{said:?}")),
            });
        }
        Stage { story, host }
    }

    /// More events of the same bank.
    pub fn more(&self, seed: u64, events: u64) -> Vec<Event> {
        Bank { seed, events, accounts: 10, partitions: 2, ..Bank::default() }.events().collect()
    }

    pub fn ask(&self, args: &[&str]) -> Said {
        self.story.operator().tries(args)
    }

    /// A text with all that differs from run to run in words of the same meaning, one space between them.
    pub fn steady(&self, text: &str) -> String {
        let status = self.ask(&["status", "--json"]).json();
        let projections = status["projections"].as_array().unwrap();
        let mut text = text.replace(&self.story.topic, "[TOPIC]");
        for projection in projections {
            text = text.replace(&projection["module"].as_str().unwrap()[..12], "[MODULE]");
            for lane in projection["lanes"].as_array().unwrap() {
                text = text.replace(lane["host"].as_str().unwrap_or("[HOST]"), "[HOST]");
            }
        }
        let line = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        text.lines().map(|text| line(text) + "\n").collect()
    }
}

#[test]
fn a_projection_is_seen_on_the_embedded_log() {
    is_seen(&Stage::new(Source::log(), 1_000));
}

#[test]
fn a_projection_is_seen_on_kafka() {
    is_seen(&Stage::new(Source::kafka(), 1_000));
}

fn is_seen(stage: &Stage) {
    let mut seen = stage.ask(&["status", "balances", "--json"]).json();
    let projection = &mut seen["projections"][0];
    assert_eq!(projection["module"].as_str().unwrap().len(), 64);
    assert!(projection["events_per_second"].is_number());
    let host = projection["lanes"][0]["host"].take();
    assert!(host.as_str().is_some_and(|host| !host.is_empty()), "{host}");
    let topic = &stage.story.topic;
    let lane = |partition: u32, host: Value| {
        let end = stage.story.ends()[&format!("{topic}/{partition}")];
        json!({ "topic": topic, "partition": partition, "checkpoint": end, "end": end, "lag": 0, "host": host })
    };
    let (module, rate) = (projection["module"].clone(), projection["events_per_second"].clone());
    let limits = projection["limits"].clone();
    assert_eq!((&limits["memory"], &limits["event-time"]), (&json!(256 << 20), &json!(250)));
    let expected = json!({ "projections": [{
        "name": "balances",
        "state": "live",
        "error": null,
        "revision": 1,
        "generation": 1,
        "module": module,
        "topics": [topic],
        "lag": 0,
        "lag_seconds": 0.0,
        "events_per_second": rate,
        "dead_letters": 0,
        "limits": limits,
        "lanes": [lane(0, Value::Null), lane(1, host)],
        "rebuild": null,
    }]});
    assert_eq!(seen, expected);

    assert_eq!(
        stage.steady(&stage.ask(&["list"]).stdout),
        "NAME STATE REVISION GENERATION LAG MODULE TOPICS\n\
         balances live 1 1 0 [MODULE] [TOPIC]\n\
         leaderboard live 1 1 0 [MODULE] [TOPIC]\n"
    );
    let listed = stage.ask(&["list", "--json"]).json();
    let names = listed["projections"].as_array().unwrap().iter().map(|projection| &projection["name"]);
    assert_eq!(names.collect::<Vec<_>>(), ["balances", "leaderboard"]);
}

#[test]
fn the_status_is_readable() {
    let stage = Stage::new(Source::log(), 100);
    stage.story.expect_views_at_checkpoint();
    eventually("all events were applied more than a second ago", NET, || {
        match stage.ask(&["status", "balances", "--json"]).json()["projections"][0]["events_per_second"].as_f64() {
            Some(0.0) => Ok(()),
            rate => Err(format!("{rate:?} a second")),
        }
    });
    let status = stage.steady(&stage.ask(&["status", "balances"]).stdout);
    let (standing, _limits) = status.split_once("LIMIT ").unwrap();
    assert_snapshot!(standing, @r"
    balances live
    generation 1, revision 1, module [MODULE]
    lag 0, 0/s
    0 dead letters
    PARTITION CHECKPOINT END LAG HOST
    [TOPIC]/0 65 65 0 [HOST]
    [TOPIC]/1 35 35 0 [HOST]
    ");
}

#[test]
fn the_history_says_who_did_what() {
    let stage = Stage::new(Source::log(), 100);
    let history = stage.ask(&["history", "balances", "--json"]).json();
    let entries = history["history"].as_array().unwrap();
    let words =
        |field: &str| entries.iter().map(|entry| entry[field].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(words("action"), ["deploy", "live"]);
    assert_eq!(words("projection"), ["balances", "balances"]);
    assert!(words("at").iter().all(|at| at.len() == 20 && at.ends_with('Z')), "{history}");
    assert!(words("who")[0].contains('@'), "{history}");
    let newest = stage.ask(&["history", "--count", "1"]).stdout;
    assert_eq!(newest.lines().count(), 2, "{newest}");
    assert!(newest.contains("has caught up"), "{newest}");
}

#[test]
fn views_are_read_as_clients_read_them() {
    let stage = Stage::new(Source::log(), 1_000);
    let views = BankViews::fold(&stage.story.events);
    assert_snapshot!(stage.steady(&stage.ask(&["view", "balances"]).stdout), @r"
    NAME KIND COUNT KEY
    accounts table 10 balances:accounts
    totals set of counters 5 balances:totals
    ");

    let all = stage.ask(&["view", "balances", "accounts", "--json", "--limit", "100"]).json();
    assert_eq!((all["key"].as_str(), all["kind"].as_str()), (Some("balances:accounts"), Some("table")));
    let found = all["records"].as_array().unwrap().iter();
    let found = found.map(|record| (record["id"].as_str().unwrap().to_owned(), record["value"].clone()));
    assert_eq!(found.collect::<std::collections::BTreeMap<_, _>>(), views.accounts);

    let one = stage.ask(&["view", "balances", "accounts", "acc-1", "acc-none", "--json"]);
    assert_eq!(one.json()["records"], json!([{ "id": "acc-1", "value": views.accounts["acc-1"] }]));
    assert_eq!(one.stderr, "there is no record `acc-none`\n");
    let text = stage.ask(&["view", "balances", "totals", "events"]).stdout;
    assert_eq!(text, format!("events  {}\n", views.totals["events"]));

    let top = stage.ask(&["view", "leaderboard", "by-balance", "--limit", "2"]);
    let best = views.by_balance.iter().max_by(|a, b| a.1.total_cmp(b.1)).unwrap();
    assert!(top.stdout.starts_with(&format!("{} ", best.0)), "{} does not begin with {best:?}", top.stdout);
    assert_eq!((top.stdout.lines().count(), top.stderr.as_str()), (2, "8 more (hint: --limit)\n"));
}

#[test]
fn a_script_waits_for_its_own_write() {
    for source in [Source::log(), Source::kafka()] {
        let mut stage = Stage::new(source, 100);
        let at = format!("{}/1", stage.story.topic);
        let next = stage.story.ends()[&at];
        assert_eq!(stage.ask(&["wait", "balances", "--at", &format!("{at}@{}", next - 1)]).code, Some(0));

        let late = stage.ask(&["wait", "balances", "--at", &format!("{at}@{next}"), "--timeout", "100ms"]);
        assert_eq!(
            late.refusal(),
            format!(
                "exit code 1\n\
                 error: projection `balances` has not come so far in 100ms: {at} is at {next} of {}\n\
                 hint: `lantern status balances` shows what it is doing; --timeout waits longer\n",
                next + 1
            )
        );

        let mut waiting =
            start(&stage.story.redis, &["wait", "balances", "--at", &format!("{at}@{next}"), "--json"]);
        let deposit = r#"{"type":"MoneyDeposited","account":"acc-1","amount":1}"#;
        stage.story.append(vec![Event::plain(1, deposit)]);
        assert_eq!(waiting.exit_code(NET), Some(0));
        assert_eq!(
            waiting.stdout().trim_end(),
            json!({ "checkpoints": { at: next + 1 }, "projection": "balances" }).to_string()
        );

        stage.story.append(stage.more(2, 5_000));
        let caught_up = stage.ask(&["wait", "balances", "--caught-up"]);
        assert_eq!((caught_up.code, caught_up.stdout.as_str(), caught_up.stderr.as_str()), (Some(0), "", ""));
        assert_eq!(stage.story.caught_up("balances"), Ok(()), "it has not ended too early");
        stage.story.expect_views_at_checkpoint();
    }
}

#[test]
fn gaps_at_the_end_of_a_topic_are_no_lag() {
    let Some(kafka) = real_kafka() else { return };
    let stage = Stage::new(Source::kafka(), 100);
    let never: Vec<Event> = stage.more(2, 100);
    kafka.transact(&stage.story.topic, &never, Outcome::Abort);

    let caught_up = stage.ask(&["wait", "balances", "--caught-up"]);
    assert_eq!((caught_up.code, caught_up.stderr.as_str()), (Some(0), ""));
    let seen = stage.ask(&["status", "balances", "--json"]).json();
    let checkpoint = |lane: &Value| lane["end"].as_u64().unwrap() - lane["checkpoint"].as_u64().unwrap();
    let gaps = seen["projections"][0]["lanes"].as_array().unwrap().iter().map(checkpoint).sum::<u64>();
    assert!(gaps >= 100, "{seen}");
    assert_eq!(seen["projections"][0]["lag"], json!(0));
}

#[test]
fn whoever_watches_sees_every_change_and_ends_it_well() {
    let mut stage = Stage::new(Source::log(), 100);
    let mut watch = start(&stage.story.redis, &["status", "balances", "--watch"]);
    watch.wait_for_line("the first look", NET, |line| line.contains("live") && line.contains("lag 0"));
    stage.story.append(vec![Event::plain(1, r#"{"type":"MoneyDeposited","account":"acc-1","amount":"lots"}"#)]);
    watch.wait_for_line("the stop", NET, |line| line.contains("stopped") && line.contains("lots"));
    watch.signal(Signal::INT);
    assert_eq!(watch.exit_code(NET), Some(0));
}
