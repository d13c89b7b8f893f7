//! `lantern doctor`: looks over Redis, the source, the hosts and the projections, and says how to mend what it finds.

mod check;
mod deployed;
mod server;

use serde_json::json;

use super::connect::{Connection, block_on};
use super::table::wants_colour;
use super::{Printer, UserError};
use crate::control::{HostReport, Registry, Snapshot};
use check::{Check, Verdict};

/// Check Redis, the source, the hosts and the projections, and say how to mend what is wrong
#[derive(clap::Args)]
#[command(after_help = "\
Each line is a check: ok, a warning or a problem. It ends with 1 if there is a problem.

Examples:
  lantern doctor
  lantern doctor --redis redis://cache:6379 --source kafka://broker:9092
  lantern doctor --json | jq '.checks[] | select(.verdict != \"ok\")'")]
pub(crate) struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connection: Connection,
}

pub(crate) fn run(args: Args, printer: &mut Printer) -> anyhow::Result<()> {
    let checks = block_on(async { Ok(examine(&args).await) })?;
    if args.json {
        printer.out(json!({ "checks": checks }));
    } else {
        check::table(&checks).lines(wants_colour()).iter().for_each(|line| printer.out(line));
    }
    match checks.iter().filter(|check| check.verdict == Verdict::Problem).count() {
        0 => Ok(()),
        1 => Err(UserError::failure("there is a problem", "its line says how to mend it").into()),
        count => {
            Err(UserError::failure(format!("there are {count} problems"), "their lines say how to mend them")
                .into())
        }
    }
}

async fn examine(args: &Args) -> Vec<Check> {
    let registry = args.connection.operator().registry;
    let (mut checks, is_there) = server::examine(&registry).await;
    let mut snapshot = Snapshot::default();
    let mut hosts: Option<Vec<HostReport>> = None;
    if is_there {
        match registry.load().await {
            Ok(loaded) => snapshot = loaded,
            Err(error) => checks.push(Check::failed("records", &error)),
        }
        let deployments = snapshot.deployments.values();
        let prefixes: Vec<String> = deployments.map(|recorded| recorded.deployment.prefix.clone()).collect();
        checks.push(server::rights(&registry, &prefixes).await);
        match registry.hosts().await {
            Ok(found) => hosts = Some(found),
            Err(error) => checks.push(Check::failed("hosts", &error)),
        }
    }
    match args.connection.source(&snapshot) {
        Some(source) => checks.extend(deployed::source(&source, &snapshot).await),
        None if is_there => checks.push(
            Check::ok("source", "not known yet: no host has run here")
                .warn("name it with --source, or start a host"),
        ),
        None => {}
    }
    if let Some(hosts) = hosts {
        checks.push(deployed::hosts(&hosts, &snapshot));
        checks.extend(deployed::projections(&hosts, &snapshot));
    }
    checks
}
