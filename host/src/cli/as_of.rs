//! `lantern rebuild NAME --until POINT --as OTHER`: the views as they were, as a projection of their own that stays so.

use super::closing::{only_a_plan, say, tell_next};
use super::connect::Connection;
use super::figures::{grouped, moment};
use super::operate::{Operator, contended, deployments, failure, refused};
use super::past::Played;
use super::{Printer, UserError, progress};
use crate::control::{Change, Deployment, Outcome, Registry, as_of};
use crate::replay::Until;

/// What is to be built.
pub(super) struct Request<'a> {
    pub(super) name: &'a str,
    pub(super) until: &'a Until,
    /// The name of the projection that is made.
    pub(super) other: &'a str,
    /// Whether to begin where the history was cut off.
    pub(super) from_earliest: bool,
    /// Whether to say only what it comes to, and whether to wait for it.
    pub(super) plan: bool,
    pub(super) wait: bool,
}

pub(super) async fn run(
    request: &Request<'_>,
    connection: &Connection,
    printer: &mut Printer,
) -> anyhow::Result<()> {
    let operator = connection.operator();
    let played = Played::find(&operator, connection, request.name).await?;
    // What is wrong with the name is said before all events are read.
    after(request, &operator, &played, [].into()).await?;
    let ends = played.ends(request.until, request.from_earliest, printer).await?;
    let after = after(request, &operator, &played, ends).await?;
    let events: u64 = after.as_of.values().sum();
    let (other, name) = (request.other, request.name);
    let point = match request.until {
        Until::Now => "as it is".to_owned(),
        Until::Time(time) => format!("as of {}", moment(*time)),
        Until::Event(at, offset) => format!("as of {at}@{offset}"),
    };
    say(other, format_args!("{name} {point}: up to {} events to apply", grouped(events)), printer);
    if request.plan {
        only_a_plan(printer);
        return Ok(());
    }
    begin(request, &operator, &played, &after, &point).await?;
    if request.wait {
        let source = connection.ask_source(&operator).await?;
        return progress::wait(&operator, source.as_ref(), &after, printer).await;
    }
    Ok(tell_next(&operator, &after, printer).await?)
}

/// The record of the other projection.
async fn after(
    request: &Request<'_>,
    operator: &Operator,
    played: &Played,
    ends: std::collections::BTreeMap<String, u64>,
) -> Result<Deployment, UserError> {
    let snapshot = operator.snapshot().await?;
    let after = as_of(&played.deployment, request.other, ends, &deployments(&snapshot), snapshot.now);
    let after = after.map_err(refused)?;
    let standing = operator.registry.standing(&after.prefix, &played.projection.views).await;
    match standing.map_err(|error| failure(&error))? {
        None => Ok(after),
        Some(key) => Err(UserError::refused(
            format!("key `{key}` stands already where views of `{}` would", after.name),
            "remove it if nobody needs it (redis-cli UNLINK), or give another name with --as",
        )),
    }
}

async fn begin(
    request: &Request<'_>,
    operator: &Operator,
    played: &Played,
    after: &Deployment,
    point: &str,
) -> Result<(), UserError> {
    let entry = operator.entry(request.other, "rebuild", format!("{} {point}", request.name));
    let change = Change { before: None, after: Some(after.clone()), reached: None, entry };
    let module = after.live().map(|live| live.module.clone()).unwrap_or_default();
    let keep = || operator.registry.keep_module(&module, &played.bytes);
    keep().await.map_err(|error| failure(&error))?;
    let outcome = operator.registry.change(&change).await.map_err(|error| failure(&error))?;
    // Somebody who collects garbage may not have seen yet that it is used.
    keep().await.map_err(|error| failure(&error))?;
    if outcome == Outcome::Done { Ok(()) } else { Err(contended(request.other)) }
}
