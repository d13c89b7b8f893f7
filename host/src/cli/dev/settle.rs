//! Waits until what was deployed is what readers read, or can't be.

use tokio::time::interval;

use super::watched::EVERY;
use crate::cli::UserError;
use crate::cli::operate::{Operator, failure};
use crate::control::{Deployment, Registry, Stage};

/// Waits for the newest generation of a deployment, and gives the record as it is then.
pub(super) async fn until_live(operator: &Operator, deployed: &Deployment) -> Result<Deployment, UserError> {
    let name = &deployed.name;
    let number = deployed.next().map_or(deployed.live, |(number, _)| number);
    let mut looks = interval(EVERY);
    loop {
        looks.tick().await;
        let (_, recorded) = operator.find(name).await?;
        let now = recorded.deployment.clone();
        if now.live == number {
            return Ok(now);
        }
        if now.paused {
            let message = format!("`{name}` is paused, and generation {number} waits");
            return Err(UserError::failure(message, format!("lantern resume {name}")));
        }
        let generation = now.generations.get(&number);
        let why = match generation.map(|generation| generation.stage) {
            Some(Stage::Building) => stopped(operator, name, number).await?,
            Some(_) => generation.and_then(|generation| generation.finding.clone()),
            None => Some("it was given up".to_owned()),
        };
        if let Some(why) = why {
            // A fault is noted with its hint.
            let (why, hint) = why.split_once(" (hint: ").unwrap_or((&why, "mend the plugin)"));
            let message = format!("generation {number} of `{name}` could not be built: {why}");
            return Err(UserError::failure(message, hint.trim_end_matches(')')));
        }
    }
}

/// Why the host can't run a generation, if it can't.
async fn stopped(operator: &Operator, name: &str, number: u64) -> Result<Option<String>, UserError> {
    let hosts = operator.registry.hosts().await.map_err(|error| failure(&error))?;
    Ok(hosts.iter().find_map(|host| host.stopped.get(&format!("{name}:{number}")).cloned()))
}
