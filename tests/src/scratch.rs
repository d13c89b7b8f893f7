//! Scratch folders under the target directory, named after the process that made them. What a run leaves behind, because
//! it was killed or because all its tests share it, the next run sweeps away when it begins.

use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{fs, process};

use crate::artefacts::target_dir;

/// A folder that is gone when this is dropped.
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes an empty folder; `name` is for people.
    pub fn new(name: &str) -> Scratch {
        static SWEPT: Once = Once::new();
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let root = target_dir().join("scratch");
        SWEPT.call_once(|| sweep(&root));
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = root.join(format!("{}-{name}-{number}", process::id()));
        fs::create_dir_all(&path).expect("the target directory is writable");
        Scratch(path)
    }

    /// Where it is, absolute.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file into it and returns its path.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, content).expect("the scratch folder is writable");
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Removes the folders of processes that are no more.
fn sweep(root: &Path) {
    let Ok(entries) = fs::read_dir(root) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.split('-').next()?.parse().ok());
        let alive = pid.is_some_and(|pid: u32| Path::new("/proc").join(pid.to_string()).exists());
        if !alive {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
