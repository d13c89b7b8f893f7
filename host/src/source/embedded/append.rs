//! Appends events to a topic: whole lines only, under a lock, so that any number of processes may append at once.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::mark::{self, Mark};
use super::tail::LINE_BYTES_MAX;
use super::{Record, layout, partition_of};
use crate::event::{Reference, TopicPartition};

/// Appends to one topic. Events are first added, then flushed: each partition's in one write.
#[derive(Debug)]
pub struct Appender {
    topic: Arc<str>,
    partitions: Vec<Partition>,
    /// Partition of each event that was added, and its number among those added there.
    added: Vec<(u32, u64)>,
}

/// Why nothing, or not all, was appended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A line can hold text in its headers, nothing else.
    #[error("headers that are not UTF-8")]
    HeadersNotText,
    /// Readers would refuse the line.
    #[error("an event of {0} bytes as a line: {LINE_BYTES_MAX} are possible")]
    TooLong(usize),
    /// The last line of the file is not ended. Nothing was appended.
    #[error("{}:{line}: the last line is not ended", file.display())]
    Torn {
        /// The file.
        file: PathBuf,
        /// The line, from 1 as editors count.
        line: u64,
    },
    /// The file can't be opened or read. Nothing was appended.
    #[error("can't open {}", file.display())]
    Open {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file system took only a part.
    #[error("can't write to {}; {appended} of {added} events were appended", file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// How many events are in the log, in this file or others.
        appended: u64,
        /// How many there should be.
        added: u64,
        /// Why not.
        source: io::Error,
    },
}

impl Error {
    /// What the user can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Error::HeadersNotText => "put other bytes into the payload",
            Error::TooLong(_) => "put large things elsewhere, and where they are into the event",
            Error::Torn { .. } => {
                "end it with a line feed if it is a whole event, else delete it; nothing reads it as it is"
            }
            Error::Open { .. } => "check that it exists and its permissions",
            Error::Write { .. } => "check the space on the disk",
        }
    }
}

impl Appender {
    /// What appends to a topic of that many partitions.
    pub(super) fn new(dir: &Path, topic: &str, partitions: u32) -> Self {
        let partition = |number| Partition { file: layout::file(dir, topic, number), ..Partition::default() };
        Self { topic: topic.into(), partitions: (0..partitions).map(partition).collect(), added: Vec::new() }
    }

    /// How many partitions the topic has.
    pub fn partitions(&self) -> u32 {
        self.partitions.len() as u32
    }

    /// Appends the events and says where they are, in the same order. After an error none is left added.
    pub fn append<'a>(&mut self, records: impl IntoIterator<Item = Record<'a>>) -> Result<Vec<Reference>, Error> {
        for record in records {
            self.add(&record).inspect_err(|_| self.clear())?;
        }
        self.flush()
    }

    /// Adds an event, to be appended by `flush`: to the partition of its key, without one to the smallest.
    pub fn add(&mut self, record: &Record<'_>) -> Result<(), Error> {
        if self.added.is_empty() {
            self.partitions.iter_mut().for_each(Partition::measure);
        }
        let number = match record.key {
            Some(key) => partition_of(key, self.partitions()),
            None => self.smallest(),
        };
        let partition = &mut self.partitions[number as usize];
        self.added.push((number, partition.add(record)?));
        Ok(())
    }

    /// Appends what was added and says where it is, in the same order. After an error none is left added.
    pub fn flush(&mut self) -> Result<Vec<Reference>, Error> {
        let flushed = self.write();
        let references = flushed.map(|firsts| self.references(&firsts));
        self.clear();
        references
    }

    /// Writes what was added and gives the offset, by partition, of the first event written there.
    fn write(&mut self) -> Result<Vec<u64>, Error> {
        // All are locked before one is written, always in this order: so a torn file stops the whole, and no two
        // appenders wait for each other.
        let mut locked = Vec::new();
        for (partition, index) in self.partitions.iter_mut().zip(0..).filter(|(p, _)| p.events > 0) {
            locked.push((index, partition.lock()?));
        }
        let firsts = self.partitions.iter().map(|p| p.end.map_or(0, |end| end.line)).collect();
        let mut appended = 0;
        for (index, file) in locked {
            let partition: &mut Partition = &mut self.partitions[index];
            partition.write(&file).map_err(|(written, source)| Error::Write {
                file: partition.file.clone(),
                appended: appended + written,
                added: self.added.len() as u64,
                source,
            })?;
            appended += partition.events;
        }
        Ok(firsts)
    }

    fn references(&self, firsts: &[u64]) -> Vec<Reference> {
        let reference = |&(partition, index): &(u32, u64)| Reference {
            at: TopicPartition { topic: self.topic.clone(), partition },
            offset: firsts[partition as usize] + index,
        };
        self.added.iter().map(reference).collect()
    }

    fn smallest(&self) -> u32 {
        let sizes = self.partitions.iter().map(|p| p.file_bytes + p.lines.len() as u64);
        sizes.zip(0..).min().map_or(0, |(_, number)| number)
    }

    fn clear(&mut self) {
        self.added.clear();
        self.partitions.iter_mut().for_each(Partition::clear);
    }
}

#[derive(Debug, Default)]
struct Partition {
    file: PathBuf,
    /// Length of the file when the first event was added.
    file_bytes: u64,
    /// What is to be appended: so many events, in so many lines.
    lines: Vec<u8>,
    events: u64,
    /// The end of the file when it was last written to, so that no line is counted twice.
    end: Option<Mark>,
}

impl Partition {
    fn measure(&mut self) {
        // Only a choice among partitions hangs on it: a file that can't be read is told of when it is opened.
        self.file_bytes = fs::metadata(&self.file).map_or(0, |file| file.len());
    }

    fn add(&mut self, record: &Record<'_>) -> Result<u64, Error> {
        let before = self.lines.len();
        let encoded = record.encode(&mut self.lines).map_err(|_| Error::HeadersNotText);
        let fits = encoded.and_then(|()| match self.lines.len() - before {
            bytes if bytes > LINE_BYTES_MAX => Err(Error::TooLong(bytes)),
            _ => Ok(()),
        });
        fits.inspect_err(|_| self.lines.truncate(before))?;
        self.events += 1;
        Ok(self.events - 1)
    }

    /// Opens the file for this appender alone, and finds its end.
    fn lock(&mut self) -> Result<File, Error> {
        let locked = || -> io::Result<_> {
            let file = File::options().read(true).append(true).open(&self.file)?;
            file.lock()?;
            let now = file.metadata()?;
            let end = mark::end(&file, &now, self.end)?;
            Ok((file, end, end.position >= now.len()))
        };
        match locked() {
            Ok((file, end, true)) => {
                self.end = Some(end);
                Ok(file)
            }
            Ok((_, end, false)) => Err(Error::Torn { file: self.file.clone(), line: end.line + 1 }),
            Err(source) => Err(Error::Open { file: self.file.clone(), source }),
        }
    }

    /// Writes the lines. If not all of them fit, says how many are there.
    fn write(&mut self, mut file: &File) -> Result<(), (u64, io::Error)> {
        file.write_all(&self.lines).map_err(|cause| (self.cut_torn_line(file), cause))
    }

    /// Cuts off a line that was written in part, which no reader has seen, and says how many are whole.
    fn cut_torn_line(&mut self, file: &File) -> u64 {
        let before = self.end.map_or(0, |end| end.line);
        let cut = || -> io::Result<u64> {
            let end = mark::end(file, &file.metadata()?, self.end)?;
            file.set_len(end.position)?;
            Ok(end.line - before)
        };
        // If it can't even be cut, the next append says that the line is torn.
        cut().unwrap_or(0)
    }

    fn clear(&mut self) {
        self.lines.clear();
        self.events = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::embedded::EmbeddedLog;

    fn topic(partitions: u32) -> (tempfile::TempDir, EmbeddedLog) {
        let dir = tempfile::tempdir().unwrap();
        let log = EmbeddedLog::new(dir.path());
        log.create("t", partitions).unwrap();
        (dir, log)
    }

    fn record(key: Option<&str>) -> Record<'_> {
        Record { key: key.map(str::as_bytes), timestamp: -1, headers: b"", payload: Some(b"1") }
    }

    fn places(references: &[Reference]) -> Vec<(u32, u64)> {
        references.iter().map(|r| (r.at.partition, r.offset)).collect()
    }

    #[test]
    fn says_where_each_event_is() {
        let (dir, log) = topic(4);
        let mut appender = log.appender("t").unwrap();
        let keys = ["a", "b", "c", "d", "a", "b"];
        let partitions = keys.map(|key| partition_of(key.as_bytes(), 4));
        let first = appender.append(keys.map(|key| record(Some(key)))).unwrap();
        let second = appender.append([record(Some("a"))]).unwrap();
        let third = log.appender("t").unwrap().append([record(Some("a"))]).unwrap();

        for (index, place) in places(&first).into_iter().enumerate() {
            let before = partitions[..index].iter().filter(|p| **p == partitions[index]).count();
            assert_eq!(place, (partitions[index], before as u64));
        }
        let lines =
            fs::read_to_string(layout::file(dir.path(), "t", partitions[0])).unwrap().lines().count() as u64;
        assert_eq!(places(&third), [(partitions[0], lines - 1)]);
        assert_eq!(places(&second), [(partitions[0], lines - 2)]);
        assert_eq!(first[0].to_string(), format!("t/{}@0", partitions[0]));
    }

    #[test]
    fn without_a_key_the_smallest_file_is_taken() {
        let (dir, log) = topic(3);
        fs::write(layout::file(dir.path(), "t", 0), "{\"payload\":1}\n{\"payload\":1}\n").unwrap();
        let appended = log.appender("t").unwrap().append([record(None); 5]).unwrap();
        assert_eq!(places(&appended), [(1, 0), (2, 0), (1, 1), (2, 1), (0, 2)]);
    }

    #[test]
    fn a_torn_line_stops_the_whole() {
        let (dir, log) = topic(2);
        fs::write(layout::file(dir.path(), "t", 1), "{\"payload\":1}\n{\"payl").unwrap();
        let mut appender = log.appender("t").unwrap();
        let error = appender.append([record(None); 9]).unwrap_err();
        assert!(error.to_string().ends_with("t/1.jsonl:2: the last line is not ended"), "{error}");
        assert_eq!(fs::read(layout::file(dir.path(), "t", 0)).unwrap(), b"");

        fs::write(layout::file(dir.path(), "t", 1), "{\"payload\":1}\n").unwrap();
        assert_eq!(places(&appender.append([record(None)]).unwrap()), [(0, 0)]);
    }

    #[test]
    fn an_event_that_no_line_can_hold_leaves_nothing_behind() {
        let (dir, log) = topic(1);
        let mut appender = log.appender("t").unwrap();
        let refused = appender.append([record(None), Record { headers: b"x", ..record(None) }]);
        assert!(matches!(refused, Err(Error::HeadersNotText)));
        let long = vec![b' '; LINE_BYTES_MAX];
        let refused = appender.append([record(None), Record { payload: Some(&long), ..record(None) }]);
        assert!(matches!(refused, Err(Error::TooLong(_))));
        assert_eq!(places(&appender.append([record(None)]).unwrap()), [(0, 0)]);
        assert_eq!(fs::read(layout::file(dir.path(), "t", 0)).unwrap(), b"{\"payload\":1}\n");
    }

    #[test]
    fn a_line_that_was_written_in_part_is_cut_off() {
        let (dir, log) = topic(1);
        let mut appender = log.appender("t").unwrap();
        appender.append([record(None)]).unwrap();
        let partition = &mut appender.partitions[0];
        let file = partition.lock().unwrap();
        (&file).write_all(b"{\"payload\":2}\n{\"pay").unwrap();

        assert_eq!(partition.cut_torn_line(&file), 1);
        let left = fs::read_to_string(layout::file(dir.path(), "t", 0)).unwrap();
        assert_eq!(left, "{\"payload\":1}\n{\"payload\":2}\n");
    }

    #[test]
    fn appenders_share_a_topic() {
        let (_dir, log) = topic(2);
        let append = || {
            let mut appender = log.appender("t").unwrap();
            (0..50).flat_map(|_| places(&appender.append([record(None); 7]).unwrap())).collect::<Vec<_>>()
        };
        let mut all = std::thread::scope(|scope| {
            let threads = [scope.spawn(append), scope.spawn(append), scope.spawn(append)];
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        all.sort_unstable();
        let expected: Vec<(u32, u64)> = all
            .chunk_by(|a, b| a.0 == b.0)
            .zip(0..)
            .flat_map(|(of, partition)| (0..of.len() as u64).map(move |offset| (partition, offset)))
            .collect();
        assert_eq!(all.len(), 3 * 50 * 7);
        assert_eq!(all, expected);
    }
}
