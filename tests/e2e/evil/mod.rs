//! Plugins that do what none should: their projection stops at that very event and says why, what they did before stands,
//! and their neighbours don't notice.

mod deeds;
mod files;

use lantern_tests::artefacts::plugin;
use lantern_tests::event::Event;
use lantern_tests::eventually::NET;
use lantern_tests::{Host, RedisServer, Source};

/// Three good deeds, the evil one, and a good one that must not be reached.
fn stops_at(evil: &str, reason: &str) {
    let (source, redis) = (Source::log(), RedisServer::start());
    let topic = source.topic("deeds", 1);
    let good = || Event::plain(0, r#"{"do":"count"}"#);
    source.append(&topic, &[good(), good(), good(), Event::plain(0, evil), good()]);
    let run = Host::run(&source.url(), &redis).projection("evil", &plugin("evil"), &[&topic]);
    let mut host = run.projection("witness", &plugin("witness"), &[&topic]).start();

    let place = format!("{topic}/0@3");
    host.wait_for_line(&format!("evil stopped at {place}: {reason}"), NET, |line| {
        line.contains("evil") && line.contains(&place) && line.contains(reason)
    });
    host.until("all before it is applied", || match redis.field("evil:deeds", "done").as_deref() {
        Some("3") => Ok(()),
        other => Err(format!("{other:?} deeds are done")),
    });
    host.until("its neighbour has applied all", || match redis.progress("witness") {
        5 => Ok(()),
        other => Err(format!("{other} events are applied")),
    });
    assert_eq!(redis.progress("evil"), 3);
}

#[test]
fn a_refused_event_stops_its_projection() {
    stops_at(r#"{"do":"refuse"}"#, "evil refuses");
}

#[test]
fn the_very_first_event_may_be_the_bad_one() {
    let (source, redis) = (Source::log(), RedisServer::start());
    let topic = source.topic("deeds", 1);
    source.append(&topic, &[Event::plain(0, r#"{"do":"refuse"}"#)]);
    // At the first start, and again at each one that begins at the offset where it stopped.
    for _ in 0..2 {
        let mut host = Host::run(&source.url(), &redis).projection("evil", &plugin("evil"), &[&topic]).start();
        assert_eq!(host.exit_code(NET), Some(1));
        let said = host.stderr();
        assert!(said.contains(&format!("event {topic}/0@0 cannot be applied")), "{said}");
        assert!(!said.contains("is away"), "{said}");
    }
}

#[test]
fn what_a_plugin_logs_names_its_event() {
    let (source, redis) = (Source::log(), RedisServer::start());
    let topic = source.topic("deeds", 1);
    source.append(&topic, &[Event::plain(0, r#"{"do":"count"}"#), Event::plain(0, r#"{"do":"log","lines":2}"#)]);
    let host = Host::run(&source.url(), &redis).projection("evil", &plugin("evil"), &[&topic]).start();

    host.wait_for_line("what evil says, with projection, partition and offset", NET, |line| {
        ["evil says 1", "evil", &format!("{topic}/0@1")].iter().all(|part| line.contains(part))
    });
}
