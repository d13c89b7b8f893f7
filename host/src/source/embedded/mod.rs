//! The embedded log: a directory of JSON Lines files, `DIR/<topic>/<partition>.jsonl`, one event a line.
//!
//! A person can read it, write it by hand and keep it in git. The offset of an event is the number of its line, from
//! 0; a last line that is not ended yet is no event yet. Readers tail the files live and never change them; only an
//! [`Appender`] writes.

pub mod append;
mod cursor;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod group;
pub mod layout;
mod line;
mod mark;
mod partitioner;
mod reader;
mod record;
mod tail;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use append::Appender;
pub use group::Group;
pub(crate) use line::{Decoded, compact_json};
use mark::Marks;
pub use partitioner::partition_of;
pub use reader::Reader;
pub use record::Record;

use super::{Bounds, Error, Source, Start, Topic};
use crate::event::TopicPartition;

/// A directory of topics.
#[derive(Clone, Debug)]
pub struct EmbeddedLog {
    dir: Arc<Path>,
    marks: Marks,
}

impl EmbeddedLog {
    /// The log in `dir`, which need not exist yet.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into().into(), marks: Marks::default() }
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Creates a topic, with all its partitions at once.
    pub fn create(&self, topic: &str, partitions: u32) -> Result<(), layout::Error> {
        layout::create(&self.dir, topic, partitions)
    }

    /// What appends to a topic, which must exist.
    pub fn appender(&self, topic: &str) -> Result<Appender, layout::Error> {
        let partitions = layout::partitions(&self.dir, topic)?;
        Ok(Appender::new(&self.dir, topic, partitions))
    }
}

impl Source for EmbeddedLog {
    type Reader = Reader;
    type Group = Group;

    /// It has no id: one that was made anew is noticed when it is shorter than what was read of it.
    async fn topic(&self, name: &str) -> Result<Topic, Error> {
        Ok(Topic { partitions: layout::partitions(&self.dir, name)?, id: None })
    }

    async fn bounds(&self, at: &TopicPartition) -> Result<Bounds, Error> {
        let (log, at) = (self.clone(), at.clone());
        blocking(move || {
            let file = layout::existing_file(&log.dir, &at)?;
            let end = log.marks.lines(&file).map_err(|cause| unavailable(&file, cause))?;
            Ok(Bounds { first: 0, end })
        })
        .await
    }

    async fn is_compacted(&self, _topic: &str) -> Result<bool, Error> {
        Ok(false)
    }

    async fn open(&self, from: Vec<Start>) -> Result<Reader, Error> {
        let log = self.clone();
        blocking(move || Reader::open(&log, from)).await
    }

    async fn join(&self, installation: &str, host: &str) -> Result<Group, Error> {
        Group::join(self.dir.clone(), installation, host)
    }
}

/// Runs what may read whole files where it holds up no other task.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(cancelled) => Err(Error::Unavailable { what: "the log".into(), source: cancelled.into() }),
        },
    }
}

fn unavailable(file: &Path, cause: std::io::Error) -> Error {
    Error::Unavailable { what: file.display().to_string(), source: cause.into() }
}
