//! Whether files have changed, by looking: that works for every file system and every way in which files are replaced.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// How often it is looked.
pub(super) const EVERY: Duration = Duration::from_millis(50);

/// What tells two contents of a file apart without reading them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
    inode: u64,
}

impl Stamp {
    /// That of a file; none if it is not there, as between two steps of a build.
    pub(super) fn of(file: &Path) -> Option<Self> {
        let found = fs::metadata(file).ok().filter(fs::Metadata::is_file)?;
        Some(Self { modified: found.modified().ok(), bytes: found.len(), inode: found.ino() })
    }
}

/// The files below some paths, and what each is like. Hidden ones, and the copies that editors make, do not count.
pub(super) fn below(paths: &[PathBuf]) -> BTreeMap<PathBuf, Stamp> {
    let mut found = BTreeMap::new();
    let mut left = paths.to_vec();
    while let Some(path) = left.pop() {
        if let Some(stamp) = Stamp::of(&path) {
            found.insert(path, stamp);
            continue;
        }
        let entries = fs::read_dir(&path).into_iter().flatten().flatten();
        left.extend(
            entries.filter(|entry| counts(&entry.file_name().to_string_lossy())).map(|entry| entry.path()),
        );
    }
    found
}

fn counts(name: &str) -> bool {
    !name.starts_with(['.', '#']) && !name.ends_with('~')
}

/// Something that is looked at again and again, and taken when it has changed and then stayed as it is.
#[derive(Debug)]
pub(super) struct Settling<S> {
    taken: S,
    /// What was seen last, if it is not what was taken, and since when it is not.
    unsettled: Option<(S, Instant)>,
}

impl<S: PartialEq> Settling<S> {
    pub(super) fn new(taken: S) -> Self {
        Self { taken, unsettled: None }
    }

    /// What was taken last.
    pub(super) fn taken(&self) -> &S {
        &self.taken
    }

    /// Takes what is seen now, if it was so at the last look too, and is not what was taken before. Gives since when it has
    /// been changing.
    pub(super) fn look(&mut self, seen: S, now: Instant) -> Option<Instant> {
        if seen == self.taken {
            self.unsettled = None;
            return None;
        }
        let (before, since) = self.unsettled.take().map_or((None, now), |(before, since)| (Some(before), since));
        if before.as_ref() == Some(&seen) {
            self.taken = seen;
            return Some(since);
        }
        self.unsettled = Some((seen, since));
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_still_changes_is_not_taken() {
        let at = |looks: u32| Instant::now() + EVERY * looks;
        let (first, second) = (at(1), at(2));
        let mut file = Settling::new("old");
        assert_eq!(file.look("old", at(0)), None);
        assert_eq!(file.look("half", first), None);
        assert_eq!(file.look("whole", second), None);
        assert_eq!(file.look("whole", at(3)), Some(first));
        assert_eq!(file.look("whole", at(4)), None);
        assert_eq!(file.taken(), &"whole");
    }

    #[test]
    fn what_is_as_before_again_is_not_taken() {
        let mut file = Settling::new("old");
        for seen in ["new", "old", "new"] {
            assert_eq!(file.look(seen, Instant::now()), None, "{seen}");
        }
        assert!(file.look("new", Instant::now()).is_some());
    }

    #[test]
    fn files_below_a_folder_are_seen_and_those_of_editors_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::create_dir(path("src")).unwrap();
        for name in ["Cargo.toml", "src/lib.rs", "src/.lib.rs.swp", "src/lib.rs~", "README.md"] {
            fs::write(path(name), "").unwrap();
        }
        let watched = [path("src"), path("Cargo.toml"), path("build.rs")];
        let before = below(&watched);
        assert_eq!(before.keys().cloned().collect::<Vec<_>>(), [path("Cargo.toml"), path("src/lib.rs")]);
        fs::write(path("src/lib.rs"), "more").unwrap();
        assert_ne!(below(&watched), before);
    }
}
