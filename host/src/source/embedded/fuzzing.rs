//! What of the embedded log the fuzz targets reach: a file of any bytes, read line by line and as a reader does.

use std::cell::LazyCell;
use std::fs;

use super::cursor::Cursor;
use super::mark::Marks;
use super::{Decoded, Record, compact_json};
use crate::event::{Event, TopicPartition};
use crate::source::merge::{Cursor as _, Head};
use crate::source::{Error, Start};

/// A partition's file, none of whose bytes is trusted. Whether every line of it is an event.
pub fn log_line(bytes: &[u8]) -> bool {
    let lines: Vec<&[u8]> = bytes.split_inclusive(|b| *b == b'\n').filter_map(|l| l.strip_suffix(b"\n")).collect();
    let events: Vec<Owned> = lines.iter().map_while(|line| event(line)).collect();
    let next = bytes.len() as u64 % (lines.len() as u64 + 2);
    read_from(bytes, next, &lines, &events);
    if let Ok(text) = std::str::from_utf8(bytes) {
        payload(text);
    }
    !lines.is_empty() && events.len() == lines.len()
}

/// An event with bytes of its own.
#[derive(Debug, PartialEq)]
struct Owned {
    key: Option<Vec<u8>>,
    timestamp: i64,
    headers: Vec<u8>,
    payload: Option<Vec<u8>>,
}

impl Owned {
    fn of(record: &Record<'_>) -> Self {
        Self {
            key: record.key.map(Into::into),
            timestamp: record.timestamp,
            headers: record.headers.into(),
            payload: record.payload.map(Into::into),
        }
    }

    fn of_event(event: &Event<'_>) -> Self {
        let Event { timestamp, key, headers, payload, .. } = *event;
        Self::of(&Record { key, timestamp, headers, payload })
    }
}

/// The event of a line, which comes back as it was when it is written again.
fn event(line: &[u8]) -> Option<Owned> {
    let mut decoded = Decoded::default();
    decoded.decode(line).ok()?;
    let event = Owned::of(&decoded.record());
    let mut written = Vec::new();
    decoded.record().encode(&mut written).expect("what came from a line is text");
    let written = written.strip_suffix(b"\n").expect("a line is ended");
    assert!(!written.contains(&b'\n'), "a line is one line");
    decoded.decode(written).expect("a line that was written can be read");
    assert_eq!(Owned::of(&decoded.record()), event);
    let mut again = Vec::new();
    decoded.record().encode(&mut again).expect("what came from a line is text");
    assert_eq!(again.strip_suffix(b"\n"), Some(written), "there is one way to write an event");
    Some(event)
}

thread_local! {
    static FILE: LazyCell<tempfile::NamedTempFile> =
        LazyCell::new(|| tempfile::NamedTempFile::new().expect("there is room for a file"));
}

/// Reads the file from a line on: the events up to the first line that is none.
fn read_from(bytes: &[u8], next: u64, lines: &[&[u8]], events: &[Owned]) {
    let path = FILE.with(|file| file.path().to_owned());
    fs::write(&path, bytes).expect("there is room for it");
    let marks = Marks::default();
    assert_eq!(marks.lines(&path).expect("it is there"), lines.len() as u64);
    let start = Start { at: TopicPartition::new("t", 0), topic: 0, next: Some(next), id: None };
    let mut cursor = match Cursor::open(&path, &marks, start) {
        Ok(cursor) => cursor,
        Err(Error::Shortened { end, .. }) => {
            assert!(end < next && end == lines.len() as u64);
            return;
        }
        Err(other) => panic!("{other}"),
    };
    let mut at = next;
    loop {
        match cursor.head() {
            Ok(Head::Event { timestamp, .. }) => cursor.take(|event| {
                assert_eq!((event.offset, event.timestamp), (at, timestamp));
                if let Some(expected) = events.get(at as usize) {
                    assert_eq!(Owned::of_event(event), *expected);
                }
                at += 1;
            }),
            Ok(_) => return assert_eq!(at, lines.len() as u64),
            Err(Error::Malformed { line, .. }) => {
                assert_eq!(line, at + 1);
                return assert!(Decoded::default().decode(lines[at as usize]).is_err());
            }
            Err(other) => panic!("{other}"),
        }
    }
}

/// A payload means the same without its white space.
fn payload(text: &str) {
    let Ok(Some(compact)) = compact_json(text) else { return };
    let value = |json: &[u8]| serde_json::from_slice::<serde_json::Value>(json).ok();
    assert_eq!(value(&compact), value(text.as_bytes()));
    let compact = std::str::from_utf8(&compact).expect("JSON is text");
    assert_eq!(compact_json(compact).expect("it is JSON").as_deref(), Some(compact.as_bytes()));
}
