//! `lantern apply`: makes what is deployed what a manifest says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::closing::only_a_plan;
use super::connect::{Connection, block_on};
use super::how::How;
use super::manifest::{ForAll, Manifest};
use super::operate::{Operator, deployments, failure, refused};
use super::prepare::{Prepared, Preparer, Request};
use super::run::Cache;
use super::sign::Trusting;
use super::table::{STRONG, paint, wants_colour};
use super::undeploy::undeploy;
use super::{Printer, UserError, plan};
use crate::app::Workshop;
use crate::control::{Deployment, Kind, Registry, Snapshot, steps};

/// Apply a manifest: deploy what it names, so that what is deployed is what it says
///
/// All files are read and everything is planned before anything is changed. What a projection's entry does not say is as at
/// a first deployment. After a loss of Redis, `apply` brings everything back.
#[derive(clap::Args)]
#[command(after_help = "\
A manifest:
  [projections.balances]
  module = \"plugins/balances.wasm\"     # relative to the manifest
  topics = [\"account-events\"]          # else those that the plugin names
  prefix = \"balances:\"                 # else the name and a colon
  on-error = \"stop\"                    # or skip
  from = \"earliest\"                    # or latest, at the first deployment
  keep-old = \"24h\"
  config = { currency = \"EUR\" }
  limits = { memory = \"64MiB\" }        # else the defaults

Examples:
  lantern apply --plan
  lantern apply infra/lantern.toml --prune")]
pub(crate) struct Args {
    /// Read this manifest
    #[arg(value_name = "FILE", default_value = "lantern.toml")]
    manifest: PathBuf,

    /// Undeploy the projections that the manifest does not name
    #[arg(long)]
    prune: bool,

    /// Deploy plugins although views or topics are gone that they had
    #[arg(long)]
    allow_loss: bool,

    /// Say what would be done, and change nothing
    #[arg(long)]
    plan: bool,

    #[command(flatten)]
    trusting: Trusting,

    #[command(flatten)]
    cache: Cache,

    #[command(flatten)]
    connection: Connection,

    // Last, for the heading is that of all that follows.
    #[command(flatten)]
    how: How,
}

/// What is to be done: first some projections go, then others come or change.
struct Difference {
    gone: Vec<String>,
    /// Not named, but not to go either.
    kept: Vec<String>,
    prepared: Vec<(Request, Prepared)>,
}

pub(crate) fn run(args: Args, printer: &mut Printer) -> anyhow::Result<()> {
    let manifest = Manifest::read(&args.manifest)?;
    let for_all =
        ForAll { allow_loss: args.allow_loss, from_earliest: args.how.from_earliest, rebuild: args.how.rebuild() };
    let requests = manifest.requests(args.manifest.parent().unwrap_or(Path::new("")), &for_all);
    let workshop = Workshop::new(args.cache.dir().as_deref())?.trusting(args.trusting.read()?);
    block_on(async {
        let operator = args.connection.operator();
        let snapshot = operator.snapshot().await?;
        let source = args.connection.source(&snapshot);
        let preparer =
            Preparer { operator: &operator, workshop: &workshop, source: source.as_ref(), leaving: &[] };
        let difference = compare(preparer, &snapshot, requests, args.prune).await?;
        difference.show(printer);
        if args.plan {
            only_a_plan(printer);
            return Ok(());
        }
        difference.perform(preparer).await?;
        let hosts = operator.registry.hosts().await.map_err(|e| failure(&e))?;
        if hosts.is_empty() && !difference.prepared.is_empty() {
            printer.note("no host is alive yet: lantern run --source SOURCE");
        } else if difference.changes_something() {
            printer.note("see how it goes on: lantern status");
        }
        Ok(())
    })
}

/// Plans everything, each projection beside what the others will be.
async fn compare(
    preparer: Preparer<'_>,
    snapshot: &Snapshot,
    requests: BTreeMap<String, Request>,
    prune: bool,
) -> Result<Difference, UserError> {
    let unnamed: Vec<String> =
        snapshot.deployments.keys().filter(|name| !requests.contains_key(*name)).cloned().collect();
    let (gone, kept) = if prune { (unnamed, Vec::new()) } else { (Vec::new(), unnamed) };
    let leaving: BTreeSet<&String> = gone.iter().collect();
    let mut prefixes = Vec::new();
    for name in &gone {
        let deployment = &snapshot.deployments[name].deployment;
        steps::undeploy(deployment, false).map_err(refused)?;
        prefixes.push(deployment.prefix.clone());
    }
    let preparer = Preparer { leaving: &prefixes, ..preparer };
    let mut planned: BTreeMap<String, Deployment> = BTreeMap::new();
    let mut prepared = Vec::new();
    for (name, request) in requests {
        let mut others = deployments(snapshot);
        others.retain(|other, _| !leaving.contains(other));
        others.extend(planned.iter().map(|(name, deployment)| (name.clone(), deployment)));
        let one = preparer.prepare_beside(&request, snapshot, &others).await?;
        planned.insert(name, one.plan.after.clone());
        prepared.push((request, one));
    }
    Ok(Difference { gone, kept, prepared })
}

impl Difference {
    fn changes_something(&self) -> bool {
        !self.gone.is_empty() || self.prepared.iter().any(|(_, prepared)| prepared.plan.kind != Kind::Nothing)
    }

    fn show(&self, printer: &mut Printer) {
        let planned = self.prepared.iter().map(|(_, prepared)| prepared.plan.after.name.as_str());
        let names = planned.chain(self.gone.iter().chain(&self.kept).map(String::as_str));
        let width = names.map(str::len).max().unwrap_or(0);
        let colour = wants_colour();
        let mut line = |name: &str, text: &str| {
            let name = paint(format_args!("{name:<width$}"), STRONG, colour);
            printer.out(format_args!("{name}  {text}"));
        };
        for name in &self.gone {
            line(name, "undeploy: the manifest does not name it");
        }
        for (_, prepared) in &self.prepared {
            line(&prepared.plan.after.name, &plan::line(prepared));
            for change in plan::details(prepared) {
                line("", change);
            }
        }
        for name in &self.kept {
            line(name, "is not in the manifest, and stays; --prune undeploys it");
        }
        for (_, prepared) in &self.prepared {
            let name = &prepared.plan.after.name;
            prepared.doubt.iter().for_each(|doubt| printer.note(format_args!("note: {name}: {doubt}")));
        }
    }

    /// Makes it so.
    async fn perform(&self, preparer: Preparer<'_>) -> Result<(), UserError> {
        let operator: &Operator = preparer.operator;
        for name in &self.gone {
            undeploy(operator, name, false).await?;
        }
        for (request, prepared) in &self.prepared {
            if !preparer.perform(prepared).await? {
                // Somebody has changed it since it was planned.
                preparer.deploy(request, |_| {}).await?;
            }
            if prepared.plan.after.to_be_swept().is_some() {
                operator.sweep(&prepared.plan.after.name).await?;
            }
        }
        Ok(())
    }
}
