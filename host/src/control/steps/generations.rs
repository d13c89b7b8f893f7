//! The way of a generation: it is built, held, compared, cut over to, rolled back to, given up.

use std::collections::BTreeMap;

use super::{Refusal, Step};
use crate::control::{Built, Deployment, Doubt, Generation, Rebuild, Stage};

/// Begins a rebuild: a new generation like `generation`, from zero. In place it takes the readers' place at once.
pub fn rebuild(deployment: &Deployment, generation: Generation, in_place: bool, now: i64) -> Step {
    deployment.at_rest()?;
    if let Some((number, next)) = deployment.next() {
        let reason = format!(
            "projection `{}` is being rebuilt already: generation {number} is {}",
            deployment.name,
            if next.stage == Stage::Held { "held for `promote`" } else { "building" },
        );
        return Err(Refusal::new(
            reason,
            format!("see `lantern status {0}`, or `lantern cancel {0}`", deployment.name),
        ));
    }
    Ok(deployment.changed(|after| {
        after.last += 1;
        let number = after.last;
        // What is left of a failed one is its reason, and that is old news now.
        after.generations.retain(|_, g| g.stage != Stage::Failed || g.is_litter());
        after.generations.values_mut().filter(|g| g.stage == Stage::Failed).for_each(|g| g.stage = Stage::Dropped);
        let generation = Generation {
            stage: Stage::Building,
            prefix: after.hidden_prefix(number),
            begun: now,
            retired: None,
            built: None,
            topic_ids: BTreeMap::new(),
            until: BTreeMap::new(),
            frozen: false,
            finding: None,
            doubt: None,
            swept: false,
            rebuild: Some(generation.rebuild.clone().unwrap_or_default()),
            ..generation
        };
        after.generations.insert(number, generation);
        if in_place {
            after.displace_live(Stage::Dropped, now);
            after.enthrone(number);
        }
    }))
}

/// How the present live generation would be built anew.
pub fn again(deployment: &Deployment, rebuild: Rebuild) -> Option<Generation> {
    Some(Generation { rebuild: Some(rebuild), starts: BTreeMap::new(), ..deployment.live()?.clone() })
}

/// The building or held generation becomes the live one, and the live one is kept as the old one. What was old before
/// is dropped.
pub fn cut_over(deployment: &Deployment, now: i64) -> Step {
    let (number, _) = next(deployment)?;
    Ok(deployment.changed(|after| {
        for generation in after.generations.values_mut().filter(|g| g.stage == Stage::Old) {
            generation.stage = Stage::Dropped;
        }
        after.displace_live(Stage::Old, now);
        after.enthrone(number);
    }))
}

/// The building generation has caught up, and is to wait for an operator: for a reason, if that was not asked for.
pub fn hold(deployment: &Deployment, finding: Option<String>, doubt: Option<Doubt>) -> Step {
    let (number, _) = next(deployment)?;
    Ok(deployment.changed(|after| {
        let generation = after.generation_mut(number);
        (generation.stage, generation.finding, generation.doubt) = (Stage::Held, finding, doubt);
        after.generations.values_mut().for_each(Generation::release);
    }))
}

/// The held generation is to become the live one.
pub fn promote(deployment: &Deployment, now: i64) -> Step {
    deployment.at_rest()?;
    match deployment.next() {
        Some((_, generation)) if generation.stage == Stage::Held => cut_over(deployment, now),
        Some((number, _)) => Err(Refusal::new(
            format!("generation {number} of projection `{}` is still building", deployment.name),
            "it becomes the live one by itself; or wait until `lantern status` shows it as held",
        )),
        None => Err(Refusal::new(
            format!("projection `{}` has no generation that is held", deployment.name),
            format!("begin one with `lantern rebuild {} --hold`", deployment.name),
        )),
    }
}

/// The building or held generation is given up.
pub fn cancel(deployment: &Deployment) -> Step {
    let (number, _) = next(deployment)?;
    Ok(deployment.changed(|after| {
        after.generation_mut(number).stage = Stage::Dropped;
        after.generations.values_mut().for_each(Generation::release);
    }))
}

/// The generation that is being built can't be built. Its reason stays.
pub fn fail(deployment: &Deployment, number: u64, reason: String) -> Step {
    let mut after = cancel(deployment)?;
    let generation = after.generations.get_mut(&number).filter(|generation| generation.stage == Stage::Dropped);
    let Some(generation) = generation else {
        let reason = format!("generation {number} of projection `{}` is not being built", deployment.name);
        return Err(Refusal::new(reason, format!("`lantern status {}` shows its state", deployment.name)));
    };
    (generation.stage, generation.finding) = (Stage::Failed, Some(reason));
    Ok(after)
}

/// Readers read the old generation again; the live one becomes the old one. A rebuild that is under way is given up.
pub fn rollback(deployment: &Deployment, now: i64) -> Step {
    deployment.at_rest()?;
    let Some((number, _)) = deployment.old() else {
        return Err(Refusal::new(
            format!("projection `{}` has no old generation to go back to", deployment.name),
            "the last one is kept after a cutover until `lantern gc`, or for a day; see `lantern history`",
        ));
    };
    Ok(deployment.changed(|after| {
        after.give_up_next();
        after.displace_live(Stage::Old, now);
        after.enthrone(number);
    }))
}

/// A generation begins to take the live one's place structure by structure. The lanes of both stand still until it is
/// the live one, so nothing else can happen to them in between.
pub fn move_in(deployment: &Deployment, number: u64) -> Step {
    deployment.at_rest()?;
    let can = |generation: &Generation| matches!(generation.stage, Stage::Building | Stage::Held | Stage::Old);
    if !deployment.generations.get(&number).is_some_and(can) {
        let reason = format!("generation {number} of projection `{}` cannot become the live one", deployment.name);
        return Err(Refusal::new(reason, format!("`lantern status {}` shows its state", deployment.name)));
    }
    Ok(deployment.changed(|after| {
        if after.generations[&number].stage == Stage::Old {
            after.give_up_next();
        }
        after.moving = Some(number);
        for number in [after.live, number] {
            let generation = after.generation_mut(number);
            (generation.frozen, generation.until) = (true, BTreeMap::new());
        }
    }))
}

/// All structures have moved: the generation becomes the live one.
pub fn moved(deployment: &Deployment, now: i64) -> Step {
    let Some(number) = deployment.moving else {
        let reason = format!("projection `{}` is not moving to another generation", deployment.name);
        return Err(Refusal::new(reason, format!("`lantern status {}` shows its state", deployment.name)));
    };
    let still = Deployment { moving: None, ..deployment.clone() };
    if still.old().is_some_and(|(old, _)| old == number) { rollback(&still, now) } else { cut_over(&still, now) }
}

/// A generation has come to the end of its topics, or to where it was to come.
pub fn built(deployment: &Deployment, number: u64, built: Built) -> Deployment {
    deployment.changed(|after| after.generation_mut(number).built = Some(built))
}

/// Notes the ids of topics that generations read.
pub fn identify(deployment: &Deployment, ids: &BTreeMap<u64, BTreeMap<String, String>>) -> Deployment {
    deployment.changed(|after| {
        for (number, ids) in ids {
            if let Some(generation) = after.generations.get_mut(number) {
                generation.topic_ids.extend(ids.clone());
            }
        }
    })
}

/// A comparison: a generation's lanes stand still, and another's go on up to some offsets.
pub fn freeze(deployment: &Deployment, frozen: u64, until: Option<(u64, BTreeMap<String, u64>)>) -> Deployment {
    deployment.changed(|after| {
        after.generation_mut(frozen).frozen = true;
        if let Some((number, until)) = until {
            let generation = after.generation_mut(number);
            (generation.frozen, generation.until) = (false, until);
        }
    })
}

fn next(deployment: &Deployment) -> Result<(u64, &Generation), Refusal> {
    deployment.at_rest()?;
    deployment.next().ok_or_else(|| {
        Refusal::new(
            format!("projection `{}` is not being rebuilt", deployment.name),
            format!("`lantern status {}` shows its state", deployment.name),
        )
    })
}
