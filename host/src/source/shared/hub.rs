//! What the clones of a shared source share: the source, the feeds, and the tasks that fill them.

use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::JoinSet;

use super::feed;
use super::feeds::Feeds;
use super::place::Place;
use crate::source::{Error, Source, Start};

/// A reader that is being opened.
pub(super) type Opening<R> = Pin<Box<dyn Future<Output = Result<R, Error>> + Send>>;

/// The owner of all feeds. Whoever is left of its tasks when it is dropped, ends.
pub(super) struct Hub<S: Source> {
    pub(super) source: S,
    pub(super) feeds: Arc<Feeds>,
    tasks: Mutex<JoinSet<()>>,
}

impl<S: Source> Hub<S> {
    pub(super) fn new(source: S, bytes_max: usize) -> Self {
        Self { source, feeds: Arc::new(Feeds::new(bytes_max)), tasks: Mutex::default() }
    }

    /// Begins to open a reader of the source.
    pub(super) fn opening(&self, from: Vec<Start>) -> Opening<S::Reader> {
        let source = self.source.clone();
        Box::pin(async move { source.open(from).await })
    }

    /// Fills the place of a new feed by a reader that is opened for it.
    pub(super) fn read(&self, place: Place, next: Option<u64>) {
        let start = place.stream().start(next);
        self.tasks().spawn(feed::run(self.source.clone(), place, next, self.opening(vec![start])));
    }

    /// Fills the place of a new feed by a reader of just this partition that stands where the feed begins.
    pub(super) fn read_with(&self, place: Place, next: Option<u64>, reader: S::Reader) {
        place.opened();
        self.tasks().spawn(feed::run(self.source.clone(), place, next, ready(Ok(reader))));
    }

    /// Closes a reader, which may take its time.
    pub(super) fn close(&self, reader: S::Reader) {
        self.tasks().spawn_blocking(move || drop(reader));
    }

    /// The tasks that run, for one more.
    fn tasks(&self) -> MutexGuard<'_, JoinSet<()>> {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(ended) = tasks.try_join_next() {
            if let Err(panic) = ended {
                tracing::error!("{panic}");
            }
        }
        tasks
    }
}
