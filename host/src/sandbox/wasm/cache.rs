//! Compiled modules on disk, so that a plugin is compiled once on a machine.
//!
//! Loading one is like loading a shared library: whoever can write it can run code here. So the directory is ours
//! alone, and nothing that a user hands in is ever loaded this way.

use std::collections::hash_map::DefaultHasher;
use std::fs::{self, DirBuilder, File};
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

/// The length of the digest that ends a file.
const DIGEST: usize = 32;

/// A directory of compiled modules, or none. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Cache {
    directory: Option<PathBuf>,
    /// Whether it was said that modules can't be kept.
    said: Arc<AtomicBool>,
}

impl Cache {
    /// The cache in a directory, which is made if need be. One that can't be made, or that others can write, is not
    /// used, and a warning says so.
    pub fn new(directory: PathBuf) -> Self {
        match private(&directory) {
            Ok(directory) => Self { directory: Some(directory), said: Arc::default() },
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
        let compiled = match read_whole(&file) {
            Ok(compiled) => compiled,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!("{}: {error}; compiling anew", file.display());
                return None;
            }
        };
        // SAFETY: the directory belongs to this user and nobody else can write it (`private`), so the file is what
        // `store` put there: whole, because its digest says so, and made by an engine of the same compatibility hash,
        // because that is part of its name.
        let component = unsafe { Component::deserialize(engine, &compiled) };
        component.inspect_err(|e| tracing::warn!("{}: {e:#}; compiling anew", file.display())).ok()
    }

    pub(super) fn store(&self, engine: &Engine, machine_code: &[u8], digest: &str) {
        let Some(file) = self.file(engine, digest) else { return };
        // Seeded from the operating system's random source: no other process has the same name.
        let unique = RandomState::new().build_hasher().finish();
        let temporary = file.with_extension(format!("{unique:016x}.new"));
        if let Err(error) = write_whole(machine_code, &temporary, &file) {
            let _ = fs::remove_file(&temporary);
            if !self.said.swap(true, Ordering::Relaxed) {
                tracing::warn!(
                    "compiled modules can't be kept, and are compiled anew at every start: {}: {error} (hint: make \
                     room there, or name another directory by --cache-dir)",
                    file.display()
                );
            }
        }
    }

    fn file(&self, engine: &Engine, digest: &str) -> Option<PathBuf> {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Some(self.directory.as_ref()?.join(format!("{digest}-{:016x}.compiled", hasher.finish())))
    }
}

/// Reads a file, and checks that it is what was written.
fn read_whole(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = fs::read(file)?;
    let damaged = || io::Error::other("it is damaged");
    let digest = bytes.split_off(bytes.len().checked_sub(DIGEST).ok_or_else(damaged)?);
    if *Sha256::digest(&bytes) == *digest { Ok(bytes) } else { Err(damaged()) }
}

/// Writes the bytes with their digest to a file of its own, and gives that its name only once all of it is on the disk.
fn write_whole(bytes: &[u8], temporary: &Path, file: &Path) -> io::Result<()> {
    let mut written = File::create_new(temporary)?;
    written.write_all(bytes)?;
    written.write_all(&Sha256::digest(bytes))?;
    written.sync_all()?;
    fs::rename(temporary, file)
}

/// Makes the directory if need be, and checks that it is ours alone. Gives its path without links.
fn private(directory: &Path) -> io::Result<PathBuf> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let directory = directory.canonicalize()?;
    let metadata = fs::metadata(&directory)?;
    let user = rustix::process::geteuid().as_raw();
    if metadata.uid() != user {
        return Err(io::Error::other("it belongs to another user"));
    }
    if metadata.permissions().mode() & 0o022 != 0 {
        return Err(io::Error::other("others can write it; chmod 700 it"));
    }
    Ok(directory)
}
