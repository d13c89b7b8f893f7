//! `lantern dev`: everything on this machine, with nothing set up: an embedded log, a private Redis, the host.

mod content;
mod demo;
mod diff;
mod follow;
mod project;
mod redis_server;
mod samples;
mod screen;
mod settle;
mod show;
mod shown;
mod stage;
mod watched;

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::run::{Tuning, start_runtime};
use super::{Printer, UserError, named, start_log};
use crate::app::{Named, Workshop};
use crate::source::embedded::EmbeddedLog;
use crate::store::redis::Redis;
use project::Project;
use redis_server::RedisServer;
use samples::Topics;
use screen::Screen;
use stage::Stage;

/// Run projections on an embedded log and a private Redis, both under .lantern, and watch what they do
///
/// In a project, such as `lantern new` makes, it builds the plugin and runs it on the events under events/, as long as its
/// topics have no others. Whenever a source changes it builds again, and whenever the file of a plugin changes it takes the
/// new one: the views are built anew from the first event, also if the revision is the same, and what has changed in them is
/// shown. Whatever fails is shown too, and what ran before goes on.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lantern dev
  lantern dev projections/visits --once
  lantern dev --projection visits=visits.wasm
  lantern dev --demo")]
pub(crate) struct Args {
    /// Run the project in this directory [default: the present one, if no other projection is named]
    #[arg(value_name = "DIR", conflicts_with_all = ["projections", "demo"])]
    project: Option<PathBuf>,

    /// Do not build the project; run what `lantern build` makes of it, whenever it does
    #[arg(long, conflicts_with_all = ["projections", "demo"])]
    no_build: bool,

    /// Let a changed plugin of the same revision go on at the checkpoint, as `lantern deploy` does, in place of building its
    /// views anew
    #[arg(long)]
    keep: bool,

    /// Run this projection, on the topics of its description or on these instead; repeat it for more
    #[arg(long = "projection", value_name = "NAME=FILE.wasm[:TOPIC,…]", value_parser = named::parse)]
    projections: Vec<Named>,

    /// Run the three example projections, and append sample events: 100,000 of a bank at once, then a trickle
    #[arg(long)]
    demo: bool,

    /// Take the example projections' plugins from this directory [default: plugins beside the binary]
    #[arg(long, value_name = "DIR", requires = "demo")]
    plugins: Option<PathBuf>,

    /// Stop when all events are projected, and print the first records of each view and the rate
    #[arg(long)]
    once: bool,

    /// Keep log, Redis data and compiled modules in this directory [default: .lantern, in the project]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,

    /// Create topics that are missing with this many partitions
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=256))]
    partitions: u32,

    #[command(flatten)]
    tuning: Tuning,
}

pub(crate) fn run(args: Args, printer: &mut Printer) -> anyhow::Result<()> {
    start_log("warn");
    let runtime = start_runtime()?;
    let screen = Screen::default();
    let mut project = args.project()?;
    let folder = args.project.as_deref().unwrap_or(Path::new(""));
    let dir = args.dir.clone().unwrap_or_else(|| folder.join(".lantern"));
    let workshop = Workshop::new(Some(&args.tuning.cache.dir().unwrap_or_else(|| dir.join("modules"))))?;
    let log = EmbeddedLog::new(dir.join("log"));
    let (projections, names) = runtime.block_on(async {
        let projections = args.projections(project.as_mut(), &workshop, &screen).await?;
        let names = named::names(&projections)?;
        let topics = Topics { log: &log, partitions: args.partitions, project: project.as_ref() };
        for named in &projections {
            let declared = named::open(&workshop, named).await?.description.topics;
            topics.prepare(named.topics.as_ref().unwrap_or(&declared), &screen).await?;
        }
        if args.demo {
            demo::append_all(&log, &screen).await?;
        }
        anyhow::Ok((projections, names))
    })?;
    // Started from this thread, which lives as long as the process: the server dies with it.
    let server = RedisServer::start(&dir.join("redis"))?;
    let redis = Redis::new(&server.url())?;
    let stage = Stage { log, redis, workshop, project, screen, port: server.port() };
    let result = runtime.block_on(stage.run(&args, &projections, &names, printer));
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

impl Args {
    /// The project, if it is one that is to be run.
    fn project(&self) -> Result<Option<Project>, UserError> {
        if self.demo || !self.projections.is_empty() {
            return Ok(None);
        }
        match &self.project {
            Some(folder) => Project::at(folder).map(Some),
            None if Path::new("Cargo.toml").is_file() => Project::at(Path::new(".")).map(Some),
            None => Err(UserError::usage(
                "there is no projection to run",
                "call it in a project (lantern new NAME), name one with --projection NAME=FILE.wasm, or see the \
                 examples with --demo",
            )),
        }
    }

    /// What is to be run, once it is built.
    async fn projections(
        &self,
        project: Option<&mut Project>,
        workshop: &Workshop,
        screen: &Screen,
    ) -> anyhow::Result<Vec<Named>> {
        let mut projections = self.projections.clone();
        if self.demo {
            projections.extend(demo::projections(self.plugins.clone())?);
        }
        if let Some(project) = project {
            if !self.no_build {
                project.build_first(workshop, self.once, screen).await?;
            }
            projections.push(project.named(workshop).await?);
        }
        Ok(projections)
    }
}
