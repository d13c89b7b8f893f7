//! Compiled modules on disk, so that a plugin is compiled once on a machine.
//!
//! Loading one is like loading a shared library: whoever can write it can run code here. So the directory is ours
//! alone, and nothing that a user hands in is ever loaded this way.

use std::collections::hash_map::DefaultHasher;
use std::fs::{self, DirBuilder};
use std::hash::{Hash, Hasher};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use wasmtime::Engine;
use wasmtime::component::Component;

/// A directory of compiled modules, or none.
#[derive(Clone, Debug, Default)]
pub struct Cache {
    directory: Option<PathBuf>,
}

impl Cache {
    /// The cache in a directory, which is made if need be. One that can't be made, or that others can write, is not
    /// used, and a warning says so.
    pub fn new(directory: PathBuf) -> Self {
        match private(&directory) {
            Ok(()) => Self { directory: Some(directory) },
            Err(error) => {
                tracing::warn!("compiled modules are not kept: {}: {error}", directory.display());
                Self::default()
            }
        }
    }

    /// A cache that keeps nothing.
    pub fn none() -> Self {
        Self::default()
    }

    pub(super) fn load(&self, engine: &Engine, digest: &str) -> Option<Component> {
        let file = self.file(engine, digest)?;
        if !file.exists() {
            return None;
        }
        // SAFETY: the directory belongs to this user and nobody else can write it (`private`), so the file is what
        // `store` put there: whole, because it was renamed into place, and made by an engine of the same
        // compatibility hash, because that is part of its name.
        let component = unsafe { Component::deserialize_file(engine, &file) };
        component.inspect_err(|e| tracing::warn!("{}: {e:#}; compiling anew", file.display())).ok()
    }

    pub(super) fn store(&self, component: &Component, digest: &str) {
        let Some(file) = self.file(component.engine(), digest) else { return };
        let temporary = file.with_extension(format!("{}.new", std::process::id()));
        let serialized = component.serialize().map_err(io::Error::other);
        let written =
            serialized.and_then(|bytes| fs::write(&temporary, bytes)).and_then(|()| fs::rename(&temporary, &file));
        if let Err(error) = written {
            tracing::warn!("a compiled module could not be kept: {}: {error}", file.display());
            let _ = fs::remove_file(&temporary);
        }
    }

    fn file(&self, engine: &Engine, digest: &str) -> Option<PathBuf> {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Some(self.directory.as_ref()?.join(format!("{digest}-{:016x}.cwasm", hasher.finish())))
    }
}

fn private(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let metadata = fs::metadata(directory)?;
    let user = rustix::process::geteuid().as_raw();
    if metadata.uid() != user {
        return Err(io::Error::other("it belongs to another user"));
    }
    if metadata.permissions().mode() & 0o022 != 0 {
        return Err(io::Error::other("others can write it; chmod 700 it"));
    }
    Ok(())
}
