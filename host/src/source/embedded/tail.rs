//! The lines of a file that may grow: read in large chunks, lent one at a time from the memory they were read into.
//! Never gives a line that is not ended, nor keeps any of it: it is read again when the file has grown.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::mark::{Mark, Marks, line_bytes};

/// Bytes that are read at once, unless a line is longer.
const CHUNK_BYTES: usize = 256 * 1024;

/// The longest line.
pub(super) const LINE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Reads the lines of one file.
#[derive(Debug)]
pub(super) struct Tail {
    path: PathBuf,
    file: File,
    /// Before the next line.
    next: Mark,
    /// What was read; of it `unread` is still to be given, from the next line on.
    window: Vec<u8>,
    unread: std::ops::Range<usize>,
    /// Of the next line with its end, once that is found.
    line_bytes: usize,
    /// Of the file, when last looked at.
    file_bytes: u64,
}

/// What a tail finds when it looks for the next line.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    /// A line, which [`Tail::line`] lends.
    Line,
    /// No more lines at present.
    End,
    /// The file is no longer the one that was read, or was changed before the next line: open it anew.
    Stale,
    /// A line longer than [`LINE_BYTES_MAX`].
    TooLong,
}

impl Tail {
    /// Opens the file before line `next`, or behind the last line if it has no more.
    pub(super) fn open(path: &Path, marks: &Marks, next: u64) -> io::Result<Self> {
        let file = File::open(path)?;
        Ok(Self {
            path: path.to_owned(),
            next: marks.find(path, &file, next)?,
            file,
            window: Vec::new(),
            unread: 0..0,
            line_bytes: 0,
            file_bytes: 0,
        })
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Number of the next line, from 0.
    pub(super) fn number(&self) -> u64 {
        self.next.line
    }

    /// Looks for the next line. The same again, until it is passed.
    pub(super) fn step(&mut self) -> io::Result<Step> {
        let mut searched = 0;
        loop {
            let unread = &self.window[self.unread.clone()];
            if let Some(bytes) = line_bytes(&unread[searched..]) {
                self.line_bytes = searched + bytes;
                return Ok(Step::Line);
            }
            searched = unread.len();
            if let Some(outcome) = self.fetch()? {
                return Ok(outcome);
            }
        }
    }

    /// The next line without its end, if that is what the last step found.
    pub(super) fn line(&self) -> &[u8] {
        &self.window[self.unread.start..self.unread.start + self.line_bytes - 1]
    }

    /// Moves over the line that the last step found.
    pub(super) fn pass(&mut self) {
        self.next.pass(self.line_bytes);
        self.unread.start += self.line_bytes;
    }

    /// Whether another step may find more than the end that the last one found.
    pub(super) fn has_changed(&self) -> bool {
        // A file that can't be looked at has changed too: the next step says how.
        fs::metadata(&self.path).map_or(true, |now| now.len() != self.file_bytes || self.next.is_elsewhere(&now))
    }

    /// Reads on. None if there is more than before.
    fn fetch(&mut self) -> io::Result<Option<Step>> {
        let now = fs::metadata(&self.path)?;
        if !self.next.stands(&self.file, &now)? {
            return Ok(Some(Step::Stale));
        }
        self.file_bytes = now.len();
        if self.unread.len() > LINE_BYTES_MAX {
            return Ok(Some(Step::TooLong));
        }
        self.make_room();
        let from = self.next.position + self.unread.end as u64;
        let read = self.file.read_at(&mut self.window[self.unread.end..], from)?;
        if read == 0 {
            self.unread = 0..0;
            return Ok(Some(Step::End));
        }
        self.unread.end += read;
        Ok(None)
    }

    /// Moves what is unread to the front, and has at least as much room behind it.
    fn make_room(&mut self) {
        self.window.copy_within(self.unread.clone(), 0);
        self.unread = 0..self.unread.len();
        let window_bytes = CHUNK_BYTES.max(self.unread.end * 2);
        self.window.resize(window_bytes, 0);
        self.window.shrink_to(2 * CHUNK_BYTES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    struct Log(tempfile::TempDir);

    impl Log {
        fn of(text: &str) -> Self {
            let log = Self(tempfile::tempdir().unwrap());
            fs::write(log.path(), text).unwrap();
            log
        }

        fn path(&self) -> PathBuf {
            self.0.path().join("0.jsonl")
        }

        fn append(&self, text: &str) {
            File::options().append(true).open(self.path()).unwrap().write_all(text.as_bytes()).unwrap();
        }
    }

    fn open(log: &Log, next: u64) -> Tail {
        Tail::open(&log.path(), &Marks::default(), next).unwrap()
    }

    /// The lines up to the end.
    fn lines(tail: &mut Tail) -> Vec<String> {
        let mut lines = Vec::new();
        while tail.step().unwrap() == Step::Line {
            assert_eq!(tail.step().unwrap(), Step::Line);
            lines.push(String::from_utf8(tail.line().to_owned()).unwrap());
            tail.pass();
        }
        assert_eq!(tail.step().unwrap(), Step::End);
        lines
    }

    #[test]
    fn gives_lines_as_they_are_ended() {
        let log = Log::of("a\n\nb");
        let mut tail = open(&log, 0);
        assert_eq!(lines(&mut tail), ["a", ""]);
        assert!(!tail.has_changed());

        log.append("c");
        assert!(tail.has_changed());
        assert_eq!(lines(&mut tail), [""; 0]);
        log.append("\nd\n");
        assert_eq!(lines(&mut tail), ["bc", "d"]);
        assert_eq!(tail.number(), 4);
    }

    #[test]
    fn begins_where_it_is_told() {
        let log = Log::of("a\nb\nc\n");
        assert_eq!(lines(&mut open(&log, 2)), ["c"]);
        assert_eq!(open(&log, 9).number(), 3);
    }

    #[test]
    fn lines_across_and_beyond_chunks() {
        let expected: Vec<String> =
            (0..40).map(|n| n.to_string().repeat([1, 50_000, CHUNK_BYTES, 3 * CHUNK_BYTES][n % 4])).collect();
        let log = Log::of(&(expected.join("\n") + "\n"));
        let mut tail = open(&log, 0);
        assert!(lines(&mut tail) == expected);
        assert_eq!(tail.window.len(), CHUNK_BYTES);
    }

    #[test]
    fn a_torn_line_may_change_until_it_is_ended() {
        let log = Log::of("a\nfirst thou");
        let mut tail = open(&log, 0);
        assert_eq!(lines(&mut tail), ["a"]);
        File::options().write(true).open(log.path()).unwrap().set_len(2).unwrap();
        log.append("second\n");
        assert_eq!(lines(&mut tail), ["second"]);
    }

    #[test]
    fn another_or_a_shorter_file_is_stale() {
        let log = Log::of("a\nb\n");
        let mut tail = open(&log, 1);
        assert_eq!(lines(&mut tail), ["b"]);
        fs::write(log.path(), "a\n").unwrap();
        assert!(tail.has_changed());
        assert_eq!(tail.step().unwrap(), Step::Stale);

        let mut tail = open(&log, 1);
        assert_eq!(lines(&mut tail), [""; 0]);
        let other = Log::of("x\n");
        fs::rename(other.path(), log.path()).unwrap();
        assert!(tail.has_changed());
        assert_eq!(tail.step().unwrap(), Step::Stale);
    }

    #[test]
    fn a_file_that_vanishes_is_an_error() {
        let log = Log::of("a\n");
        let mut tail = open(&log, 0);
        assert_eq!(lines(&mut tail), ["a"]);
        fs::remove_file(log.path()).unwrap();
        assert!(tail.has_changed());
        assert_eq!(tail.step().unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_line_has_a_longest_length() {
        let log = Log::of("a\n");
        let mut tail = open(&log, 1);
        File::options().write(true).open(log.path()).unwrap().set_len(LINE_BYTES_MAX as u64 + 10).unwrap();
        assert_eq!(tail.step().unwrap(), Step::TooLong);
    }
}
