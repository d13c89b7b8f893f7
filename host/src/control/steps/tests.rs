//! Every step from every state in which it is possible, and why it is not in others.

use std::collections::BTreeMap;

use super::*;
use crate::control::example::{NOW, building, cut_over as after_cutover, deployed, held, stages};
use crate::control::{Deployment, Doubt, Rebuild, Stage};

fn rebuilt(deployment: &Deployment, in_place: bool) -> Step {
    let next = again(deployment, Rebuild::default()).unwrap();
    rebuild(deployment, next, in_place, NOW + 5)
}

#[track_caller]
fn refusal(step: Step) -> String {
    step.expect_err("it is refused").reason
}

#[test]
fn the_states_of_the_examples() {
    assert_eq!(stages(&deployed()), "1 live");
    assert_eq!(stages(&building()), "1 live, 2 building");
    assert_eq!(stages(&held()), "1 live, 2 held");
    assert_eq!(stages(&after_cutover()), "1 old, 2 live");
}

#[test]
fn steps_lead_from_state_to_state() {
    let (deployed, building, held, after) = (deployed(), building(), held(), after_cutover());
    let failed = fail(&building, 2, "it divides by zero".into()).unwrap();
    let beside = rebuilt(&after, false).unwrap();
    let swept = swept(&failed, 2);
    let (still, live_still) = (freeze(&building, 2, None), freeze(&building, 1, None));
    let (moving, returning) = (move_in(&held, 2).unwrap(), move_in(&after, 1).unwrap());
    let cases = [
        ("rebuild", &deployed, rebuilt(&deployed, false), "1 live, 2 building"),
        ("rebuild in place", &deployed, rebuilt(&deployed, true), "1 dropped, 2 live"),
        ("rebuild beside an old one", &after, rebuilt(&after, false), "1 old, 2 live, 3 building"),
        ("rebuild after a failed one", &failed, rebuilt(&failed, false), "1 live, 2 dropped, 3 building"),
        ("… which is swept", &swept, rebuilt(&swept, false), "1 live, 3 building"),
        ("cutover", &building, cut_over(&building, NOW), "1 old, 2 live"),
        ("cutover beside an old one", &beside, cut_over(&beside, NOW), "1 dropped, 2 old, 3 live"),
        ("hold", &building, hold(&building, None, None), "1 live, 2 held"),
        ("promote", &held, promote(&held, NOW), "1 old, 2 live"),
        ("cancel", &building, cancel(&building), "1 live, 2 dropped"),
        ("cancel what is held", &held, cancel(&held), "1 live, 2 dropped"),
        ("fail", &building, fail(&building, 2, "no".into()), "1 live, 2 failed"),
        ("sweep", &failed, Ok(swept.clone()), "1 live, 2 failed"),
        ("retire", &after, Ok(retire(&after).unwrap()), "1 dropped, 2 live"),
        ("rollback", &after, rollback(&after, NOW), "1 live, 2 old"),
        ("rollback during a rebuild", &beside, rollback(&beside, NOW), "1 live, 2 old, 3 dropped"),
        ("undeploy", &after, undeploy(&after, false), "1 dropped, 2 dropped"),
        ("pause", &building, pause(&building), "1 live, 2 building"),
        ("resume", &building, resume(&building), "1 live, 2 building"),
        ("freeze", &building, Ok(still.clone()), "1 live, 2 building*"),
        ("hold after a comparison", &still, hold(&still, None, None), "1 live, 2 held"),
        ("cancel during a comparison", &live_still, cancel(&live_still), "1 live, 2 dropped"),
        ("move in", &held, Ok(moving.clone()), "1 live*, 2 held*"),
        ("move back", &after, Ok(returning.clone()), "1 old*, 2 live*"),
        ("moved in", &moving, moved(&moving, NOW), "1 old, 2 live"),
        ("moved back", &returning, moved(&returning, NOW), "1 live, 2 old"),
    ];
    for (name, before, step, expected) in cases {
        let after = step.unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
        assert_eq!(stages(&after), expected, "{name}");
        assert_eq!(after.version, before.version + 1, "{name} raises the version");
    }
}

#[test]
fn what_can_not_be_is_refused() {
    let (deployed, building, held, after) = (deployed(), building(), held(), after_cutover());
    let (paused, removing) = (pause(&deployed).unwrap(), undeploy(&deployed, false).unwrap());
    let moving = move_in(&held, 2).unwrap();
    let being_rebuilt = "projection `balances` is being rebuilt already: generation 2 is";
    let is_moving = "projection `balances` is moving to generation 2, structure by structure";
    let is_removing = "projection `balances` is being undeployed";
    let cases = [
        (rebuilt(&building, false), format!("{being_rebuilt} building")),
        (rebuilt(&held, true), format!("{being_rebuilt} held for `promote`")),
        (promote(&deployed, NOW), "projection `balances` has no generation that is held".into()),
        (promote(&building, NOW), "generation 2 of projection `balances` is still building".into()),
        (cut_over(&deployed, NOW), "projection `balances` is not being rebuilt".into()),
        (cancel(&deployed), "projection `balances` is not being rebuilt".into()),
        (cancel(&after), "projection `balances` is not being rebuilt".into()),
        (fail(&building, 1, "no".into()), "generation 1 of projection `balances` is not being built".into()),
        (rollback(&deployed, NOW), "projection `balances` has no old generation to go back to".into()),
        (rollback(&building, NOW), "projection `balances` has no old generation to go back to".into()),
        (pause(&paused), "projection `balances` is paused already".into()),
        (pause(&removing), is_removing.into()),
        (resume(&removing), is_removing.into()),
        (rebuilt(&removing, false), is_removing.into()),
        (rollback(&undeploy(&after, false).unwrap(), NOW), is_removing.into()),
        (move_in(&deployed, 1), "generation 1 of projection `balances` cannot become the live one".into()),
        (moved(&held, NOW), "projection `balances` is not moving to another generation".into()),
        (promote(&moving, NOW), is_moving.into()),
        (cancel(&moving), is_moving.into()),
        (rebuilt(&moving, false), is_moving.into()),
        (rollback(&moving, NOW), is_moving.into()),
        (undeploy(&moving, false), is_moving.into()),
        (move_in(&moving, 2), is_moving.into()),
    ];
    for (step, reason) in cases {
        assert_eq!(refusal(step), reason);
    }
}

#[test]
fn generations_are_never_numbered_twice() {
    let cancelled = swept(&cancel(&building()).unwrap(), 2);
    assert_eq!(stages(&cancelled), "1 live");
    assert_eq!(stages(&rebuilt(&cancelled, false).unwrap()), "1 live, 3 building");
}

#[test]
fn readers_read_one_generation_and_the_others_are_hidden() {
    let prefixes = |deployment: &Deployment| {
        let prefixes = deployment.generations.values().map(|generation| generation.prefix.clone());
        prefixes.collect::<Vec<_>>()
    };
    let (first, second) = ("lantern:views:balances:1:", "lantern:views:balances:2:");
    let after = after_cutover();
    assert_eq!(prefixes(&building()), ["balances:", second]);
    assert_eq!(prefixes(&after), [first, "balances:"]);
    assert_eq!(prefixes(&rollback(&after, NOW).unwrap()), ["balances:", second]);
    assert_eq!(prefixes(&rebuilt(&deployed(), true).unwrap()), [first, "balances:"]);
    assert_eq!(prefixes(&move_in(&held(), 2).unwrap()), ["balances:", second], "until all have moved");
}

#[test]
fn rollback_goes_to_and_fro() {
    let once = rollback(&after_cutover(), NOW + 10).unwrap();
    let twice = rollback(&once, NOW + 20).unwrap();
    assert_eq!((once.live, twice.live), (1, 2));
    assert_eq!(stages(&twice), "1 old, 2 live");
    assert_eq!(twice.old().unwrap().1.retired, Some(NOW + 20));
    assert_eq!(twice.live().unwrap().retired, None);
}

#[test]
fn only_the_last_old_generation_is_kept() {
    let third = cut_over(&rebuilt(&after_cutover(), false).unwrap(), NOW).unwrap();
    assert_eq!(third.to_be_swept(), Some(1));
    assert_eq!(stages(&retire(&third).unwrap()), "1 dropped, 2 dropped, 3 live");
    assert_eq!(retire(&deployed()), None);
    assert_eq!(retire(&move_in(&after_cutover(), 1).unwrap()), None, "readers are about to return to it");
}

#[test]
fn a_rebuild_in_place_is_live_at_once() {
    let after = rebuilt(&deployed(), true).unwrap();
    let live = after.live().unwrap();
    assert_eq!((after.live, live.stage, live.begun, live.built), (2, Stage::Live, NOW + 5, None));
    assert_eq!((after.next(), after.old()), (None, None), "there is nothing to go back to");
}

#[test]
fn a_rebuild_begins_at_the_first_event() {
    let mut deployed = deployed();
    deployed.generations.get_mut(&1).unwrap().starts = [("account-events/0".to_owned(), 7)].into();
    assert_eq!(rebuilt(&deployed, false).unwrap().next().unwrap().1.starts, BTreeMap::new());
}

#[test]
fn a_finding_goes_with_what_it_was_found_of() {
    let held = hold(&building(), Some("1 missing".into()), Some(Doubt::Differs)).unwrap();
    assert_eq!(held.next().unwrap().1.finding.as_deref(), Some("1 missing"));
    assert_eq!(promote(&held, NOW).unwrap().live().unwrap().finding, None);
}

#[test]
fn the_reason_of_a_failed_one_outlives_its_views() {
    let failed = fail(&building(), 2, "it divides by zero".into()).unwrap();
    assert_eq!((failed.to_be_swept(), failed.next()), (Some(2), None));
    let swept = swept(&failed, 2);
    assert_eq!((swept.to_be_swept(), stages(&swept).as_str()), (None, "1 live, 2 failed"));
    assert_eq!(swept.generations[&2].finding.as_deref(), Some("it divides by zero"));
}

#[test]
fn what_is_not_to_be_swept_stays() {
    let before = after_cutover();
    assert_eq!(stages(&swept(&before, 1)), stages(&before));
    assert_eq!(stages(&swept(&before, 9)), stages(&before));
}

#[test]
fn resume_lets_what_has_stopped_try_again() {
    let paused = pause(&deployed()).unwrap();
    let resumed = resume(&paused).unwrap();
    assert_eq!((resumed.paused, resumed.resumed), (false, paused.resumed + 1));
    assert!(resume(&deployed()).is_ok(), "though it was not paused");
}

#[test]
fn undeploy_can_leave_the_views() {
    let (gone, kept) = (undeploy(&after_cutover(), false).unwrap(), undeploy(&after_cutover(), true).unwrap());
    let views =
        |deployment: &Deployment| deployment.generations.values().map(|g| g.views.len()).collect::<Vec<_>>();
    assert!(gone.removing && kept.removing);
    assert_eq!((views(&gone), views(&kept)), (vec![2, 2], vec![2, 0]));
    assert_eq!(undeploy(&gone, false).map(|again| again.removing), Ok(true), "once more does no harm");
}
