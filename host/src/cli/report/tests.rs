//! What a report says of a projection, given what is known.

use std::sync::Arc;

use super::*;
use crate::control::{Built, FaultAt, LaneReport, Rebuild as Wish, Recorded, example, steps};
use crate::event::TopicPartition;
use crate::source::Bounds;
use crate::store::Mark;

fn deployment() -> Deployment {
    let mut deployment = example::live("p", "events");
    let live = deployment.generations.get_mut(&1).expect("it is live");
    live.built = Some(Built { events: 10, milliseconds: 5 });
    deployment
}

fn rebuilding() -> Deployment {
    steps::rebuild(&deployment(), steps::again(&deployment(), Wish::default()).unwrap(), false, 0).unwrap()
}

/// Partition 0 is read to its end, and three events of partition 1 are not applied yet.
fn ends() -> Ends {
    let bounds = |partition, end| (TopicPartition::new("events", partition), Bounds { first: 0, end });
    Ends { partitions: [("events".to_owned(), 2)].into(), bounds: [bounds(0, 7), bounds(1, 8)].into(), away: None }
}

fn checkpoint() -> Checkpoint {
    let mark = |partition, next, newest| (TopicPartition::new("events", partition), Mark { next, newest });
    [mark(0, 7, 1_000), mark(1, 5, 9_000)].into()
}

fn lane(generation: u64, share: &str) -> LaneReport {
    LaneReport {
        projection: "p".into(),
        generation,
        share: share.into(),
        events_per_second: 2.0,
        ..LaneReport::default()
    }
}

fn host(lanes: Vec<LaneReport>) -> HostReport {
    HostReport { id: "h-1".into(), lanes, ..HostReport::default() }
}

fn seen(deployment: &Deployment, snapshot: Snapshot, hosts: &[HostReport], ends: &Ends) -> Projection {
    let recorded = Recorded { deployment: deployment.clone(), text: String::new() };
    let snapshot =
        Snapshot { deployments: [("p".to_owned(), Arc::new(recorded))].into(), now: 10_000, ..snapshot };
    View { snapshot: &snapshot, hosts, ends, unwilling: None, deployment }.projection(checkpoint(), checkpoint())
}

fn state(deployment: &Deployment, hosts: &[HostReport]) -> (State, Option<String>) {
    let seen = seen(deployment, Snapshot::default(), hosts, &ends());
    (seen.state, seen.error)
}

#[test]
fn a_projection_is_live_when_it_was_built_once() {
    let mut first = deployment();
    first.generations.get_mut(&1).unwrap().built = None;
    assert_eq!(state(&first, &[]), (State::Building, None));
    assert_eq!(state(&deployment(), &[]), (State::Live, None));
}

#[test]
fn a_rebuild_is_a_state_and_a_failed_one_is_none() {
    assert_eq!(state(&rebuilding(), &[]), (State::Rebuilding, None));
    assert_eq!(state(&steps::hold(&rebuilding(), None, None).unwrap(), &[]), (State::Rebuilding, None));
    assert_eq!(state(&steps::fail(&rebuilding(), 2, "it trapped".into()).unwrap(), &[]), (State::Live, None));
}

#[test]
fn what_stops_it_is_said_and_comes_first() {
    let paused = steps::pause(&rebuilding()).unwrap();
    let reported = HostReport { stopped: [("p:1".to_owned(), "no topic".to_owned())].into(), ..host(Vec::new()) };
    assert_eq!(state(&paused, &[reported]), (State::Stopped, Some("no topic".into())));
    assert_eq!(state(&paused, &[]), (State::Paused, None));

    let fault =
        |generation| (FaultAt { projection: "p".into(), generation, share: "0".into() }, "poison".to_owned());
    let noted = |generation| Snapshot { faults: [fault(generation)].into(), ..Snapshot::default() };
    assert_eq!(seen(&rebuilding(), noted(1), &[], &ends()).error, Some("poison".into()));
    assert_eq!(seen(&rebuilding(), noted(2), &[], &ends()).state, State::Rebuilding);
}

#[test]
fn a_lane_that_waits_is_retrying() {
    let waits = host(vec![LaneReport { retrying: Some("Redis is away".into()), ..lane(1, "0") }]);
    assert_eq!(state(&deployment(), &[waits]), (State::Retrying, Some("Redis is away".into())));
    let old = host(vec![LaneReport { retrying: Some("Redis is away".into()), ..lane(7, "0") }]);
    assert_eq!(state(&deployment(), &[old]), (State::Live, None));
}

#[test]
fn what_is_being_removed_is_undeploying() {
    assert_eq!(state(&steps::undeploy(&deployment(), false).unwrap(), &[]), (State::Undeploying, None));
}

#[test]
fn lag_is_what_stands_between_checkpoint_and_end() {
    let seen = seen(&deployment(), Snapshot::default(), &[host(vec![lane(1, "0"), lane(1, "1")])], &ends());
    assert_eq!((seen.lag, seen.lag_seconds, seen.events_per_second), (Some(3), Some(1.0), 4.0));
    let lanes = serde_json::to_value(&seen.lanes).unwrap();
    assert_eq!(
        lanes[1],
        serde_json::json!({ "topic": "events", "partition": 1, "checkpoint": 5, "end": 8, "lag": 3, "host": "h-1" })
    );
}

#[test]
fn a_lane_at_its_end_has_no_lag_although_offsets_are_left() {
    let at_end = host(vec![LaneReport { at_end: true, ..lane(1, "1") }]);
    let seen = seen(&deployment(), Snapshot::default(), &[at_end], &ends());
    assert_eq!((seen.lag, seen.lag_seconds), (Some(0), Some(0.0)));
}

#[test]
fn without_the_source_ends_are_not_known_but_partitions_are() {
    let seen = seen(&deployment(), Snapshot::default(), &[], &Ends::default());
    assert_eq!((seen.lag, seen.lag_seconds), (None, None));
    assert!(seen.events_per_second.is_sign_positive(), "nothing is 0, not -0");
    let lanes: Vec<_> = seen.lanes.iter().map(|lane| (lane.partition, lane.checkpoint, lane.end)).collect();
    assert_eq!(lanes, [(0, Some(7), None), (1, Some(5), None)]);
}

#[test]
fn a_rebuild_says_how_far_it_is() {
    let rebuild = |deployment: &Deployment, hosts: &[HostReport]| {
        let rebuild = seen(deployment, Snapshot::default(), hosts, &ends()).rebuild;
        serde_json::to_value(rebuild).unwrap()
    };
    let runs = [host(vec![lane(2, "0")])];
    assert_eq!(
        rebuild(&rebuilding(), &runs),
        serde_json::json!({
            "generation": 2, "state": "building", "applied": 12, "total": 15, "events_per_second": 2.0, "eta_seconds": 2
        })
    );
    let waits = [HostReport { waiting: vec!["p:2".into()], ..host(Vec::new()) }];
    assert_eq!(rebuild(&rebuilding(), &waits)["state"], "waiting");
    assert_eq!(rebuild(&steps::hold(&rebuilding(), None, None).unwrap(), &runs)["state"], "held");
    let failed = steps::fail(&rebuilding(), 2, "it trapped".into()).unwrap();
    assert_eq!(rebuild(&failed, &[])["state"], "failed");
    assert_eq!(rebuild(&failed, &[])["finding"], "it trapped");
    assert_eq!(rebuild(&deployment(), &[]), serde_json::Value::Null);
}
