//! The one host of an installation that reads the log: it holds a lock, and is to run all there is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::{layout, unavailable};
use crate::event::TopicPartition;
use crate::source::{self, Assignment, Error};

/// How often new topics and partitions are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Holds the log for one host, and looks which partitions it has.
#[derive(Debug)]
pub struct Group {
    topics: watch::Sender<BTreeSet<Arc<str>>>,
    assignment: watch::Receiver<Assignment>,
    /// One task, which ends with this.
    looking: JoinSet<()>,
    /// Released by the kernel when this or the process ends, however it ends.
    _lock: File,
}

impl Group {
    /// Takes the log in `dir` for this host, and creates the directory if there is none.
    pub(super) fn join(dir: Arc<Path>, installation: &str, host: &str) -> Result<Self, Error> {
        let file = lock_file(&dir, installation);
        let taken = |by| Error::Taken { what: format!("log:{}", dir.display()), by };
        let lock = match lock(&file, host).map_err(|cause| unavailable(&file, cause))? {
            Lock::Ours(lock) => lock,
            Lock::Taken { by } => return Err(taken(by)),
        };
        let (topics, named) = watch::channel(BTreeSet::new());
        let (assigning, assignment) = watch::channel(Assignment::default());
        let mut looking = JoinSet::new();
        looking.spawn(Look { dir, counts: BTreeMap::new(), assigning }.run(named));
        Ok(Self { topics, assignment, looking, _lock: lock })
    }
}

impl source::Group for Group {
    fn subscribe(&self, topics: BTreeSet<Arc<str>>) {
        self.topics.send_replace(topics);
    }

    fn assignment(&self) -> watch::Receiver<Assignment> {
        self.assignment.clone()
    }

    /// The log has no lag tools.
    fn report(&self, _offsets: BTreeMap<TopicPartition, u64>) {}

    async fn leave(mut self) {
        self.looking.shutdown().await;
    }
}

/// Hidden, so that it is no topic.
fn lock_file(dir: &Path, installation: &str) -> PathBuf {
    dir.join(format!(".lantern-{}.lock", installation.replace('/', "%2F")))
}

enum Lock {
    Ours(File),
    Taken { by: String },
}

fn lock(file: &Path, host: &str) -> io::Result<Lock> {
    if let Some(dir) = file.parent() {
        fs::create_dir_all(dir)?;
    }
    let mut lock = File::options().read(true).write(true).create(true).truncate(false).open(file)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut by = String::new();
            lock.read_to_string(&mut by)?;
            return Ok(Lock::Taken { by: by.trim().to_owned() });
        }
        Err(TryLockError::Error(error)) => return Err(error),
    }
    // The name of who had it before is longer, perhaps.
    lock.set_len(0)?;
    lock.rewind()?;
    writeln!(lock, "{host}")?;
    Ok(Lock::Ours(lock))
}

/// Looks which partitions the named topics have.
struct Look {
    dir: Arc<Path>,
    /// How many partitions each topic had when that could last be told.
    counts: BTreeMap<Arc<str>, u32>,
    assigning: watch::Sender<Assignment>,
}

impl Look {
    async fn run(mut self, mut named: watch::Receiver<BTreeSet<Arc<str>>>) {
        let mut interval = interval(LOOK_EVERY);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = interval.tick() => {}
                changed = named.changed() => if changed.is_err() { return },
            }
            let topics = named.borrow_and_update().clone();
            self.look(&topics);
        }
    }

    fn look(&mut self, topics: &BTreeSet<Arc<str>>) {
        self.counts.retain(|topic, _| topics.contains(topic));
        for topic in topics {
            match layout::partitions(&self.dir, topic) {
                Ok(count) => drop(self.counts.insert(topic.clone(), count)),
                Err(layout::Error::NoSuchTopic { .. }) => drop(self.counts.remove(topic)),
                // Whoever opens it is told; until it is mended, the host keeps what it has.
                Err(error) => tracing::debug!("cannot tell the partitions of {topic}: {error}"),
            }
        }
        let each = |(topic, count): (&Arc<str>, &u32)| {
            let topic = topic.clone();
            (0..*count).map(move |partition| TopicPartition { topic: topic.clone(), partition })
        };
        let partitions: BTreeSet<_> = self.counts.iter().flat_map(each).collect();
        self.assigning.send_if_modified(|now| {
            let first = now.number == 0 && !topics.is_empty();
            let changed = first || *now.partitions != partitions;
            if changed {
                *now = Assignment { number: now.number + 1, partitions: Arc::new(partitions) };
            }
            changed
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Group as _;
    use crate::source::Source;
    use crate::source::embedded::EmbeddedLog;

    fn log() -> (tempfile::TempDir, EmbeddedLog) {
        let dir = tempfile::tempdir().unwrap();
        let log = EmbeddedLog::new(dir.path().join("not/yet"));
        (dir, log)
    }

    fn topics(names: &[&str]) -> BTreeSet<Arc<str>> {
        names.iter().map(|name| Arc::from(*name)).collect()
    }

    async fn next(assignment: &mut watch::Receiver<Assignment>) -> (u64, Vec<String>) {
        assignment.changed().await.unwrap();
        let now = assignment.borrow_and_update();
        (now.number, now.partitions.iter().map(ToString::to_string).collect())
    }

    #[tokio::test]
    async fn one_host_of_an_installation_is_let_in() {
        let (_dir, log) = log();
        let first = log.join("bank", "host-with-a-long-name").await.unwrap();
        let refused = log.join("bank", "b").await.unwrap_err();
        let expected = format!("log:{} is already read by host host-with-a-long-name", log.dir().display());
        assert_eq!(refused.to_string(), expected);
        assert!(!refused.is_transient());
        let _other = log.join("another/bank", "b").await.unwrap();

        drop(first);
        let second = log.join("bank", "b").await.unwrap();
        let refused = log.join("bank", "c").await.unwrap_err();
        assert!(matches!(&refused, Error::Taken { by, .. } if by == "b"), "{refused}");
        second.leave().await;
        log.join("bank", "c").await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn all_partitions_of_the_named_topics_are_assigned_as_they_appear() {
        let (_dir, log) = log();
        log.create("b", 2).unwrap();
        log.create("other", 1).unwrap();
        let group = log.join("bank", "a").await.unwrap();
        let mut assignment = group.assignment();
        assert_eq!(*assignment.borrow_and_update(), Assignment::default());

        group.subscribe(topics(&["a"]));
        assert_eq!(next(&mut assignment).await, (1, vec![]));
        group.subscribe(topics(&["a", "b"]));
        assert_eq!(next(&mut assignment).await, (2, vec!["b/0".into(), "b/1".into()]));

        log.create("a", 1).unwrap();
        assert_eq!(next(&mut assignment).await, (3, vec!["a/0".into(), "b/0".into(), "b/1".into()]));
        fs::write(layout::file(log.dir(), "a", 1), "").unwrap();
        let all = ["a/0", "a/1", "b/0", "b/1"].map(String::from);
        assert_eq!(next(&mut assignment).await, (4, all.into()));

        group.subscribe(topics(&[]));
        assert_eq!(next(&mut assignment).await, (5, vec![]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_topic_that_is_being_mended_stays() {
        let (_dir, log) = log();
        log.create("a", 2).unwrap();
        log.create("b", 1).unwrap();
        let group = log.join("bank", "a").await.unwrap();
        let mut assignment = group.assignment();
        group.subscribe(topics(&["a", "b"]));
        assert_eq!(next(&mut assignment).await.1.len(), 3);

        fs::remove_file(layout::file(log.dir(), "a", 0)).unwrap();
        fs::remove_dir_all(log.dir().join("b")).unwrap();
        assert_eq!(next(&mut assignment).await, (2, vec!["a/0".into(), "a/1".into()]));
    }

    #[tokio::test]
    async fn the_lock_is_no_topic() {
        let (_dir, log) = log();
        let _group = log.join("bank", "a").await.unwrap();
        log.create("t", 1).unwrap();
        assert_eq!(log.topic("t").await.unwrap().partitions, 1);
        for name in [".lantern-bank.lock", "none"] {
            assert!(matches!(log.topic(name).await, Err(Error::NoSuchTopic { .. })), "{name}");
        }
    }
}
