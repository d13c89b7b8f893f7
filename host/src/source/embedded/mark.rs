//! A place between two lines of a file, and whether it is still one when others write to the file or replace it.

use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::io::{self, BufRead};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes that are read at once when lines are only counted.
const CHUNK_BYTES: usize = 64 * 1024;

/// Lines between two places that are kept.
const MARK_EVERY: u64 = 4096;

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

/// Places in files as far as their lines were counted, so that none is counted again and again.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks(Arc<Mutex<HashMap<PathBuf, Known>>>);

/// One place every [`MARK_EVERY`] lines of a file.
type Known = Arc<Mutex<Vec<Mark>>>;

impl Marks {
    /// The place in the file before line `until`, or behind the last line that is ended if that comes first.
    pub(super) fn find(&self, path: &Path, file: &File, until: u64) -> io::Result<Mark> {
        let known =
            self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(path.to_owned()).or_default().clone();
        // Whoever is to count the same lines waits for those that are counted.
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        let now = fs::metadata(path)?;
        if let Some(last) = known.last()
            && !last.stands(file, &now)?
        {
            known.clear();
        }
        let nearest = known.partition_point(|mark| mark.line <= until).checked_sub(1).map(|index| known[index]);
        let mut mark = nearest.map_or_else(|| Mark::start(file), Ok)?;
        loop {
            let next = (mark.line / MARK_EVERY + 1) * MARK_EVERY;
            mark.advance(file, until.min(next))?;
            if mark.line < next {
                return Ok(mark);
            }
            if known.last().is_none_or(|last| last.line < next) {
                known.push(mark);
            }
        }
    }

    /// How many lines the file has.
    pub(super) fn lines(&self, path: &Path) -> io::Result<u64> {
        Ok(self.find(path, &File::open(path)?, u64::MAX)?.line)
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
    fn counts_on_from_what_was_counted() {
        let (guard, _) = file_of("a\nb\n");
        let marks = Marks::default();
        let counted = |text: &str| {
            fs::write(guard.path(), text).unwrap();
            marks.lines(guard.path()).unwrap()
        };
        let many = "line\n".repeat(3 * MARK_EVERY as usize);
        let (more, fewer, other) =
            (many.clone() + "a\n", &many[..many.len() / 2], "x".repeat(many.len() + 9) + "\n");
        let texts = ["a\nb\n", "a\nb\nc", "a\nb\nc\n", "", &many, &more, fewer, &many, &other, "a\n"];
        let every = MARK_EVERY;
        assert_eq!(texts.map(counted), [2, 2, 3, 0, 3 * every, 3 * every + 1, 3 * every / 2, 3 * every, 1, 1]);
    }

    #[test]
    fn finds_lines_by_the_places_that_it_keeps() {
        let (guard, file) = file_of(&"line\n".repeat(3 * MARK_EVERY as usize + 7));
        let (end, every) = (3 * MARK_EVERY + 7, MARK_EVERY);
        let marks = Marks::default();
        for until in [every, 1, every + 1, 3 * every, u64::MAX, 2 * every - 1, every, 0, end, end + 1] {
            let mark = marks.find(guard.path(), &file, until).unwrap();
            assert_eq!((mark.line, mark.position), (until.min(end), until.min(end) * 5));
        }
        let kept: Vec<u64> =
            marks.0.lock().unwrap()[guard.path()].lock().unwrap().iter().map(|mark| mark.line).collect();
        assert_eq!(kept, [every, 2 * every, 3 * every]);
    }
}
