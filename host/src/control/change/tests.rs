//! What follows in the store from each step: what moves and in which order, whose lanes may run, what is forgotten.

use std::sync::Arc;

use super::{Change, Effects, Entry, Lanes, Move, Reached};
use crate::control::example::{NOW, building, cut_over, deployed, effects, held, planned, wanted};
use crate::control::{Deployment, OnError, Rebuild, Recorded, steps};

fn after(before: &Deployment, after: &Deployment) -> Effects {
    effects(Some(before), Some(after))
}

fn moved(generation: u64, from: &str, to: &str) -> Move {
    let (from, to) = (from.to_owned(), to.to_owned());
    Move { generation, views: vec!["accounts".into()], keyed: vec!["timeline".into()], from, to }
}

fn lanes(generation: u64, prefix: &str) -> Lanes {
    Lanes { generation, prefix: prefix.into() }
}

const FIRST: &str = "lantern:views:balances:1:";
const SECOND: &str = "lantern:views:balances:2:";

#[test]
fn a_first_deployment_may_begin() {
    let expected =
        Effects { place: vec![lanes(1, "balances:")], forgive: vec![1], readers: Some(1), ..Effects::default() };
    assert_eq!(effects(None, Some(&deployed())), expected);
}

#[test]
fn a_rebuild_lets_the_live_one_be() {
    let expected = Effects { place: vec![lanes(2, SECOND)], forgive: vec![2], ..Effects::default() };
    assert_eq!(after(&deployed(), &building()), expected);
}

#[test]
fn at_a_cutover_the_live_one_goes_first() {
    let expected = Effects {
        moves: vec![moved(1, "balances:", FIRST), moved(2, SECOND, "balances:")],
        place: vec![lanes(2, "balances:")],
        close: vec![1],
        readers: Some(2),
        ..Effects::default()
    };
    assert_eq!(after(&building(), &cut_over()), expected);
    assert_eq!(after(&held(), &steps::promote(&held(), NOW).unwrap()), expected);
}

#[test]
fn at_a_rollback_too() {
    let back = steps::rollback(&cut_over(), NOW).unwrap();
    let expected = Effects {
        moves: vec![moved(2, "balances:", SECOND), moved(1, FIRST, "balances:")],
        place: vec![lanes(1, "balances:")],
        close: vec![2],
        readers: Some(1),
        ..Effects::default()
    };
    assert_eq!(after(&cut_over(), &back), expected);
}

#[test]
fn in_place_the_live_one_is_forgotten() {
    let again = steps::again(&deployed(), Rebuild::default()).unwrap();
    let rebuilt = steps::rebuild(&deployed(), again, true, NOW).unwrap();
    let expected = Effects {
        moves: vec![moved(1, "balances:", FIRST)],
        place: vec![lanes(2, "balances:")],
        forget: vec![1],
        forgive: vec![2],
        readers: Some(2),
        ..Effects::default()
    };
    assert_eq!(after(&deployed(), &rebuilt), expected);
}

#[test]
fn what_is_given_up_is_forgotten_once() {
    let cancelled = steps::cancel(&building()).unwrap();
    assert_eq!(after(&building(), &cancelled), Effects { forget: vec![2], ..Effects::default() });
    assert_eq!(after(&cancelled, &steps::swept(&cancelled, 2)), Effects::default());
    let failed = steps::fail(&building(), 2, "no".into()).unwrap();
    assert_eq!(after(&building(), &failed), Effects { forget: vec![2], ..Effects::default() });
    assert_eq!(after(&failed, &steps::swept(&failed, 2)), Effects::default());
}

#[test]
fn a_comparison_stops_and_starts_lanes() {
    let still = steps::freeze(&building(), 2, None);
    assert_eq!(after(&building(), &still), Effects { close: vec![2], ..Effects::default() });
    let until = [("account-events/0".to_owned(), 7)].into();
    let on = steps::freeze(&still, 1, Some((2, until)));
    let expected = Effects { close: vec![1], place: vec![lanes(2, SECOND)], ..Effects::default() };
    assert_eq!(after(&still, &on), expected);
    let held = steps::hold(&on, None, None).unwrap();
    let expected = Effects { place: vec![lanes(1, "balances:"), lanes(2, SECOND)], ..Effects::default() };
    assert_eq!(after(&on, &held), expected);
}

#[test]
fn while_structures_move_nobody_writes() {
    let moving = steps::move_in(&held(), 2).unwrap();
    assert_eq!(after(&held(), &moving), Effects { close: vec![1, 2], ..Effects::default() });
    let there = steps::moved(&moving, NOW).unwrap();
    let expected = Effects {
        moves: vec![moved(1, "balances:", FIRST), moved(2, SECOND, "balances:")],
        place: vec![lanes(2, "balances:")],
        readers: Some(2),
        ..Effects::default()
    };
    assert_eq!(after(&moving, &there), expected);
}

#[test]
fn a_swap_forgives_and_leaves_the_lanes_where_they_are() {
    let swapped = planned(&wanted("m1-hot", 1), Some(&deployed())).unwrap().after;
    assert_eq!(after(&deployed(), &swapped), Effects { forgive: vec![1], ..Effects::default() });
}

#[test]
fn to_try_again_is_to_forgive() {
    let before = cut_over();
    let resumed = steps::resume(&before).unwrap();
    assert_eq!(after(&before, &resumed), Effects { forgive: vec![1, 2], ..Effects::default() });
    let lenient = Deployment { on_error: OnError::Skip, ..before.clone() };
    assert_eq!(after(&before, &lenient), Effects { forgive: vec![1, 2], ..Effects::default() });
    assert_eq!(after(&before, &steps::pause(&before).unwrap()), Effects::default());
}

#[test]
fn undeployed_views_go_or_stay() {
    let gone = steps::undeploy(&cut_over(), false).unwrap();
    assert_eq!(after(&cut_over(), &gone), Effects { forget: vec![1, 2], ..Effects::default() });
    let kept = steps::undeploy(&cut_over(), true).unwrap();
    let expected = Effects { forget: vec![1, 2], unlist: vec![(2, "timeline".into())], ..Effects::default() };
    assert_eq!(after(&cut_over(), &kept), expected);
    let last = Deployment { generations: Default::default(), ..gone };
    assert_eq!(effects(Some(&last), None), Effects::default());
}

#[test]
fn ids_of_topics_follow_nobody_and_count_when_generations_are_compared() {
    let ids = |id: &str| [("account-events".to_owned(), id.to_owned())].into();
    let named = steps::identify(&building(), &[(1, ids("a")), (2, ids("a"))].into());
    assert_eq!(after(&building(), &named), Effects::default(), "lanes that run go on");

    let incomparable = |deployment: &Deployment| {
        let before = Some(Arc::new(Recorded { deployment: deployment.clone(), text: String::new() }));
        let reached = Some(Reached { by: 2, of: 1 });
        let change = Change { before, after: None, reached, entry: Entry::default() };
        change.incomparable().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(incomparable(&building()), [""; 0], "of a source without ids all count");
    assert_eq!(incomparable(&named), [""; 0]);
    assert_eq!(incomparable(&steps::identify(&named, &[(2, ids("b"))].into())), ["account-events"]);

    let again = steps::again(&named, Rebuild::default()).unwrap();
    let rebuilt = steps::rebuild(&steps::cancel(&named).unwrap(), again, false, NOW).unwrap();
    assert!(rebuilt.generations[&3].topic_ids.is_empty(), "a new generation reads whatever topic there is");
}

#[test]
fn a_record_that_was_written_before_topics_had_ids_is_read() {
    let mut record = serde_json::to_value(deployed()).unwrap();
    assert!(record["generations"]["1"].get("topic_ids").is_none());
    assert_eq!(serde_json::from_value::<Deployment>(record.clone()).unwrap(), deployed());
    record["generations"]["1"]["topic_ids"] = serde_json::json!({ "account-events": "a" });
    let read: Deployment = serde_json::from_value(record).unwrap();
    assert_eq!(read.generations[&1].topic_ids["account-events"], "a");
}
