//! A place between two lines of a file, and whether it is still one when others write to the file or replace it.

use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::io::{self, BufRead};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes that are read at once when lines are only counted.
const CHUNK_BYTES: usize = 64 * 1024;

/// The place before a line.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mark {
    /// Device and inode: a file of the same name may be another one.
    identity: (u64, u64),
    /// Bytes before the line.
    pub(super) position: u64,
    /// Number of the line, from 0.
    pub(super) line: u64,
}

impl Mark {
    /// The place before the first line.
    pub(super) fn start(file: &File) -> io::Result<Self> {
        Ok(Self { identity: identity(&file.metadata()?), position: 0, line: 0 })
    }

    /// Whether the place is still one between two lines of `file`, which `now` stands under its name. What is before
    /// it is taken to be the same as ever, as long as a line still ends there.
    pub(super) fn stands(&self, file: &File, now: &Metadata) -> io::Result<bool> {
        if self.identity != identity(now) || now.len() < self.position {
            return Ok(false);
        }
        let mut border = [b'\n'];
        if self.position > 0 {
            file.read_exact_at(&mut border, self.position - 1)?;
        }
        Ok(border == [b'\n'])
    }

    /// Whether `now` is another file than the one that it was made for.
    pub(super) fn is_elsewhere(&self, now: &Metadata) -> bool {
        self.identity != identity(now)
    }

    /// Moves over one line.
    pub(super) fn pass(&mut self, line_bytes: usize) {
        self.position += line_bytes as u64;
        self.line += 1;
    }

    /// Moves on to line `until`, or behind the last line that is ended if that comes first.
    pub(super) fn advance(&mut self, file: &File, until: u64) -> io::Result<()> {
        let mut chunk = [0; CHUNK_BYTES];
        let (mut line, mut read_to) = (self.line, self.position);
        while line < until {
            let read = file.read_at(&mut chunk, read_to)?;
            let (lines, bytes) = count_lines(&chunk[..read], until - line);
            if lines > 0 {
                line += lines;
                *self = Self { position: read_to + bytes as u64, line, ..*self };
            }
            if read == 0 {
                break;
            }
            read_to += read as u64;
        }
        Ok(())
    }
}

/// How many lines end in the bytes, at most `lines_max`, and where the last of them ends.
fn count_lines(bytes: &[u8], lines_max: u64) -> (u64, usize) {
    // Sums of bytes in blocks that can't overflow them: many bytes are compared and added in one step.
    let ends_in = |block: &[u8]| u64::from(block.iter().map(|b| u8::from(*b == b'\n')).sum::<u8>());
    let count: u64 = bytes.chunks(u8::MAX.into()).map(ends_in).sum();
    if count <= lines_max {
        let end = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |last| last + 1);
        return (count, end);
    }
    let mut rest = bytes;
    (0..lines_max).for_each(|_| rest = &rest[line_bytes(rest).expect("there are more lines")..]);
    (lines_max, bytes.len() - rest.len())
}

/// Bytes of the first line with its end, if it is ended.
pub(super) fn line_bytes(bytes: &[u8]) -> Option<usize> {
    let mut rest = bytes;
    let passed = rest.skip_until(b'\n').expect("memory can be read");
    bytes[..passed].ends_with(b"\n").then_some(passed)
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// The ends of files as far as they were counted, so that only what has come since is read again.
#[derive(Clone, Debug, Default)]
pub(super) struct Ends(Arc<Mutex<HashMap<PathBuf, Mark>>>);

impl Ends {
    /// How many lines the file has.
    pub(super) fn of(&self, path: &Path) -> io::Result<u64> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(path).copied();
        let file = File::open(path)?;
        let end = end(&file, &fs::metadata(path)?, known)?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), end);
        Ok(end.line)
    }
}

/// The place behind the last line that is ended, counted from one that is known if it still stands.
pub(super) fn end(file: &File, now: &Metadata, known: Option<Mark>) -> io::Result<Mark> {
    let mut mark = match known {
        Some(mark) if mark.stands(file, now)? => mark,
        _ => Mark::start(file)?,
    };
    mark.advance(file, u64::MAX)?;
    Ok(mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file_of(text: &str) -> (tempfile::NamedTempFile, File) {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        let opened = File::open(file.path()).unwrap();
        (file, opened)
    }

    fn at(file: &File, until: u64) -> (u64, u64) {
        let mut mark = Mark::start(file).unwrap();
        mark.advance(file, until).unwrap();
        (mark.line, mark.position)
    }

    #[test]
    fn counts_the_lines_that_are_ended() {
        let (_guard, file) = file_of("a\n\nccc\ntorn");
        assert_eq!([0, 1, 2, 3, 4].map(|until| at(&file, until)), [(0, 0), (1, 2), (2, 3), (3, 7), (3, 7)]);
        assert_eq!(at(&file_of("").1, 9), (0, 0));
        assert_eq!(at(&file_of("torn").1, 9), (0, 0));
    }

    #[test]
    fn counts_across_chunks() {
        let line = "x".repeat(999) + "\n";
        let (_guard, file) = file_of(&(line.repeat(500) + &"y".repeat(2 * CHUNK_BYTES) + "\n" + &line));
        assert_eq!(at(&file, 321), (321, 321_000));
        assert_eq!(at(&file, u64::MAX), (502, 501_000 + 2 * CHUNK_BYTES as u64 + 1));
    }

    #[test]
    fn stands_as_long_as_a_line_ends_there_in_the_same_file() {
        let (guard, file) = file_of("a\nb\n");
        let mut mark = Mark::start(&file).unwrap();
        mark.advance(&file, 1).unwrap();
        let stands = || mark.stands(&file, &fs::metadata(guard.path()).unwrap()).unwrap();
        assert!(stands());
        for (text, expected) in [("a\nb\nc\n", true), ("x\n", true), ("long\nb\n", false), ("a", false)] {
            fs::write(guard.path(), text).unwrap();
            assert_eq!(stands(), expected, "{text:?}");
        }
        let other = file_of("a\nb\n").0;
        fs::rename(other.path(), guard.path()).unwrap();
        assert!(!stands());
    }

    #[test]
    fn ends_go_on_from_what_was_counted() {
        let (guard, _) = file_of("a\nb\n");
        let ends = Ends::default();
        let counted = |text: &str| {
            fs::write(guard.path(), text).unwrap();
            ends.of(guard.path()).unwrap()
        };
        let texts = ["a\nb\n", "a\nb\nc", "a\nb\nc\n", "", "a\n"];
        assert_eq!(texts.map(counted), [2, 2, 3, 0, 1]);
    }
}
