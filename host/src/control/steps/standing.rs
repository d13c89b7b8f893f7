//! The standing of a whole projection: it is paused, resumed, relieved of what is old, undeployed.

use super::{Refusal, Step};
use crate::control::{Deployment, Generation, Stage};

/// No lane is to run.
pub fn pause(deployment: &Deployment) -> Step {
    deployment.not_removing()?;
    if deployment.paused {
        return Err(Refusal::new(
            format!("projection `{}` is paused already", deployment.name),
            format!("`lantern resume {}` lets it go on", deployment.name),
        ));
    }
    Ok(deployment.changed(|after| after.paused = true))
}

/// Lanes are to run again, those too that had stopped because they could not go on.
pub fn resume(deployment: &Deployment) -> Step {
    deployment.not_removing()?;
    Ok(deployment.changed(|after| (after.paused, after.resumed) = (false, after.resumed + 1)))
}

/// The old generations are no longer kept. None if there are none, or if readers are about to return to one.
pub fn retire(deployment: &Deployment) -> Option<Deployment> {
    let is_old = |generation: &Generation| generation.stage == Stage::Old;
    let can = deployment.at_rest().is_ok() && deployment.generations.values().any(is_old);
    can.then(|| {
        deployment.changed(|after| {
            after.generations.values_mut().filter(|g| is_old(g)).for_each(|g| g.stage = Stage::Dropped);
        })
    })
}

/// An old generation is kept since then, by Redis's clock as it goes now.
pub fn kept_since(deployment: &Deployment, number: u64, retired: i64) -> Deployment {
    deployment.changed(|after| {
        let old = after.generations.get_mut(&number).filter(|generation| generation.stage == Stage::Old);
        old.into_iter().for_each(|generation| generation.retired = Some(retired));
    })
}

/// The keys of a generation that was dropped, or has failed, are gone. Of a failed one the reason stays.
pub fn swept(deployment: &Deployment, number: u64) -> Deployment {
    deployment.changed(|after| match after.generations.get_mut(&number) {
        Some(generation) if generation.stage == Stage::Failed => generation.swept = true,
        Some(generation) if generation.stage == Stage::Dropped => drop(after.generations.remove(&number)),
        _ => {}
    })
}

/// All generations are dropped; the record follows when they are swept. The views of the live one may be kept: then
/// they are nobody's from now on.
pub fn undeploy(deployment: &Deployment, keep_views: bool) -> Step {
    if deployment.moving.is_some() {
        deployment.at_rest()?;
    }
    Ok(deployment.changed(|after| {
        after.removing = true;
        after.generations.values_mut().for_each(|generation| generation.stage = Stage::Dropped);
        let live = after.live;
        if let Some(live) = after.generations.get_mut(&live).filter(|_| keep_views) {
            live.views.clear();
        }
    }))
}
