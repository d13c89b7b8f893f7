//! Follows what an author does: a project whose sources change is built, a plugin whose file changes is taken, and what that
//! changes in its views is shown. Whatever fails is said, and what ran before goes on.

use std::time::{Duration, Instant};

use tokio::time::interval;

use super::content;
use super::diff;
use super::project::{Edit, Project};
use super::samples::Topics;
use super::screen::Screen;
use super::settle;
use super::shown::Shown;
use super::stage::wanted;
use super::watched::{self, Settling, Stamp};
use crate::app::{AnySource, Named, Plugin, Workshop};
use crate::cli::build::Talk;
use crate::cli::figures::{grouped, span};
use crate::cli::operate::Operator;
use crate::cli::prepare::{Prepared, Preparer};
use crate::cli::table::wants_colour;
use crate::cli::{UserError, named, plan};
use crate::control::{Deployment, Kind};
use crate::source::embedded::EmbeddedLog;

/// When a file that is no plugin is looked at once more: it may be half written.
const SECOND_LOOK: Duration = Duration::from_millis(300);

/// What is followed, and how.
pub(super) struct Follower<'a> {
    pub(super) project: Option<Project>,
    /// Whether its project is built when a source changes.
    pub(super) builds: bool,
    /// Whether a changed plugin of the same revision goes on at the checkpoint.
    pub(super) keep: bool,
    pub(super) partitions: u32,
    pub(super) log: &'a EmbeddedLog,
    pub(super) operator: &'a Operator,
    pub(super) workshop: &'a Workshop,
    pub(super) shown: &'a Shown,
    pub(super) screen: &'a Screen,
}

/// A plugin's file.
struct File<'a> {
    named: &'a Named,
    seen: Settling<Option<Stamp>>,
    /// Digest of what was deployed last, whatever became of it.
    digest: String,
}

impl Follower<'_> {
    /// Follows until dropped.
    pub(super) async fn run(mut self, named: &[Named]) -> anyhow::Result<()> {
        let deployed = self.operator.snapshot().await?.deployments;
        let digest = |named: &Named| {
            let newest =
                deployed.get(&named.name).and_then(|recorded| recorded.deployment.generations.last_key_value());
            newest.map(|(_, generation)| generation.module.clone()).unwrap_or_default()
        };
        // A file may have changed since it was deployed, so all are looked at.
        let file = |named| File { named, seen: Settling::new(None), digest: digest(named) };
        let mut files: Vec<File<'_>> = named.iter().map(file).collect();
        let mut looks = interval(watched::EVERY);
        let mut edited = None;
        loop {
            looks.tick().await;
            if let Some(edit) = self.look() {
                edited = self.build(&edit).await.then_some(edit.since);
            }
            for file in &mut files {
                let changed = file.seen.look(Stamp::of(&file.named.file), Instant::now());
                if let Some(since) = changed.filter(|_| file.seen.taken().is_some()) {
                    self.take(file, edited.take().unwrap_or(since)).await;
                }
            }
        }
    }

    /// A change of the sources, if it is ours to build them.
    fn look(&mut self) -> Option<Edit> {
        self.project.as_mut().filter(|_| self.builds)?.look()
    }

    /// Builds the project; whether that has made another plugin of it.
    async fn build(&self, edit: &Edit) -> bool {
        let Some(project) = &self.project else { return false };
        self.screen.note(format_args!("{} has changed: building", edit.file));
        let mut said = String::new();
        let built = project.build(self.workshop, Talk::Kept(&mut said)).await;
        said.lines().for_each(|line| self.screen.note(line));
        match built {
            Ok(built) => {
                let (size, took) = (grouped(built.plugin.bytes.len() as u64), span(built.took.as_secs_f64()));
                let same = if built.is_new { "" } else { ", the same as before" };
                self.screen.note(format_args!("built {} in {took}: {size} bytes{same}", project.file.display()));
                built.is_new
            }
            Err(failed) => {
                self.screen.error(failed);
                self.screen.note("what was built before goes on; waiting for the next change");
                false
            }
        }
    }

    /// Takes a file that has changed at that time.
    async fn take(&self, file: &mut File<'_>, since: Instant) {
        if let Err(error) = self.try_take(file, since).await {
            self.screen.error(error);
            self.screen
                .note(format_args!("{}: what ran before goes on; waiting for the next change", file.named.name));
        }
    }

    async fn try_take(&self, file: &mut File<'_>, since: Instant) -> anyhow::Result<()> {
        let named = file.named;
        let Some(plugin) = self.open(file).await?.filter(|plugin| plugin.digest != file.digest) else {
            return Ok(());
        };
        let Self { log, operator, workshop, screen, .. } = *self;
        let topics = named.topics.as_ref().unwrap_or(&plugin.description.topics);
        Topics { log, partitions: self.partitions, project: self.project.as_ref() }
            .prepare(topics, screen)
            .await?;
        let (_, present) = operator.find(&named.name).await?;
        let before = content::read(operator, &present.deployment).await?;
        let source = AnySource::Log(log.clone());
        let preparer = Preparer { operator, workshop, source: Some(&source), leaving: &[] };
        let tell = |prepared: &Prepared| screen.note(format_args!("{}: {}", named.name, plan::line(prepared)));
        let prepared = preparer.deploy(&named::request(named, &wanted(self.keep)), tell).await?;
        // Whatever becomes of it, it is not tried again.
        file.digest = plugin.digest;
        if prepared.plan.kind == Kind::Nothing {
            named::resume(operator, &named.name).await?;
        }
        let live = settle::until_live(operator, &prepared.plan.after).await?;
        self.shown.refresh(operator).await?;
        self.say(&live, prepared.plan.kind, since);
        let after = content::read(operator, &live).await?;
        let changes = diff::lines(&before, &after, wants_colour());
        changes.iter().for_each(|line| screen.out(line));
        if changes.is_empty() {
            screen.note("its views are as they were");
        }
        Ok(())
    }

    /// The plugin of a file; none if the file has changed again.
    async fn open(&self, file: &File<'_>) -> Result<Option<Plugin>, UserError> {
        if let Ok(plugin) = named::open(self.workshop, file.named).await {
            return Ok(Some(plugin));
        }
        tokio::time::sleep(SECOND_LOOK).await;
        if Stamp::of(&file.named.file) != *file.seen.taken() {
            return Ok(None);
        }
        named::open(self.workshop, file.named).await.map(Some)
    }

    fn say(&self, live: &Deployment, kind: Kind, since: Instant) {
        let (name, number, after) = (&live.name, live.live, span(since.elapsed().as_secs_f64()));
        self.screen.note(match kind {
            Kind::Swap => format!("{name}: swapped {after} after the change; generation {number} goes on"),
            _ => format!("{name}: generation {number} is live {after} after the change"),
        });
    }
}
