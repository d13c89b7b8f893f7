//! The lives of a lane, one after the other: after each trouble that passes, a new one from what the store says.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::error::Elapsed;
use tokio_util::sync::CancellationToken;

use super::attempt::{Attempt, End};
use super::bounded::{self, Bounded};
use super::outage::chain;
use super::parking::Parking;
use super::positions::Positions;
use super::worker::Worker;
use super::{Course, Exit, Fault, Outages, Overlay, Settings, State, Status};
use crate::event::{Batch, BatchLimits, TopicPartition};
use crate::letter::{Bytes, Letter};
use crate::projection::{LaneId, Projection, Share};
use crate::sandbox::{Module, Unstarted};
use crate::source::{self, Bounds, Reader, Source, Start};
use crate::store::{self, Checkpoint, Commit, Mark, Session, Store, Unwilling};

/// A lane, ready to run.
pub struct Lane<S, M, T> {
    /// The projection that it is a part of.
    pub projection: Projection,
    /// Which events it takes.
    pub share: Share,
    /// The partitions that it reads, with the index of their topic.
    pub partitions: Vec<(u32, TopicPartition)>,
    /// Where its events come from.
    pub source: S,
    /// What applies them.
    pub module: M,
    /// Where its views are kept.
    pub store: T,
    /// How it batches and waits.
    pub settings: Settings,
    /// Which way it goes.
    pub course: Course,
    /// Says what is away, for all lanes together.
    pub outages: Outages,
    /// Where it tells how it is.
    pub status: watch::Sender<Status>,
}

/// All that a lane which could write does not miss any more.
const UNWILLING: [Unwilling; 4] = [Unwilling::Full, Unwilling::ReadOnly, Unwilling::Denied, Unwilling::Busy];

/// Bytes of letters that one life of a lane tries again.
const RETRY_BYTES_MAX: usize = 64 << 20;
/// Letters that are read at once.
const CHUNK: usize = 100;
/// How long one event that is to be there is waited for, and how often a reader is asked whether there is no more.
const FETCH: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What is away when no instance can be started.
const SANDBOX: &str = "the sandbox";

/// What comes after the end of a life.
enum Next {
    Exit(Exit),
    /// A new life at once; whether the store has lost writes.
    Again {
        rewound: bool,
    },
    /// A new life after a while.
    Later,
}

impl<S, M, T> Lane<S, M, T>
where
    S: Source,
    T: Store,
    M: Module<Views = Overlay<<T::Session as Session>::Cells>>,
{
    /// Runs until it is told to stop or can't go on.
    pub async fn run(self, shutdown: CancellationToken) -> Exit {
        let (first, most) = self.settings.backoff;
        let mut wait = first;
        let mut rewound = false;
        loop {
            let committed = self.status.borrow().committed;
            let end = self.live(rewound, &shutdown).await;
            rewound = false;
            match self.judge(end) {
                Next::Exit(exit) => return exit,
                Next::Again { rewound: lost } => rewound = lost,
                Next::Later => {
                    if self.status.borrow().committed > committed {
                        wait = first;
                    }
                    if pause(wait, &shutdown).await {
                        self.status.send_modify(|status| status.state = State::Stopped(None));
                        return Exit::Shutdown;
                    }
                    wait = (wait * 2).min(most);
                }
            }
        }
    }

    pub(super) fn id(&self) -> LaneId {
        let Projection { name, generation, .. } = &self.projection;
        LaneId { projection: name.clone(), generation: *generation, share: self.share }
    }

    async fn live(&self, rewound: bool, shutdown: &CancellationToken) -> End {
        let opened = tokio::select! {
            biased;
            () = shutdown.cancelled() => return End::Shutdown,
            opened = self.open() => opened,
        };
        match opened {
            Ok((worker, session, acknowledge)) => {
                if rewound {
                    // Only now is it sure that the lane was not simply taken away.
                    tracing::warn!(lane = %self.id(), "Redis has lost writes; going back to what it has and replaying");
                }
                self.status.send_modify(|status| {
                    status.state = State::Running;
                    status.checkpoint.clone_from(session.checkpoint());
                    // Where the log ends is to be seen anew.
                    status.at_end = false;
                });
                let Self { projection, settings, course, status, .. } = self;
                let attempt =
                    Attempt::new(projection, settings, course, status, shutdown, worker, session, acknowledge);
                attempt.run().await
            }
            Err(end) => end,
        }
    }

    #[allow(clippy::type_complexity)] // three things that belong together only for the length of a call
    async fn open(
        &self,
    ) -> Result<(Worker<S::Reader, M, <T::Session as Session>::Cells>, T::Session, watch::Sender<u64>), End> {
        let mut session = self.store.open(&self.projection, self.share).await.map_err(End::Store)?;
        // It has written.
        UNWILLING.iter().for_each(|why| self.outages.worked(why.subject()));
        self.outages.worked("Redis");
        self.note_beginning(&mut session).await?;
        let starts = self.starts(session.checkpoint());
        let ends = self.course.until.as_ref();
        let before = bounded::before(starts.clone(), ends);
        let reader = match before.is_empty() {
            true => None,
            false => Some(self.source.open(before.clone()).await.map_err(End::Source)?),
        };
        let reader = Bounded::new(reader, &before, ends);
        self.outages.worked("the source");
        let (acknowledge, acknowledged) = watch::channel(0);
        let overlay = Overlay::new(self.projection.views.clone(), session.cells(), acknowledged, &self.settings);
        let topics = self.projection.topics.clone();
        let positions = Positions::new(&starts);
        let set_aside = session.set_aside().await.map_err(End::Store)?;
        let signature = (self.module.digest().to_owned(), self.module.description().revision);
        let mut parking = Parking::new(set_aside, signature);
        self.bring(&mut parking, &mut session).await?;
        let worker = Worker::new(
            reader,
            positions,
            parking,
            overlay,
            self.module.clone(),
            self.id(),
            topics,
            self.course.clone(),
            self.settings.write_bytes_max,
        )?;
        self.outages.worked(SANDBOX);
        Ok((worker, session, acknowledge))
    }

    /// Commits where the lane begins in partitions that it has no checkpoint of. Else what the log drops before the first
    /// event of a partition is committed would be skipped, and nobody would know.
    async fn note_beginning(&self, session: &mut T::Session) -> Result<(), End> {
        let mut checkpoint = Checkpoint::new();
        for (_, at) in &self.partitions {
            if session.checkpoint().contains_key(at) {
                continue;
            }
            let next = match self.course.starts.get(at) {
                Some(start) => *start,
                None => {
                    let first = self.source.bounds(at).await.map_err(End::Source)?.first;
                    if first > 0 {
                        tracing::info!(lane = %self.id(), "begins at {at}@{first}, the first offset that is left");
                    }
                    first
                }
            };
            checkpoint.insert(at.clone(), Mark { next, newest: -1 });
        }
        if checkpoint.is_empty() {
            return Ok(());
        }
        session
            .commit(Commit { changes: Arc::default(), checkpoint, letters: Vec::new() })
            .await
            .map_err(End::Store)
    }

    /// Brings what is to be tried again, up to a bound, in order; with what was too large to be kept.
    async fn bring(&self, parking: &mut Parking, session: &mut T::Session) -> Result<(), End> {
        let mut bytes = 0;
        while bytes < RETRY_BYTES_MAX
            && let Some(numbers) = parking.next_wanted()
        {
            let mut letters = Vec::new();
            'sequence: for chunk in numbers.chunks(CHUNK) {
                for (number, mut letter) in session.letters(chunk).await.map_err(End::Store)? {
                    if bytes >= RETRY_BYTES_MAX {
                        break 'sequence;
                    }
                    if letter.left_out.is_some() {
                        self.complete(&mut letter).await?;
                    }
                    bytes += letter.bytes();
                    letters.push((number, letter));
                }
            }
            let is_all = letters.len() == numbers.len();
            parking.bring(letters, is_all);
        }
        Ok(())
    }

    /// Reads the content again that is too large to be kept. What the log does not have any more stays without.
    async fn complete(&self, letter: &mut Letter) -> Result<(), End> {
        let event = letter.reference();
        let Some((topic, at)) = self.partitions.iter().find(|(_, at)| *at == event.at) else { return Ok(()) };
        let Bounds { first, end } = self.source.bounds(at).await.map_err(End::Source)?;
        if !(first..end).contains(&event.offset) {
            return Ok(());
        }
        let id = self.course.ids.get(&at.topic).cloned();
        let start = Start { at: at.clone(), topic: *topic, next: Some(event.offset), id };
        let mut reader = self.source.open(vec![start]).await.map_err(End::Source)?;
        let mut batch = Batch::default();
        let read = async {
            while batch.is_empty() && !reader.at_end() {
                tokio::select! {
                    () = reader.ready() => reader.fill(&mut batch, &BatchLimits { events_max: 1, bytes_max: 1 })?,
                    // That there is no more, a reader does not tell by itself.
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                }
            }
            Ok(())
        };
        let unread =
            |slow: Elapsed| source::Error::Unavailable { what: event.to_string(), source: Box::new(slow) };
        let read = tokio::time::timeout(FETCH, read).await;
        // Closing a consumer blocks.
        let _ = self.settings.blocking.run(move || drop(reader)).await;
        read.map_err(unread).flatten().map_err(End::Source)?;
        if let Some(found) = batch.iter().find(|found| found.offset == event.offset) {
            letter.headers = Letter::headers_of(&found);
            letter.payload = found.payload.map(Bytes::from);
        }
        Ok(())
    }

    fn starts(&self, checkpoint: &Checkpoint) -> Vec<Start> {
        let start = |(topic, at): &(u32, TopicPartition)| Start {
            at: at.clone(),
            topic: *topic,
            next: checkpoint.get(at).map(|mark| mark.next),
            id: self.course.ids.get(&at.topic).cloned(),
        };
        self.partitions.iter().map(start).collect()
    }

    /// Decides what becomes of a lane whose life has ended.
    fn judge(&self, end: End) -> Next {
        match end {
            End::Shutdown => self.exit(Exit::Shutdown),
            End::Fault(fault) => self.exit(Exit::Stopped(fault)),
            End::Source(error) if error.is_transient() => self.retry("the source", &error, error.hint()),
            End::Source(error) => self.exit(Exit::Stopped(Fault::Source(error))),
            End::Store(store::Error::Rewound { .. }) => Next::Again { rewound: true },
            End::Anew | End::Store(store::Error::Settled { .. }) => Next::Again { rewound: false },
            End::Store(error @ store::Error::Unavailable { .. }) => self.retry("Redis", &error, error.hint()),
            End::Store(store::Error::Unwilling { what, why, source }) => {
                self.retry(why.subject(), &store::Error::Unwilling { what, why, source }, why.hint())
            }
            End::Store(
                error @ (store::Error::Fenced { .. } | store::Error::Moved { .. } | store::Error::Refused { .. }),
            ) => self.exit(Exit::Stopped(Fault::Store(error))),
            End::Unavailable(error) => match error.downcast::<store::Error>() {
                Ok(error) => self.judge(End::Store(*error)),
                Err(error) if error.is::<Unstarted>() => {
                    self.retry(SANDBOX, &*error, "look whether the machine has memory and processes to spare")
                }
                Err(error) => self.retry("Redis", &*error, "check the address, and that it is running"),
            },
        }
    }

    fn exit(&self, exit: Exit) -> Next {
        let why = match &exit {
            Exit::Shutdown => None,
            Exit::Stopped(fault) => Some(chain(fault)),
        };
        self.status.send_modify(|status| status.state = State::Stopped(why));
        Next::Exit(exit)
    }

    fn retry(&self, what: &'static str, error: &dyn std::error::Error, hint: &str) -> Next {
        self.outages.failed(what, error, hint);
        self.status.send_modify(|status| status.state = State::Retrying(chain(error)));
        Next::Later
    }
}

/// Waits; true if told to stop meanwhile.
async fn pause(time: Duration, shutdown: &CancellationToken) -> bool {
    tokio::time::timeout(time, shutdown.cancelled()).await.is_ok()
}
