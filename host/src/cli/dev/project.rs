//! The project that `lantern dev` is called in: what is built when, and which sample events it has.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use tokio::time::interval;

use super::screen::Screen;
use super::watched::{self, Settling, Stamp};
use crate::app::{Named, Workshop};
use crate::cli::UserError;
use crate::cli::build::{self, Built, Talk, Wish};
use crate::lane::chain;

/// What a change of which means that the project is to be built again.
const SOURCES: [&str; 3] = ["src", "Cargo.toml", "build.rs"];

/// A project as `lantern new` makes it, or any crate that makes a plugin.
pub(super) struct Project {
    folder: PathBuf,
    /// What `lantern build` makes of it.
    pub(super) file: PathBuf,
    sources: Settling<BTreeMap<PathBuf, Stamp>>,
}

/// A change of the sources.
pub(super) struct Edit {
    /// One of the files that have changed.
    pub(super) file: String,
    pub(super) since: Instant,
}

impl Project {
    pub(super) fn at(folder: &Path) -> Result<Self, UserError> {
        let name = build::name_of(folder)?;
        // Paths are shown, and `./` says nothing.
        let folder = if folder == Path::new(".") { PathBuf::new() } else { folder.to_owned() };
        let file = folder.join(format!("{name}.wasm"));
        let sources = Settling::new(watched::below(&paths(&folder)));
        Ok(Self { folder, file, sources })
    }

    /// Where the sample events of a topic stand, if there are any.
    pub(super) fn samples(&self, topic: &str) -> Option<PathBuf> {
        Some(self.folder.join("events").join(format!("{topic}.jsonl"))).filter(|file| file.is_file())
    }

    /// What it makes, by the name that it gives itself.
    pub(super) async fn named(&self, workshop: &Workshop) -> Result<Named, UserError> {
        let hint = "build it first: lantern build";
        if !self.file.is_file() {
            return Err(UserError::failure(format!("{} is not there", self.file.display()), hint));
        }
        let opened = workshop.open_aside(&self.file, &BTreeMap::new(), &BTreeMap::new()).await;
        let plugin = opened.map_err(|error| {
            UserError::failure(format!("cannot load {}: {}", self.file.display(), chain(&error)), error.hint())
        })?;
        Ok(Named { name: plugin.description.name, file: self.file.clone(), topics: None })
    }

    pub(super) async fn build(&self, workshop: &Workshop, talk: Talk<'_>) -> Result<Built, UserError> {
        let folder = if self.folder.as_os_str().is_empty() { Path::new(".") } else { &self.folder };
        build::build(folder, &Wish::default(), workshop, talk).await
    }

    /// Builds it, until that has come to something that can be run. What was built before will do.
    pub(super) async fn build_first(
        &mut self,
        workshop: &Workshop,
        must: bool,
        screen: &Screen,
    ) -> anyhow::Result<()> {
        loop {
            let failed = match self.build(workshop, Talk::Shown).await {
                Ok(_) => return Ok(()),
                Err(failed) => failed,
            };
            if must {
                return Err(failed.into());
            }
            screen.error(failed);
            if self.file.is_file() {
                screen.note(format_args!("going on with {} as it was built before", self.file.display()));
                return Ok(());
            }
            screen.note("waiting for a change of the sources");
            self.edited().await;
        }
    }

    async fn edited(&mut self) -> Edit {
        let mut looks = interval(watched::EVERY);
        loop {
            looks.tick().await;
            if let Some(edit) = self.look() {
                return edit;
            }
        }
    }

    /// The change of the sources since the last one, once it has settled.
    pub(super) fn look(&mut self) -> Option<Edit> {
        let seen = watched::below(&paths(&self.folder));
        let file = difference(self.sources.taken(), &seen).map(|path| path.display().to_string());
        let since = self.sources.look(seen, Instant::now())?;
        Some(Edit { file: file.unwrap_or_default(), since })
    }
}

fn paths(folder: &Path) -> Vec<PathBuf> {
    SOURCES.iter().map(|name| folder.join(name)).collect()
}

/// A file that is not the same in both.
fn difference<'a>(one: &'a BTreeMap<PathBuf, Stamp>, other: &'a BTreeMap<PathBuf, Stamp>) -> Option<&'a Path> {
    let changed = |path: &&PathBuf| one.get(*path) != other.get(*path);
    other.keys().find(changed).or_else(|| one.keys().find(changed)).map(PathBuf::as_path)
}
