//! Topics with a history: three versions of an event in the middle of one, CloudEvents in both content modes, Debezium's
//! envelopes. One view comes of it, also after a rebuild; and what is newer than the plugin is noticed, not passed over.

use lantern_tests::artefacts::plugin;
use lantern_tests::eventually::NET;
use lantern_tests::evolved::EvolvedBank;
use lantern_tests::host::Run;
use lantern_tests::{Event, Host, Operator, RedisServer, Source};
use serde_json::json;

const PARTITIONS: u32 = 3;

struct Stage {
    source: Source,
    redis: RedisServer,
    topics: [String; 3],
}

impl Stage {
    fn new(source: Source) -> Stage {
        let topics = ["ledger-events", "transfers", "owners"].map(|name| source.topic(name, PARTITIONS));
        Stage { source, redis: RedisServer::start(), topics }
    }

    /// Appends a part of what is told in each topic.
    fn append(&self, bank: &EvolvedBank, part: impl Fn(&[Event]) -> &[Event]) {
        for (topic, events) in self.topics.iter().zip([&bank.ledger, &bank.transfers, &bank.owners]) {
            self.source.append(topic, part(events));
        }
    }

    fn run(&self) -> Run {
        let topics = self.topics.each_ref().map(String::as_str);
        Host::run(&self.source.url(), &self.redis).projection("evolved", &plugin("evolved"), &topics)
    }

    fn caught_up(&self, events: u64) -> Result<(), String> {
        match self.redis.progress("evolved") {
            progress if progress == events => Ok(()),
            progress => Err(format!("{progress} of {events} events are applied")),
        }
    }
}

#[test]
fn versions_mixed_in_a_topic_of_the_embedded_log_make_one_view_also_after_a_rebuild() {
    versions_make_one_view(Stage::new(Source::log()));
}

#[test]
fn versions_mixed_in_a_topic_of_kafka_make_one_view_also_after_a_rebuild() {
    versions_make_one_view(Stage::new(Source::kafka()));
}

fn versions_make_one_view(stage: Stage) {
    let bank = EvolvedBank::generate(1, 3_000, 40, PARTITIONS);
    stage.append(&bank, |events| &events[..events.len() / 2]);
    let mut host = stage.run().batch_events(50).start();
    host.until("some of it is applied", || match stage.redis.progress("evolved") {
        0 => Err("nothing is applied".to_owned()),
        _ => Ok(()),
    });
    stage.append(&bank, |events| &events[events.len() / 2..]);
    host.until("all of it is applied", || stage.caught_up(bank.len()));
    assert_eq!(bank.views_hold(&stage.redis, "evolved"), Ok(()));

    let said = Operator::of(&stage.redis).does(&["rebuild", "evolved", "--wait"]);
    assert!(said.ends_with("evolved: generation 2 is live\n"), "{said}");
    assert_eq!(stage.redis.generation("evolved"), Some(2));
    assert_eq!(bank.views_hold(&stage.redis, "evolved"), Ok(()));
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn a_newer_version_and_an_unknown_type_stop_the_projection_by_name() {
    let newer = json!({"type": "MoneyMoved", "version": 4, "account": "a-1"});
    let unknown = json!({"type": "AccountFrozen", "account": "a-1"});
    for (event, reason) in [
        (newer, "unknown version 4 of `MoneyMoved`: known is 1 to 3; add steps from version 3 on"),
        (
            unknown,
            "unknown event type `AccountFrozen`: LedgerEvent has `AccountOpened`, `MoneyMoved`; give it a variant",
        ),
    ] {
        let stage = Stage::new(Source::log());
        let bank = EvolvedBank::generate(2, 50, 5, PARTITIONS);
        stage.append(&bank, |events| events);
        stage.source.append(&stage.topics[0], &[Event::keyed("a-1", PARTITIONS, event.to_string())]);
        let mut host = stage.run().start();
        assert_eq!(host.exit_code(NET), Some(1));
        let said = host.stderr();
        assert!(said.contains(reason), "{said}");
        assert!(said.contains(&stage.topics[0]), "it names where the event stands: {said}");
    }
}

#[test]
fn a_newer_version_is_set_aside_where_that_is_the_policy() {
    let stage = Stage::new(Source::log());
    let bank = EvolvedBank::generate(3, 200, 10, PARTITIONS);
    stage.append(&bank, |events| events);
    // Of an account that nothing else happens to.
    let newer = json!({"type": "MoneyMoved", "version": 4, "account": "b-1"});
    stage.source.append(&stage.topics[0], &[Event::keyed("b-1", PARTITIONS, newer.to_string())]);
    let [ledger, transfers, owners] = stage.topics.each_ref().map(String::as_str);
    let url = stage.source.url();
    let args = ["--topic", transfers, "--topic", owners, "--source", &url, "--on-error", "park"];
    let operator = Operator::of(&stage.redis);
    operator.deploy("evolved", &plugin("evolved"), ledger, &args);
    let mut host = Host::run(&url, &stage.redis).start();
    host.until("all of it is dealt with", || stage.caught_up(bank.len() + 1));
    assert_eq!(bank.views_hold(&stage.redis, "evolved"), Ok(()));
    assert_eq!(operator.status("evolved")["dead_letters"], 1);
    let letter = operator.does(&["dead", "list", "evolved", "--json"]);
    assert!(letter.contains("unknown version 4 of `MoneyMoved`: known is 1 to 3"), "{letter}");
    assert_eq!(host.terminate(), Some(0));
}
