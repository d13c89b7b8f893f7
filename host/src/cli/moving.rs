//! A cutover in chunks, as the command line goes about it. Hosts do the same; whoever is interrupted, others go on.

use super::UserError;
use super::operate::{Operator, Step, contended, failure};
use crate::control::{Deployment, Outcome, Reached, Refusal, Registry, Snapshot, steps};

/// Which generation is to become the live one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moving {
    /// The one that is held.
    Next,
    /// The one that was live before.
    Old,
}

/// Begins a cutover in chunks, and stays until it is through. Gives the record as it is then, or why it did not begin.
pub(super) async fn begin(
    operator: &Operator,
    name: &str,
    action: &str,
    moving: Moving,
) -> Result<Result<Deployment, Outcome>, UserError> {
    let step = |deployment: &Deployment, _: &Snapshot| {
        let to = match moving {
            Moving::Next => deployment.next(),
            Moving::Old => deployment.old(),
        };
        let refusal = || Refusal::new("there is no generation to move to", format!("see lantern status {name}"));
        let (number, _) = to.ok_or_else(refusal)?;
        let what = format!("generation {} → {number} begins, structure by structure", deployment.live);
        let reached = (moving == Moving::Next).then_some(Reached { by: number, of: deployment.live });
        Ok(Step { reached, ..Step::to(steps::move_in(deployment, number)?, what) })
    };
    match operator.change(name, action, step).await?.2 {
        Outcome::Done => go_on(operator, name).await.map(Ok),
        outcome => Ok(Err(outcome)),
    }
}

/// Goes on with a cutover in chunks until it is through, whoever does the last part of it.
pub(super) async fn go_on(operator: &Operator, name: &str) -> Result<Deployment, UserError> {
    loop {
        let (_, recorded) = operator.find(name).await?;
        if recorded.deployment.moving.is_none() {
            return Ok(recorded.deployment.clone());
        }
        while operator.registry.move_some(&recorded).await.map_err(|e| failure(&e))?.is_some_and(|moved| moved > 0)
        {
        }
        let step = |deployment: &Deployment, snapshot: &Snapshot| {
            let what = format!("generation {} → {}", deployment.live, deployment.moving.unwrap_or_default());
            Ok(Step::to(steps::moved(deployment, snapshot.now)?, format!("{what}, structure by structure")))
        };
        match operator.change(name, "cutover", step).await {
            // A host was faster.
            Err(_) if operator.find(name).await?.1.deployment.moving.is_none() => {}
            Err(error) => return Err(error),
            Ok((_, _, Outcome::Done | Outcome::Changed | Outcome::TooMany { .. })) => {}
            Ok((_, _, Outcome::Behind { .. })) => return Err(contended(name)),
        }
    }
}

/// What to do when there is too much to move in one step.
pub(super) fn too_many(outcome: &Outcome, name: &str, action: &str) -> UserError {
    UserError::refused(
        format!("projection `{name}` cannot change its generation in one step: {outcome}"),
        format!("see what --chunked means (lantern {action} --help), then: lantern {action} {name} --chunked"),
    )
}
