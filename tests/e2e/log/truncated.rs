//! Retention was faster than a projection: it stops and says which offsets are gone, and builds what is left only if it
//! is told to.

use insta::assert_snapshot;
use lantern_tests::artefacts::plugin;
use lantern_tests::source::unique;
use lantern_tests::{Event, Host};

use super::{Stage, bank};

/// `balances` has applied 300 events and its host is down. There are 500, of which the first 400 are gone.
fn truncated_while_down() -> Option<(Stage, Vec<Event>)> {
    let stage = Stage::of("balances", 1)?;
    let mut events = bank(1, 300);
    stage.produce(&events);
    let mut host = stage.host();
    host.until("all is applied", || stage.stands_at("balances", 0, 300));
    assert_eq!(host.terminate(), Some(0));
    let more = bank(2, 200);
    stage.produce(&more);
    events.extend(more);
    stage.kafka.delete_events(&stage.topic, 0, 400);
    Some((stage, events))
}

#[test]
fn what_is_gone_while_no_host_runs_is_told_and_rebuilt_without() {
    let Some((stage, mut events)) = truncated_while_down() else { return };
    let (operator, other) = (stage.operator(), unique("other"));
    stage.kafka.create_topic(&other, 1);
    operator.deploy("witness", &plugin("witness"), &other, &[]);
    let mut host = stage.host();

    assert_snapshot!(stage.stopped(&mut host, "balances"), @"the source cannot go on: [TOPIC]/0 begins at offset 400 now: offsets 300 to 399 are gone (hint: retention was faster than the projection: `lantern rebuild balances --from-earliest` builds the views from what is left; keep the topic longer)");
    assert_eq!(stage.has(&events[..300]), Ok(()), "the views stay as they were");
    stage.kafka.produce(&other, &[Event::plain(0, "hello")]);
    host.until("others are not disturbed", || match stage.redis.hash("witness:events").len() {
        1 => Ok(()),
        _ => Err("nothing is witnessed".to_owned()),
    });

    let refused = operator.tries(&["rebuild", "balances"]).refused();
    assert_snapshot!(stage.steady(&refused), @r"
    exit code 4
    error: a part of the history is gone: [TOPIC]/0 begins at offset 400; views rebuilt from what is left would lack it
    hint: if that is meant, say --from-earliest
    ");
    let rebuilt = operator.tries(&["rebuild", "balances", "--from-earliest", "--wait"]);
    assert_snapshot!(stage.steady(rebuilt.stderr.lines().next().unwrap()), @"a part of the history is gone, and the views lack it: [TOPIC]/0 begins at offset 400");
    rebuilt.done();
    assert_eq!(stage.has(&events[400..]), Ok(()));
    assert_eq!(stage.is("balances", "live"), Ok(()));

    let more = bank(3, 50);
    stage.produce(&more);
    events.extend(more);
    host.until("it goes on", || stage.has(&events[400..]));
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn what_is_gone_while_a_lane_runs_is_told() {
    let Some(stage) = Stage::of("balances", 1) else { return };
    let mut events = bank(1, 300);
    stage.produce(&events);
    let mut host = stage.host();
    host.until("all is applied", || stage.stands_at("balances", 0, 300));

    // While it sleeps. A fetch that was under way may be answered with the first events.
    host.pause();
    for part in [bank(2, 10), bank(3, 200)] {
        stage.produce(&part);
        events.extend(part);
    }
    stage.kafka.delete_events(&stage.topic, 0, 400);
    host.resume();

    let stopped = stage.stopped(&mut host, "balances");
    let at = stage.checkpoint("balances", 0).unwrap();
    let gone = format!("begins at offset 400 now: offsets {at} to 399 are gone");
    assert!(stopped.contains(&gone), "{stopped}");
    assert_eq!(stage.has(&events[..at as usize]), Ok(()), "the views are those of the checkpoint");
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn what_is_gone_while_a_projection_is_paused_is_told_when_it_is_resumed() {
    let Some((stage, events)) = paused() else { return };
    let mut host = stage.host();
    assert_eq!(stage.is("balances", "paused"), Ok(()));

    stage.operator().does(&["resume", "balances"]);
    assert_snapshot!(stage.stopped(&mut host, "balances"), @"the source cannot go on: [TOPIC]/0 begins at offset 400 now: offsets 300 to 399 are gone (hint: retention was faster than the projection: `lantern rebuild balances --from-earliest` builds the views from what is left; keep the topic longer)");
    assert_eq!(stage.has(&events[..300]), Ok(()));

    // To resume it once more does not help, and does no harm.
    stage.operator().does(&["resume", "balances"]);
    stage.stopped(&mut host, "balances");
    assert_eq!(stage.has(&events[..300]), Ok(()));
}

fn paused() -> Option<(Stage, Vec<Event>)> {
    let (stage, events) = truncated_while_down()?;
    stage.operator().does(&["pause", "balances"]);
    Some((stage, events))
}

#[test]
fn what_is_gone_of_a_partition_of_which_nothing_was_read_yet_is_told() {
    let Some(stage) = Stage::of("balances", 2) else { return };
    let mut host = stage.host();
    host.until("it has begun", || stage.stands_at("balances", 1, 0));
    assert_eq!(host.terminate(), Some(0));

    let events: Vec<Event> = bank(1, 10).into_iter().map(|event| Event { partition: 1, ..event }).collect();
    stage.produce(&events);
    stage.kafka.delete_events(&stage.topic, 1, 4);
    assert_snapshot!(stage.stopped(&mut stage.host(), "balances"), @"the source cannot go on: [TOPIC]/1 begins at offset 4 now: offsets 0 to 3 are gone (hint: retention was faster than the projection: `lantern rebuild balances --from-earliest` builds the views from what is left; keep the topic longer)");
    assert_eq!(stage.has(&[]), Ok(()));
}

#[test]
fn what_retention_removes_is_told_and_a_rebuild_of_nothing_ends() {
    let Some(stage) = Stage::of("balances", 1) else { return };
    let events = bank(1, 300);
    stage.produce(&events);
    let mut host: Host = stage.host();
    host.until("all is applied", || stage.stands_at("balances", 0, 300));
    assert_eq!(host.terminate(), Some(0));
    stage.produce(&bank(2, 200));

    // These events are years old.
    stage.kafka.configure_topic(&stage.topic, &[("retention.ms", "1000")]);
    host = stage.host();
    host.until("all events are gone", || match stage.kafka.first(&stage.topic, 0) {
        500 => Ok(()),
        first => Err(format!("the first is at {first}")),
    });
    assert_eq!(host.terminate(), Some(0));

    let mut host = stage.host();
    if stage.checkpoint("balances", 0) == Some(300) {
        stage.stopped(&mut host, "balances");
    }
    stage.operator().does(&["rebuild", "balances", "--from-earliest", "--wait"]);
    assert_eq!(stage.has(&[]), Ok(()));
    assert_eq!(stage.stands_at("balances", 0, 500), Ok(()));
}
