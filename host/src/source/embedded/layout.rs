//! Where topics and partitions stand in the directory, and what may not stand there.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::event::TopicPartition;
use crate::source;

/// The most partitions of a topic; each costs its readers an open file.
pub const PARTITIONS_MAX: u32 = 256;

/// The longest name of a topic, as in Kafka.
const NAME_BYTES_MAX: usize = 249;

/// Where a topic is made before it is moved to its place. No topic can have this name.
const CREATING: &str = ".creating~";

/// What is wrong with a topic or its directory.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No topic can have this name.
    #[error("`{topic}` can't be the name of a topic: {reason}")]
    IllegalName {
        /// The name.
        topic: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The topic is not there.
    #[error("topic `{topic}` does not exist in log:{}", dir.display())]
    NoSuchTopic {
        /// Its name.
        topic: String,
        /// The log.
        dir: PathBuf,
    },
    /// The topic has no such partition.
    #[error("topic partition {at} does not exist")]
    NoSuchPartition {
        /// The partition.
        at: TopicPartition,
    },
    /// The topic is there already.
    #[error("topic `{topic}` exists already")]
    TopicExists {
        /// Its name.
        topic: String,
    },
    /// Partitions are numbered from 0 without holes.
    #[error("{} is missing between the partitions of its topic", file.display())]
    Hole {
        /// The file that should be there.
        file: PathBuf,
    },
    /// A file that looks like a partition and is none.
    #[error("{} is no partition: their files are 0.jsonl, 1.jsonl and so on", file.display())]
    Stray {
        /// The file.
        file: PathBuf,
    },
    /// A topic has at least one partition and not too many.
    #[error("a topic can't have {0} partitions: from 1 to {PARTITIONS_MAX} are possible")]
    Count(u32),
    /// The file system refused.
    #[error("can't use {}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl Error {
    /// What the user can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Error::IllegalName { .. } => "use letters, digits, `.`, `_` and `-`, as Kafka does",
            Error::NoSuchTopic { .. } => "`lantern emit TOPIC` creates it",
            Error::NoSuchPartition { .. } => "co-partitioned topics need the same number of partitions",
            Error::TopicExists { .. } => "its number of partitions is fixed",
            Error::Hole { .. } => "create it, empty, or restore it",
            Error::Stray { .. } => "rename it, or move it elsewhere",
            Error::Count(_) => "name another number",
            Error::Io { .. } => "check that it exists and its permissions",
        }
    }
}

impl From<Error> for source::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::NoSuchTopic { topic, dir } => {
                Self::NoSuchTopic { topic, what: format!("log:{}", dir.display()) }
            }
            Error::IllegalName { topic, reason } => {
                Self::NoSuchTopic { topic, what: format!("an embedded log ({reason})") }
            }
            Error::NoSuchPartition { at } => Self::NoSuchPartition { at },
            Error::Io { path, source } => {
                Self::Unavailable { what: path.display().to_string(), source: source.into() }
            }
            Error::Hole { ref file } | Error::Stray { ref file } => {
                Self::Layout { directory: file.parent().unwrap_or(file).to_owned(), reason: error.to_string() }
            }
            Error::TopicExists { .. } | Error::Count(_) => {
                Self::Layout { directory: PathBuf::new(), reason: error.to_string() }
            }
        }
    }
}

/// How many partitions a topic has.
pub(super) fn partitions(dir: &Path, topic: &str) -> Result<u32, Error> {
    check_name(topic)?;
    let no_such_topic = || Error::NoSuchTopic { topic: topic.to_owned(), dir: dir.to_owned() };
    let topic_dir = dir.join(topic);
    let entries = match fs::read_dir(&topic_dir) {
        Ok(entries) => entries,
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Err(no_such_topic());
        }
        Err(source) => return Err(Error::Io { path: topic_dir, source }),
    };
    let mut numbers = Vec::new();
    for entry in entries {
        let name = entry.map_err(|source| Error::Io { path: topic_dir.clone(), source })?.file_name();
        match number(&name.to_string_lossy()) {
            Name::Partition(number) => numbers.push(number),
            Name::Other => {}
            Name::Stray => return Err(Error::Stray { file: topic_dir.join(name) }),
        }
    }
    numbers.sort_unstable();
    match (0..).zip(&numbers).find(|(expected, found)| expected != *found) {
        Some((missing, _)) => Err(Error::Hole { file: file(dir, topic, missing) }),
        None if numbers.is_empty() => Err(no_such_topic()),
        None => u32::try_from(numbers.len())
            .ok()
            .filter(|count| *count <= PARTITIONS_MAX)
            .ok_or(Error::Count(u32::try_from(numbers.len()).unwrap_or(u32::MAX))),
    }
}

/// The file of a partition, if there is such a topic and partition.
pub(super) fn existing_file(dir: &Path, at: &TopicPartition) -> Result<PathBuf, Error> {
    if at.partition >= partitions(dir, &at.topic)? {
        return Err(Error::NoSuchPartition { at: at.clone() });
    }
    Ok(file(dir, &at.topic, at.partition))
}

/// The file of a partition.
pub(super) fn file(dir: &Path, topic: &str, partition: u32) -> PathBuf {
    dir.join(topic).join(format!("{partition}.jsonl"))
}

/// Creates a topic. It appears with all its partitions or not at all, even if several try at once.
pub(super) fn create(dir: &Path, topic: &str, partitions: u32) -> Result<(), Error> {
    check_name(topic)?;
    if !(1..=PARTITIONS_MAX).contains(&partitions) {
        return Err(Error::Count(partitions));
    }
    match create_locked(dir, topic, partitions) {
        Ok(()) => Ok(()),
        // What a directory that is not empty gives when another is renamed to it.
        Err(e) if matches!(e.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists) => {
            Err(Error::TopicExists { topic: topic.to_owned() })
        }
        Err(source) => Err(Error::Io { path: dir.join(topic), source }),
    }
}

fn create_locked(dir: &Path, topic: &str, partitions: u32) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    let lock = File::open(dir)?;
    lock.lock()?;
    let creating = dir.join(CREATING);
    if creating.exists() {
        fs::remove_dir_all(&creating)?; // left by a process that died here: we hold the lock
    }
    fs::create_dir(&creating)?;
    for partition in 0..partitions {
        File::create_new(creating.join(format!("{partition}.jsonl")))?;
    }
    fs::rename(&creating, dir.join(topic)).inspect_err(|_| {
        let _ = fs::remove_dir_all(&creating); // the next to create removes it otherwise
    })
}

/// Refuses what Kafka would refuse as the name of a topic, and with it all that could lead out of the directory.
pub fn check_name(topic: &str) -> Result<(), Error> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    let reason = match topic {
        "" => "it is empty",
        "." | ".." => "it names a directory",
        _ if topic.len() > NAME_BYTES_MAX => "it is longer than 249 characters",
        _ if !topic.bytes().all(legal) => "only letters, digits, `.`, `_` and `-` are legal",
        _ => return Ok(()),
    };
    Err(Error::IllegalName { topic: topic.to_owned(), reason })
}

#[derive(Debug, PartialEq)]
enum Name {
    Partition(u32),
    /// Not ours: a README, a hidden file, an editor's backup.
    Other,
    /// Looks like a partition, and silence would hide a mistake.
    Stray,
}

fn number(name: &str) -> Name {
    let Some(stem) = name.strip_suffix(".jsonl").filter(|_| !name.starts_with('.')) else { return Name::Other };
    match stem.parse::<u32>() {
        Ok(number) if number.to_string() == stem => Name::Partition(number),
        _ => Name::Stray,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(dir: &Path, names: &[&str]) {
        fs::create_dir_all(dir).unwrap();
        names.iter().for_each(|name| fs::write(dir.join(name), "").unwrap());
    }

    #[test]
    fn a_topic_appears_with_all_its_partitions() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("not/yet");
        touch(&log.join(CREATING), &["7.jsonl"]);
        create(&log, "orders", 11).unwrap();

        assert_eq!(partitions(&log, "orders").unwrap(), 11);
        assert!(matches!(create(&log, "orders", 3), Err(Error::TopicExists { .. })));
        assert_eq!(fs::read_dir(&log).unwrap().count(), 1);
        assert!(matches!(create(&log, "none", 0), Err(Error::Count(0))));
        assert!(matches!(create(&log, "many", PARTITIONS_MAX + 1), Err(Error::Count(_))));
    }

    #[test]
    fn no_files_or_no_directory_is_no_topic() {
        let dir = tempfile::tempdir().unwrap();
        touch(&dir.path().join("empty"), &["README.md"]);
        for topic in ["empty", "none"] {
            assert!(matches!(partitions(dir.path(), topic), Err(Error::NoSuchTopic { .. })), "{topic}");
        }
    }

    #[test]
    fn partitions_have_no_holes_and_no_doubtful_names() {
        let dir = tempfile::tempdir().unwrap();
        touch(&dir.path().join("hole"), &["0.jsonl", "2.jsonl"]);
        touch(&dir.path().join("stray"), &["0.jsonl", "01.jsonl"]);
        touch(&dir.path().join("fine"), &["0.jsonl", "1.jsonl", "0.jsonl~", ".1.jsonl.swp", ".#1.jsonl", "notes"]);

        let hole = partitions(dir.path(), "hole").unwrap_err().to_string();
        assert!(hole.ends_with("hole/1.jsonl is missing between the partitions of its topic"), "{hole}");
        assert!(matches!(partitions(dir.path(), "stray"), Err(Error::Stray { .. })));
        assert_eq!(partitions(dir.path(), "fine").unwrap(), 2);
        let beyond = existing_file(dir.path(), &TopicPartition::new("fine", 2));
        assert!(matches!(beyond, Err(Error::NoSuchPartition { .. })));
    }

    #[test]
    fn names_that_kafka_refuses_are_refused() {
        let long = "x".repeat(250);
        for topic in ["", ".", "..", "../up", "a/b", "a b", "käse", CREATING, &long] {
            assert!(matches!(partitions(Path::new("/"), topic), Err(Error::IllegalName { .. })), "{topic}");
        }
        for topic in ["account-events", "a.b_C-9", "...", &long[1..]] {
            check_name(topic).unwrap();
        }
    }
}
