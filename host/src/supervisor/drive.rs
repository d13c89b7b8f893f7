//! Drives rebuilds: says, from the record and how far both generations have come, what the next step of one is. All state
//! is in the record, so whichever host looks next goes on from there.

use std::collections::BTreeMap;

use crate::control::{Built, Deployment, Doubt, Outcome, Reached, Refusal, Snapshot, Stage, steps};
use crate::store::Checkpoint;

/// The next step of a rebuild.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    /// It has to come further first.
    Wait,
    /// A new state of the record, if the checkpoints are still so; and what the history says.
    Change(Box<Deployment>, Option<Reached>, &'static str, String),
    /// The two generations stand at the same offsets: compare them.
    Compare,
}

/// How far a generation has come in all its lanes.
pub(super) fn progress(lanes: BTreeMap<String, Checkpoint>) -> Checkpoint {
    lanes.into_values().flatten().collect()
}

/// Whether one has come at least as far as the other, everywhere.
fn has_reached(by: &Checkpoint, of: &Checkpoint) -> bool {
    of.iter().all(|(at, mark)| by.get(at).is_some_and(|reached| reached.next >= mark.next))
}

/// Says what the next step is for the generation that is being built.
pub(super) fn step(
    deployment: &Deployment,
    snapshot: &Snapshot,
    live: &Checkpoint,
    next: &Checkpoint,
) -> Result<Step, Refusal> {
    let Some((number, generation)) = deployment.next().filter(|(_, g)| g.stage == Stage::Building) else {
        return Ok(Step::Wait);
    };
    let rebuild = generation.rebuild.clone().unwrap_or_default();
    let Some(old) = deployment.live().filter(|_| rebuild.verify) else {
        if !has_reached(next, live) {
            return Ok(Step::Wait);
        }
        return arrived(deployment, snapshot, next, None);
    };
    let has_stopped = snapshot.has_stopped(&deployment.name, deployment.live);
    match (old.frozen, generation.frozen) {
        (false, false) if !has_reached(next, live) => Ok(Step::Wait),
        (false, _) if has_stopped => {
            let finding = "the live generation has stopped, so there was nothing to compare with";
            arrived(deployment, snapshot, next, Some((Doubt::Uncompared, finding.to_owned())))
        }
        // First the new one stands still, where the live one has not been yet or has just been …
        (false, false) => Ok(still(steps::freeze(deployment, number, None), "stands still for a comparison")),
        (false, true) if !has_reached(live, next) => Ok(Step::Wait),
        // … then the live one, wherever it has come to beyond that …
        (false, true) => Ok(still(
            steps::freeze(deployment, deployment.live, None),
            "the live generation stands still for a comparison",
        )),
        // … and then the new one goes on to exactly there.
        (true, true) => {
            let until = live.iter().map(|(at, mark)| (at.to_string(), mark.next)).collect();
            let after = steps::freeze(deployment, deployment.live, Some((number, until)));
            Ok(still(after, "goes on to where the live generation stands"))
        }
        (true, false) if has_reached(next, live) => Ok(Step::Compare),
        (true, false) => Ok(Step::Wait),
    }
}

fn still(after: Deployment, what: &str) -> Step {
    Step::Change(Box::new(after), None, "compare", what.to_owned())
}

/// The new generation is where it has to be, and was compared if that was asked for: it cuts over, or is held.
pub(super) fn arrived(
    deployment: &Deployment,
    snapshot: &Snapshot,
    next: &Checkpoint,
    doubt: Option<(Doubt, String)>,
) -> Result<Step, Refusal> {
    let Some((number, generation)) = deployment.next() else { return Ok(Step::Wait) };
    let reached = Reached { by: number, of: deployment.live };
    let holds = generation.rebuild.as_ref().is_some_and(|rebuild| rebuild.hold);
    let (doubt, finding) = doubt.unzip();
    let (mut after, action, what) = if holds || finding.is_some() {
        let what = match &finding {
            Some(finding) => format!("generation {number} is held: {finding}"),
            None => format!("generation {number} is held for `promote`"),
        };
        (steps::hold(deployment, finding, doubt)?, "hold", what)
    } else {
        let what = format!("generation {} → {number}", deployment.live);
        (steps::cut_over(deployment, snapshot.now)?, "cutover", what)
    };
    note_built(&mut after, number, next, snapshot.now);
    Ok(Step::Change(Box::new(after), Some(reached), action, what))
}

/// The new generation has come to the end of its topics, and how far the live one has come says nothing of them: they are
/// other topics, or it has stopped where the log ends no more.
pub(super) fn at_end(deployment: &Deployment, snapshot: &Snapshot, next: &Checkpoint) -> Result<Step, Refusal> {
    let verifies = deployment.next().and_then(|(_, next)| next.rebuild.as_ref()).is_some_and(|r| r.verify);
    let finding = "it does not read what the live generation has read, so there was nothing to compare with";
    let step = arrived(deployment, snapshot, next, verifies.then(|| (Doubt::Uncompared, finding.to_owned())))?;
    Ok(match step {
        Step::Change(after, _, action, what) if snapshot.has_stopped(&deployment.name, deployment.live) => {
            Step::Change(after, None, action, what)
        }
        step => step,
    })
}

/// The cutover has too much to move in one step: it is done in chunks if that was asked for, or waits for an operator.
pub(super) fn too_many(
    deployment: &Deployment,
    snapshot: &Snapshot,
    next: &Checkpoint,
    (structures, limit): (u64, u64),
) -> Result<Step, Refusal> {
    let Some((number, generation)) = deployment.next() else { return Ok(Step::Wait) };
    let reached = Reached { by: number, of: deployment.live };
    let is_chunked = generation.rebuild.as_ref().is_some_and(|rebuild| rebuild.chunked);
    let (mut after, action, what) = if is_chunked {
        let what = format!("generation {} → {number} begins, structure by structure", deployment.live);
        (steps::move_in(deployment, number)?, "move", what)
    } else {
        let finding = format!("{}: promote it with --chunked", Outcome::TooMany { structures, limit });
        let what = format!("generation {number} is held: {finding}");
        (steps::hold(deployment, Some(finding), None)?, "hold", what)
    };
    note_built(&mut after, number, next, snapshot.now);
    Ok(Step::Change(Box::new(after), Some(reached), action, what))
}

fn note_built(after: &mut Deployment, number: u64, next: &Checkpoint, now: i64) {
    if let Some(generation) = after.generations.get_mut(&number) {
        let events = next.values().fold(0u64, |sum, mark| sum.saturating_add(mark.next));
        generation.built = Some(Built { events, milliseconds: now - generation.begun });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{FaultAt, Rebuild, example};
    use crate::event::TopicPartition;
    use crate::store::Mark;

    fn rebuilding(rebuild: Rebuild) -> Deployment {
        let live = example::live("p", "t");
        let next = steps::again(&live, rebuild).expect("it has a live generation");
        steps::rebuild(&live, next, false, 0).expect("it is at rest")
    }

    fn marks(next: [u64; 2]) -> Checkpoint {
        let mark = |(partition, next)| (TopicPartition::new("t", partition), Mark { next, newest: -1 });
        (0..).zip(next).filter(|(_, next)| *next > 0).map(mark).collect()
    }

    fn next_step(deployment: &Deployment, live: [u64; 2], next: [u64; 2]) -> Step {
        step(deployment, &Snapshot::default(), &marks(live), &marks(next)).expect("no step is refused here")
    }

    #[track_caller]
    fn changed(step: Step, action: &str) -> Deployment {
        match step {
            Step::Change(after, _, found, _) if found == action => *after,
            other => panic!("{action} was expected: {other:?}"),
        }
    }

    #[test]
    fn cuts_over_when_every_partition_is_where_the_live_one_is() {
        let deployment = rebuilding(Rebuild::default());
        for behind in [[0, 0], [5, 0], [4, 9], [9, 6]] {
            assert_eq!(next_step(&deployment, [5, 7], behind), Step::Wait, "{behind:?}");
        }
        for there in [[5, 7], [9, 9]] {
            let Step::Change(after, reached, ..) = next_step(&deployment, [5, 7], there) else { panic!() };
            assert_eq!((after.live, reached), (2, Some(Reached { by: 2, of: 1 })));
            assert_eq!(after.generations[&1].stage, Stage::Old);
        }
    }

    #[test]
    fn is_held_if_that_is_wanted() {
        let after =
            changed(next_step(&rebuilding(Rebuild { hold: true, ..Rebuild::default() }), [5, 0], [5, 0]), "hold");
        assert_eq!((after.live, after.generations[&2].stage), (1, Stage::Held));
        assert_eq!(next_step(&after, [5, 0], [5, 0]), Step::Wait);
    }

    #[test]
    fn both_stand_at_the_same_offsets_while_they_are_compared() {
        let deployment = rebuilding(Rebuild { verify: true, ..Rebuild::default() });
        assert_eq!(next_step(&deployment, [5, 7], [4, 9]), Step::Wait);
        let deployment = changed(next_step(&deployment, [5, 7], [6, 7]), "compare");
        assert!(deployment.generations[&2].frozen && !deployment.generations[&1].frozen);

        assert_eq!(next_step(&deployment, [5, 7], [6, 7]), Step::Wait, "the live one is behind yet");
        let deployment = changed(next_step(&deployment, [8, 7], [6, 7]), "compare");
        assert!(deployment.generations[&1].frozen);

        let deployment = changed(next_step(&deployment, [8, 9], [6, 7]), "compare");
        assert!(!deployment.generations[&2].frozen);
        assert_eq!(deployment.generations[&2].until, [("t/0".into(), 8), ("t/1".into(), 9)].into());
        assert_eq!(next_step(&deployment, [8, 9], [8, 8]), Step::Wait);
        assert_eq!(next_step(&deployment, [8, 9], [8, 9]), Step::Compare);

        let same = arrived(&deployment, &Snapshot::default(), &marks([8, 9]), None).expect("it is there");
        let after = changed(same, "cutover");
        assert!(after.generations.values().all(|g| !g.frozen && g.until.is_empty()));
        let different =
            arrived(&deployment, &Snapshot::default(), &marks([8, 9]), Some((Doubt::Differs, "1 missing".into())));
        let after = changed(different.expect("it is there"), "hold");
        assert!(after.generations.values().all(|g| !g.frozen && g.until.is_empty()));
        let held = &after.generations[&2];
        assert_eq!((held.finding.as_deref(), held.doubt), (Some("1 missing"), Some(Doubt::Differs)));
    }

    #[test]
    fn too_much_to_move_at_once_moves_in_chunks_or_waits() {
        let too_many = |rebuild| {
            let deployment = rebuilding(rebuild);
            too_many(&deployment, &Snapshot::default(), &marks([5, 7]), (20_000, 10_000)).expect("it is building")
        };
        let after = changed(too_many(Rebuild { chunked: true, ..Rebuild::default() }), "move");
        assert_eq!((after.live, after.moving), (1, Some(2)));
        assert!(after.generations.values().all(|generation| generation.frozen));
        let after = changed(too_many(Rebuild::default()), "hold");
        assert_eq!(after.generations[&2].doubt, None);
        let finding = after.generations[&2].finding.as_deref().unwrap();
        assert!(
            finding.contains("20000 structures") && finding.ends_with("promote it with --chunked"),
            "{finding}"
        );
    }

    #[test]
    fn nothing_can_be_compared_with_a_generation_that_has_stopped() {
        let deployment = rebuilding(Rebuild { verify: true, ..Rebuild::default() });
        let mut snapshot = Snapshot::default();
        let at = FaultAt { projection: "p".into(), generation: 1, share: "0".into() };
        snapshot.faults.insert(at, "poison".into());
        let step = step(&deployment, &snapshot, &marks([5, 7]), &marks([6, 7])).expect("no step is refused here");
        let after = changed(step, "hold");
        assert!(after.generations[&2].finding.as_deref().unwrap().contains("has stopped"));
    }
}
