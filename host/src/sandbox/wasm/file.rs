//! A plugin's bytes: where they come from, how many they may be, and the name that they give themselves.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::LoadError;
use crate::limits::Limits;

/// Reads a plugin's file, if it is not larger than a plugin may be.
pub fn read(file: &Path, limits: &Limits) -> Result<Vec<u8>, LoadError> {
    let failed = |source| LoadError::Read { file: file.to_owned(), source };
    let opened = File::open(file).map_err(failed)?;
    let length = opened.metadata().map_err(failed)?.len();
    check_size(usize::try_from(length).unwrap_or(usize::MAX), limits)?;
    let mut content = Vec::new();
    opened.take(limits.component_bytes_max as u64).read_to_end(&mut content).map_err(failed)?;
    Ok(content)
}

/// The name of a module: the sha256 digest of a plugin's bytes, in hexadecimal.
pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn check_size(bytes: usize, limits: &Limits) -> Result<(), LoadError> {
    match limits.component_bytes_max {
        limit if bytes > limit => Err(LoadError::TooLarge { bytes, limit }),
        _ => Ok(()),
    }
}
