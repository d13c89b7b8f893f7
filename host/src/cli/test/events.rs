//! The events that a test plays: which files they come from, and where in them each one stands.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cli::UserError;
use crate::cli::operate::nearest;
use crate::event::{Batch, Event, Reference, TopicPartition};
use crate::source::embedded::{Decoded, partition_of};
use crate::source::memory::MemoryLog;

/// Bytes of files that one test takes: all of their events are in memory, several times.
const BYTES_MAX: u64 = 1 << 30;

const EVENT_HINT: &str = "one event a line: {\"key\":…,\"timestamp\":…,\"headers\":{…},\"payload\":…}";
const FORM: &str = "write TOPIC=FILE or TOPIC/PARTITION=FILE";

/// Events that the user has chosen.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Chosen {
    topic: String,
    partition: Option<u32>,
    path: PathBuf,
}

/// The events, and where they stand.
pub(super) struct Given {
    pub(super) log: MemoryLog,
    /// File and line of each event of a partition, in the order of their offsets.
    places: BTreeMap<TopicPartition, Vec<(Arc<Path>, usize)>>,
}

/// `TOPIC=FILE` or `TOPIC/PARTITION=FILE`.
pub(super) fn parse(text: &str) -> Result<Chosen, String> {
    let (place, path) = text.split_once('=').ok_or_else(|| format!("it has no `=`; {FORM}"))?;
    let (topic, partition) = match place.split_once('/') {
        Some((topic, partition)) => {
            let number = partition.parse().ok().filter(|number| *number < 256);
            (
                topic,
                Some(number.ok_or_else(|| format!("`{partition}` is no partition, which are 0 to 255; {FORM}"))?),
            )
        }
        None => (place, None),
    };
    if topic.is_empty() || path.is_empty() {
        return Err(format!("a part is empty; {FORM}"));
    }
    Ok(Chosen { topic: topic.to_owned(), partition, path: path.into() })
}

impl Given {
    /// Reads the events. Those without a partition go to the one of their key, those without a key to each in turn.
    pub(super) fn read(chosen: &[Chosen], topics: &[String], partitions: u32) -> Result<Self, UserError> {
        let mut reading = Reading { partitions, ..Reading::default() };
        for Chosen { topic, partition, path } in chosen {
            if !topics.contains(topic) {
                let all = topics.join(", ");
                let hint = match nearest(topic, topics) {
                    Some(other) => format!("did you mean `{other}`? It reads {all}"),
                    None => format!("it reads {all}"),
                };
                return Err(UserError::usage(format!("the plugin does not read topic `{topic}`"), hint));
            }
            for (partition, file) in files(path, *partition)? {
                reading.read(topic, partition, &file)?;
            }
        }
        let Reading { events, places, .. } = reading;
        Ok(Self { log: MemoryLog::new(events), places })
    }

    /// How many events there are.
    pub(super) fn count(&self) -> usize {
        self.places.values().map(Vec::len).sum()
    }

    /// How many partitions have events.
    pub(super) fn partitions(&self) -> usize {
        self.places.len()
    }

    /// `FILE:LINE` of an event.
    pub(super) fn line(&self, event: &Reference) -> Option<String> {
        let places = self.places.get(&event.at)?;
        let (file, line) = places.get(usize::try_from(event.offset).ok()?)?;
        Some(format!("{}:{line}", file.display()))
    }
}

/// The files of a path, and the partition that each is of, if it is of one.
fn files(path: &Path, partition: Option<u32>) -> Result<Vec<(Option<u32>, PathBuf)>, UserError> {
    if !path.is_dir() {
        return Ok(vec![(partition, path.to_owned())]);
    }
    let failed = |error: std::io::Error| cannot_read(path, &error);
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        let stem = file.file_stem().and_then(|stem| stem.to_str());
        let number = stem.filter(|_| file.extension().is_some_and(|end| end == "jsonl"));
        if let Some(number) = number.and_then(|number| number.parse().ok()) {
            files.push((Some(number), file));
        }
    }
    files.sort();
    if files.is_empty() {
        let message = format!("{} has no events", path.display());
        return Err(UserError::usage(message, "a topic's directory has the files 0.jsonl, 1.jsonl and so on"));
    }
    Ok(files)
}

fn cannot_read(path: &Path, error: &std::io::Error) -> UserError {
    UserError::failure(format!("cannot read {}: {error}", path.display()), "check the path and who may read it")
}

#[derive(Default)]
struct Reading {
    partitions: u32,
    events: BTreeMap<TopicPartition, Batch>,
    places: BTreeMap<TopicPartition, Vec<(Arc<Path>, usize)>>,
    without_key: u32,
    bytes: u64,
}

impl Reading {
    fn read(&mut self, topic: &str, partition: Option<u32>, path: &Path) -> Result<(), UserError> {
        self.bytes += fs::metadata(path).map_err(|error| cannot_read(path, &error))?.len();
        if self.bytes > BYTES_MAX {
            let message = format!("with {} the events have {} bytes; 1 GiB are taken", path.display(), self.bytes);
            return Err(UserError::usage(message, "test with fewer events; a rebuild is for all of them"));
        }
        let content = fs::read(path).map_err(|error| cannot_read(path, &error))?;
        let lines = content.strip_suffix(b"\n").unwrap_or(&content);
        if lines.is_empty() {
            return Ok(());
        }
        let (file, mut decoded) = (Arc::<Path>::from(path), Decoded::default());
        for (line, number) in lines.split(|byte| *byte == b'\n').zip(1..) {
            decoded.decode(line).map_err(|reason| {
                UserError::failure(format!("{}:{number}: {reason}", path.display()), EVENT_HINT)
            })?;
            self.add(topic, partition, &decoded, (file.clone(), number));
        }
        Ok(())
    }

    fn add(&mut self, topic: &str, partition: Option<u32>, decoded: &Decoded, place: (Arc<Path>, usize)) {
        let record = decoded.record();
        let partition = partition.unwrap_or_else(|| match record.key {
            Some(key) => partition_of(key, self.partitions),
            None => {
                self.without_key += 1;
                (self.without_key - 1) % self.partitions
            }
        });
        let at = TopicPartition::new(topic, partition);
        let places = self.places.entry(at.clone()).or_default();
        self.events.entry(at).or_default().push(&Event {
            topic: 0,
            partition,
            offset: places.len() as u64,
            timestamp: record.timestamp,
            key: record.key,
            headers: record.headers,
            payload: record.payload,
        });
        places.push(place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_user_chooses() {
        let chosen =
            |topic: &str, partition, path: &str| Chosen { topic: topic.into(), partition, path: path.into() };
        assert_eq!(parse("a=b=c.jsonl"), Ok(chosen("a", None, "b=c.jsonl")));
        assert_eq!(parse("a/7=dir/b.jsonl"), Ok(chosen("a", Some(7), "dir/b.jsonl")));
        assert_eq!(parse("a"), Err(format!("it has no `=`; {FORM}")));
        assert_eq!(parse("=x"), Err(format!("a part is empty; {FORM}")));
        assert_eq!(parse("a/x=b"), Err(format!("`x` is no partition, which are 0 to 255; {FORM}")));
    }

    #[test]
    fn an_event_is_found_in_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("e.jsonl");
        fs::write(
            &file,
            "{\"key\":\"a\",\"payload\":1}\n{\"key\":\"b\",\"payload\":2}\n{\"key\":\"a\",\"payload\":3}\n",
        )
        .unwrap();
        let chosen = [Chosen { topic: "t".into(), partition: Some(3), path: file.clone() }];
        let given = Given::read(&chosen, &["t".into()], 8).unwrap();
        let third = Reference { at: TopicPartition::new("t", 3), offset: 2 };
        assert_eq!((given.count(), given.line(&third)), (3, Some(format!("{}:3", file.display()))));
    }
}
