//! Files brought into the machine's memory. What nobody has read for a while may be on the disk only, soon on some machines; who
//! reads it next would pay for that, and in a benchmark that depends on whose turn was before.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Reads a file, or all files of a folder and its folders, once through. What vanishes meanwhile is passed over.
pub fn page_in(path: &Path) -> io::Result<()> {
    let result = if path.is_dir() {
        fs::read_dir(path)?.try_for_each(|entry| page_in(&entry?.path()))
    } else {
        File::open(path).and_then(|mut file| io::copy(&mut file, &mut io::sink())).map(drop)
    };
    result.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}
