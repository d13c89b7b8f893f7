//! One partition of the log, read in order: the lines of its file as events.

use std::io;
use std::path::Path;

use super::line::Decoded;
use super::mark::Marks;
use super::tail::{LINE_BYTES_MAX, Step, Tail};
use super::unavailable;
use crate::event::{Event, TopicPartition};
use crate::source::merge::{self, Head};
use crate::source::{Error, Start};

/// Reads one partition.
#[derive(Debug)]
pub(super) struct Cursor {
    at: TopicPartition,
    /// Index of the topic, which each event carries.
    topic: u32,
    tail: Tail,
    marks: Marks,
    /// The event at the head, if there is one.
    decoded: Decoded,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    /// The next line is to be looked for.
    Unknown,
    /// The next line is decoded.
    Decoded,
    /// There was none. So it stays until `look` sees that the file has changed: to ask the file system for each
    /// event of another partition would cost more than the event.
    End,
}

impl Cursor {
    /// Opens the partition, which `file` holds.
    pub(super) fn open(file: &Path, marks: &Marks, start: Start) -> Result<Self, Error> {
        let Start { at, topic, next, .. } = start;
        let tail = open_tail(file, marks, &at, next.unwrap_or(0))?;
        Ok(Self { at, topic, tail, marks: marks.clone(), decoded: Decoded::default(), state: State::Unknown })
    }

    /// Sees whether there is more behind the end that was found.
    pub(super) fn look(&mut self) {
        if self.state == State::End && self.tail.has_changed() {
            self.state = State::Unknown;
        }
    }

    /// Looks for the next line and decodes it.
    fn step(&mut self) -> Result<(), Error> {
        match self.tail.step().map_err(|cause| unavailable(self.tail.path(), cause))? {
            Step::Line => {
                self.decoded.decode(self.tail.line()).map_err(|reason| self.malformed(reason))?;
                self.state = State::Decoded;
            }
            Step::End => self.state = State::End,
            Step::Stale => self.tail = open_tail(self.tail.path(), &self.marks, &self.at, self.tail.number())?,
            Step::TooLong => return Err(self.malformed(format!("longer than {LINE_BYTES_MAX} bytes"))),
        }
        Ok(())
    }

    fn malformed(&self, reason: String) -> Error {
        Error::Malformed { file: self.tail.path().to_owned(), line: self.tail.number() + 1, reason }
    }
}

impl merge::Cursor for Cursor {
    fn head(&mut self) -> Result<Head, Error> {
        while self.state == State::Unknown {
            self.step()?;
        }
        Ok(match self.state {
            State::Decoded => Head::Event { timestamp: self.decoded.timestamp(), bytes: self.decoded.bytes() },
            State::Unknown | State::End => Head::End,
        })
    }

    fn take(&mut self, take: impl FnOnce(&Event<'_>)) {
        let record = self.decoded.record();
        take(&Event {
            topic: self.topic,
            partition: self.at.partition,
            offset: self.tail.number(),
            timestamp: record.timestamp,
            key: record.key,
            headers: record.headers,
            payload: record.payload,
        });
        self.tail.pass();
        self.state = State::Unknown;
    }
}

fn open_tail(file: &Path, marks: &Marks, at: &TopicPartition, next: u64) -> Result<Tail, Error> {
    let tail = Tail::open(file, marks, next).map_err(|cause: io::Error| unavailable(file, cause))?;
    match tail.number() {
        end if end < next => Err(Error::Shortened { at: at.clone(), next, end }),
        _ => Ok(tail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::merge::Cursor as _;
    use std::fs;

    /// What the cursor gives up to the end: offset, time and payload.
    fn events(cursor: &mut Cursor) -> Result<Vec<(u64, i64, String)>, Error> {
        let mut events = Vec::new();
        while let Head::Event { timestamp, bytes } = cursor.head()? {
            cursor.take(|event| {
                assert_eq!((event.topic, event.partition, event.timestamp), (3, 7, timestamp));
                assert_eq!(event.payload.unwrap_or_default().len(), bytes);
                events.push((event.offset, timestamp, String::from_utf8_lossy(event.payload.unwrap()).into()));
            });
        }
        Ok(events)
    }

    fn open(file: &Path, next: Option<u64>) -> Result<Cursor, Error> {
        Cursor::open(file, &Marks::default(), Start { at: TopicPartition::new("t", 7), topic: 3, next, id: None })
    }

    #[test]
    fn offsets_are_line_numbers() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "{\"payload\":1}\r\n{\"timestamp\":9,\"payload\":[ 2 ]}\n{\"payload\":3").unwrap();
        let mut cursor = open(file.path(), None).unwrap();
        assert_eq!(events(&mut cursor).unwrap(), [(0, -1, "1".into()), (1, 9, "[2]".into())]);
        assert_eq!(events(&mut open(file.path(), Some(1)).unwrap()).unwrap(), [(1, 9, "[2]".into())]);
        assert_eq!(events(&mut open(file.path(), Some(2)).unwrap()).unwrap(), []);
    }

    #[test]
    fn sees_what_comes_when_it_looks() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut cursor = open(file.path(), None).unwrap();
        assert_eq!(cursor.head().unwrap(), Head::End);
        fs::write(file.path(), "{\"payload\":1}\n").unwrap();
        assert_eq!(cursor.head().unwrap(), Head::End);
        cursor.look();
        assert_eq!(events(&mut cursor).unwrap(), [(0, -1, "1".into())]);
    }

    #[test]
    fn a_malformed_line_is_named_and_stays_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "{\"payload\":1}\noops\n").unwrap();
        let mut cursor = open(file.path(), None).unwrap();
        for _ in 0..2 {
            let error = events(&mut cursor).unwrap_err();
            let expected = format!("{}:2: expected value (column 1)", file.path().display());
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn a_log_with_fewer_lines_than_were_read_is_shortened() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "{\"payload\":1}\n{\"payload\":2}\n").unwrap();
        assert!(matches!(open(file.path(), Some(3)), Err(Error::Shortened { next: 3, end: 2, .. })));

        let mut cursor = open(file.path(), None).unwrap();
        assert_eq!(events(&mut cursor).unwrap().len(), 2);
        fs::write(file.path(), "{\"payload\":1}\n").unwrap();
        cursor.look();
        assert!(matches!(cursor.head(), Err(Error::Shortened { next: 2, end: 1, .. })));
    }

    #[test]
    fn a_file_that_an_editor_wrote_anew_goes_on_at_the_same_line() {
        let dir = tempfile::tempdir().unwrap();
        let (file, edited) = (dir.path().join("0.jsonl"), dir.path().join("edited"));
        fs::write(&file, "{\"payload\":1}\n").unwrap();
        let mut cursor = open(&file, None).unwrap();
        assert_eq!(events(&mut cursor).unwrap().len(), 1);

        fs::write(&edited, "{\"payload\":\"one\"}\n{\"payload\":2}\n").unwrap();
        fs::rename(&edited, &file).unwrap();
        cursor.look();
        assert_eq!(events(&mut cursor).unwrap(), [(1, -1, "2".into())]);
    }
}
