//! `--projection NAME=FILE.wasm[:TOPIC,…]`, shared by the commands that run projections.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use super::UserError;
use super::operate::{self, Operator, Step};
use super::prepare::{Preparer, Request, Topics};
use crate::app::{AnySource, Named, Plugin, Workshop};
use crate::control::{Deployment, Kind, Snapshot, steps};
use crate::lane::{Outages, chain};
use crate::projection::name_fault;
use crate::store::Unwilling;
use crate::store::redis::Role;

/// How long to wait before Redis is asked again.
const AGAIN: Duration = Duration::from_millis(200);

/// How a projection is written.
const FORM: &str = "write NAME=FILE.wasm or NAME=FILE.wasm:TOPIC,TOPIC";

pub(super) fn parse(text: &str) -> Result<Named, String> {
    let (name, rest) = text.split_once('=').ok_or_else(|| format!("it has no `=`; {FORM}"))?;
    if let Some(fault) = name_fault(name) {
        return Err(format!("the name `{name}` {fault}; {FORM}"));
    }
    // A path may have colons; topics follow the last one behind the file's ending.
    let (file, topics) = match rest.rsplit_once(".wasm:") {
        Some((file, topics)) => (format!("{file}.wasm"), Some(topics)),
        None => (rest.to_owned(), None),
    };
    if file.is_empty() {
        return Err(format!("it names no file; {FORM}"));
    }
    let topics: Option<Vec<String>> = topics.map(|topics| topics.split(',').map(str::to_owned).collect());
    if topics.as_ref().is_some_and(|topics| topics.iter().any(String::is_empty)) {
        return Err(format!("a topic has no name; {FORM}"));
    }
    Ok(Named { name: name.to_owned(), file: PathBuf::from(file), topics })
}

/// The names of the projections, each of which may be given once.
pub(super) fn names(named: &[Named]) -> Result<BTreeSet<String>, UserError> {
    let mut names = BTreeSet::new();
    for one in named {
        if !names.insert(one.name.clone()) {
            return Err(UserError::usage(
                format!("two projections are named `{}`", one.name),
                "give each projection a name of its own: --projection NAME=FILE.wasm",
            ));
        }
    }
    Ok(names)
}

/// Reads a projection's plugin.
pub(super) async fn open(workshop: &Workshop, named: &Named) -> Result<Plugin, UserError> {
    let plugin = workshop.open_aside(&named.file, &BTreeMap::new(), &BTreeMap::new()).await.map_err(|error| {
        let (name, file) = (&named.name, named.file.display());
        UserError::failure(format!("cannot load projection `{name}` from {file}: {}", chain(&error)), error.hint())
    })?;
    let declared = &plugin.description.topics;
    match &named.topics {
        Some(topics) if topics.len() != declared.len() => Err(UserError::usage(
            format!(
                "projection `{}` reads {} ({} in number), but {} are named",
                named.name,
                declared.join(", "),
                declared.len(),
                topics.len()
            ),
            "name one topic for each, in that order",
        )),
        _ => Ok(plugin),
    }
}

/// The deployment of a projection that is wanted otherwise as `base` says.
pub(super) fn request(named: &Named, base: &Request) -> Request {
    Request {
        name: Some(named.name.clone()),
        file: named.file.clone(),
        topics: named.topics.clone().map_or(Topics::AsBefore, Topics::These),
        ..base.clone()
    }
}

/// Deploys the projections, otherwise as `base` says, as soon as Redis takes them; those that had stopped may try again. What
/// Redis does not let us do is an error at once, for whoever starts a host is there to mend it; everything else that may pass
/// is waited for.
pub(super) async fn deploy(
    named: &[Named],
    base: &Request,
    operator: &Operator,
    workshop: &Workshop,
    source: &AnySource,
) -> anyhow::Result<()> {
    // What is wrong with a file is said at once, whether Redis is there or not.
    for one in named {
        open(workshop, one).await?;
    }
    let outages = Outages::default();
    // Whoever deploys does what an operator does.
    let roles: &[Role] = if named.is_empty() { &[Role::Host] } else { &[Role::Host, Role::Operator] };
    let able = || async { operator.registry.try_all(roles, &[]).await.map_err(|e| operate::failure(&e)) };
    patiently(&outages, able).await?;
    for one in named {
        let request = request(one, base);
        let preparer = Preparer { operator, workshop, source: Some(source), leaving: &[] };
        let prepared = patiently(&outages, || preparer.deploy(&request, |_| {})).await?;
        let after = &prepared.plan.after;
        let latest = after.next().map(|(_, next)| next).or_else(|| after.live());
        if let Some(latest) = latest {
            tracing::info!(
                projection = one.name,
                revision = latest.revision,
                module = &latest.module[..12],
                "deployed {} ({}), topics {}",
                one.file.display(),
                prepared.plan.kind.word(),
                latest.topics.join(", "),
            );
        }
        if prepared.plan.kind == Kind::Nothing {
            patiently(&outages, || resume(operator, &one.name)).await?;
        }
    }
    Ok(())
}

/// Tries until it is done or can't be.
async fn patiently<T, F>(outages: &Outages, attempt: impl Fn() -> F) -> Result<T, UserError>
where
    F: Future<Output = Result<T, UserError>>,
{
    let mut missing: Option<&'static str> = None;
    loop {
        let error = match attempt().await {
            Err(error) => error,
            done => {
                if let Some(missed) = missing {
                    outages.worked(missed);
                }
                return done;
            }
        };
        let Some(missed) = error.missed().filter(|missed| *missed != Unwilling::Denied.subject()) else {
            return Err(error);
        };
        if let Some(before) = missing.filter(|before| *before != missed) {
            outages.worked(before);
        }
        missing = Some(missed);
        outages.failed(missed, &error, error.hint());
        tokio::time::sleep(AGAIN).await;
    }
}

/// Lets a projection try again, if something in it had stopped.
pub(super) async fn resume(operator: &Operator, name: &str) -> Result<(), UserError> {
    let snapshot = operator.snapshot().await?;
    if snapshot.faults.keys().any(|at| at.projection == name) {
        let step = |deployment: &Deployment, _: &Snapshot| {
            Ok(Step::to(steps::resume(deployment)?, "a host that names it was started"))
        };
        operator.change(name, "resume", step).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Result<(String, String, Option<Vec<String>>), String> {
        parse(text).map(|n| (n.name, n.file.display().to_string(), n.topics))
    }

    #[test]
    fn topics_follow_the_file() {
        assert_eq!(parts("b=a:b/x.wasm"), Ok(("b".into(), "a:b/x.wasm".into(), None)));
        let topics = Some(vec!["t".to_owned(), "u".to_owned()]);
        assert_eq!(parts("b=x.wasm:t,u"), Ok(("b".into(), "x.wasm".into(), topics)));
    }

    #[test]
    fn says_what_is_wrong() {
        assert!(parts("x.wasm").unwrap_err().starts_with("it has no `=`"));
        assert!(parts("B=x.wasm").unwrap_err().starts_with("the name `B` may only have"));
        assert!(parts("b=x.wasm:t,").unwrap_err().starts_with("a topic has no name"));
        assert!(parts("b=").unwrap_err().starts_with("it names no file"));
    }
}
