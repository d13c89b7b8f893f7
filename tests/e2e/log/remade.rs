//! A topic is deleted and another of the same name made: no event of it gets into the views of the one before, and the
//! projection says so.

use insta::assert_snapshot;
use lantern_tests::{Event, Host};

use super::{Stage, bank};

/// `balances` has applied 300 events.
fn stage() -> Option<(Stage, Vec<Event>, Host)> {
    let stage = Stage::of("balances", 1)?;
    let events = bank(1, 300);
    stage.produce(&events);
    let mut host = stage.host();
    host.until("all is applied", || stage.stands_at("balances", 0, 300));
    Some((stage, events, host))
}

impl Stage {
    /// Deletes the topic, makes it anew, and appends these events.
    pub(super) fn remake(&self, events: &[Event]) {
        self.kafka.delete_topic(&self.topic);
        self.kafka.create_topic(&self.topic, 1);
        self.produce(events);
    }

    /// What is said of it, with words for the ids; they must be two.
    #[track_caller]
    pub(super) fn remade(&self, host: &mut Host) -> String {
        let said = host.until("it has stopped for the topic is another", || {
            let status = self.operator().status("balances");
            match status["error"].as_str() {
                Some(why) if why.contains("made anew") => Ok(self.steady(why)),
                _ => Err(status.to_string()),
            }
        });
        let id = |after: &str| {
            let (_, rest) = said.split_once(after).unwrap_or_else(|| panic!("{said}"));
            rest.split([' ', ')']).next().unwrap().to_owned()
        };
        let (was, is) = (id("its id was "), id("and is "));
        assert!(was != is && was.len() == 22 && is.len() == 22, "{said}");
        said.replace(&was, "[ID]").replace(&is, "[ANOTHER]")
    }
}

#[test]
fn a_topic_that_is_made_anew_with_more_events_than_before() {
    let Some((stage, events, mut host)) = stage() else { return };
    // If the reader went on at offset 300, it would find the others there.
    let others = bank(2, 900);
    stage.remake(&others);

    assert_snapshot!(stage.remade(&mut host), @"its topics cannot be read: topic `[TOPIC]` was deleted and made anew: its id was [ID] and is [ANOTHER] (hint: the views stay as they are; `lantern rebuild balances` builds them from the new topic)");
    assert_eq!(stage.has(&events), Ok(()), "no event of the new topic is in the views of the old one");
    assert_eq!(stage.stands_at("balances", 0, 300), Ok(()));

    stage.operator().does(&["rebuild", "balances", "--wait"]);
    assert_eq!(stage.has(&others), Ok(()));
    let all = [others, bank(3, 50)].concat();
    stage.produce(&all[900..]);
    host.until("it goes on in the new one", || stage.has(&all));
    assert_eq!(stage.is("balances", "live"), Ok(()));
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn a_topic_that_is_made_anew_with_fewer_events_than_before() {
    let Some((stage, events, mut host)) = stage() else { return };
    let others = bank(2, 20);
    stage.remake(&others);

    stage.remade(&mut host);
    assert_eq!(stage.has(&events), Ok(()));
    stage.operator().does(&["rebuild", "balances", "--wait"]);
    assert_eq!(stage.has(&others), Ok(()), "the new views need not come as far as the old ones");
    assert_eq!(stage.stands_at("balances", 0, 20), Ok(()));
}

#[test]
fn a_topic_that_is_made_anew_while_no_host_runs() {
    let Some((stage, events, mut host)) = stage() else { return };
    assert_eq!(host.terminate(), Some(0));
    stage.remake(&bank(2, 900));

    let mut host = stage.host();
    stage.remade(&mut host);
    assert_eq!(stage.has(&events), Ok(()));
    assert_eq!(stage.stands_at("balances", 0, 300), Ok(()));
}

#[test]
fn a_topic_that_is_gone_and_comes_back_later() {
    let Some((stage, events, mut host)) = stage() else { return };
    stage.kafka.delete_topic(&stage.topic);
    assert_snapshot!(stage.stopped(&mut host, "balances"), @"its topics cannot be read: topic `[TOPIC]` does not exist in kafka://[BROKER] (hint: create it (in an embedded log: lantern emit TOPIC), or name another: --projection NAME=FILE.wasm:TOPIC)");
    assert_eq!(stage.has(&events), Ok(()));

    stage.kafka.create_topic(&stage.topic, 1);
    stage.produce(&bank(2, 900));
    stage.remade(&mut host);
    assert_eq!(stage.has(&events), Ok(()));
}

#[test]
fn when_redis_loses_all_the_views_are_built_from_the_topic_that_there_is() {
    let Some((stage, _events, mut host)) = stage() else { return };
    let others = bank(2, 400);
    stage.remake(&others);
    stage.remade(&mut host);

    stage.redis.flush_all();
    host.until("the new topic is in the views", || stage.has(&others));
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn a_rebuild_that_is_verified_has_nothing_to_be_compared_with() {
    let Some((stage, events, mut host)) = stage() else { return };
    let others = bank(2, 400);
    stage.remake(&others);
    stage.remade(&mut host);

    let held = stage.operator().tries(&["rebuild", "balances", "--verify", "--wait"]).refused();
    assert_snapshot!(stage.steady(&held), @r"
    exit code 1
    error: projection `balances`: generation 2 is held: it does not read what the live generation has read, so there was nothing to compare with
    hint: see lantern status balances, and lantern history balances
    ");
    assert_eq!(stage.has(&events), Ok(()));
    stage.operator().does(&["promote", "balances", "--anyway"]);
    assert_eq!(stage.has(&others), Ok(()));
}
