//! A lane on a log and a store in memory, with a plugin that is a Rust function, and faults where they are wanted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::{Course, Exit, Fault, Lane, Outages, Overlay, Policy, Settings, State, Status};
use crate::event::{Batch, BatchLimits, Event, TopicPartition};
use crate::letter::{Letter, SetAside};
use crate::op::{CellRef, Query, Refused, Value, Verb, Write};
use crate::projection::{Description, Kind, LaneId, Ordering, Projection, Share, View};
use crate::sandbox::{Failure, Instance, Module, Reason, Unstarted, ViewError, Views};
use crate::source::{self, Assignment, Bounds, Group, Reader, Source, Start, Topic};
use crate::store::memory::{Memory, MemoryCells, MemorySession};
use crate::store::{self, Cells, Checkpoint, Commit, Session, Store};

mod parking;
mod running;

/// A log of one partition: the payload of the event at each offset, or `key=payload`; offsets may be missing.
#[derive(Clone, Default)]
struct Log {
    events: Arc<Mutex<BTreeMap<u64, String>>>,
    appended: Arc<Notify>,
}

impl Log {
    fn append(&self, events: impl IntoIterator<Item = (u64, String)>) {
        self.events.lock().unwrap().extend(events);
        self.appended.notify_waiters();
    }
}

struct LogReader {
    log: Log,
    next: u64,
}

impl Source for Log {
    type Reader = LogReader;
    type Group = Alone;

    async fn topic(&self, _name: &str) -> Result<Topic, source::Error> {
        Ok(Topic { partitions: 1, id: None })
    }

    async fn bounds(&self, _at: &TopicPartition) -> Result<Bounds, source::Error> {
        let events = self.events.lock().unwrap();
        let end = events.keys().last().map_or(0, |last| last + 1);
        Ok(Bounds { first: events.keys().next().copied().unwrap_or(end), end })
    }

    async fn is_compacted(&self, _topic: &str) -> Result<bool, source::Error> {
        Ok(false)
    }

    async fn open(&self, from: Vec<Start>) -> Result<LogReader, source::Error> {
        Ok(LogReader { log: self.clone(), next: from[0].next.unwrap_or(0) })
    }

    async fn join(&self, _installation: &str, _host: &str) -> Result<Alone, source::Error> {
        Ok(Alone::default())
    }
}

/// The only host there is: it runs the one partition of each topic.
#[derive(Default)]
struct Alone(watch::Sender<Assignment>);

impl Group for Alone {
    fn subscribe(&self, topics: BTreeSet<Arc<str>>) {
        let partitions = topics.into_iter().map(|topic| TopicPartition { topic, partition: 0 }).collect();
        self.0.send_modify(|now| {
            *now = Assignment { number: now.number + 1, partitions: Arc::new(partitions) };
        });
    }

    fn assignment(&self) -> watch::Receiver<Assignment> {
        self.0.subscribe()
    }

    fn report(&self, _offsets: BTreeMap<TopicPartition, u64>) {}

    async fn leave(self) {}
}

impl Reader for LogReader {
    async fn ready(&mut self) {
        loop {
            let appended = self.log.appended.notified();
            if self.log.events.lock().unwrap().range(self.next..).next().is_some() {
                return;
            }
            appended.await;
        }
    }

    fn fill(&mut self, batch: &mut Batch, limits: &BatchLimits) -> Result<(), source::Error> {
        for (&offset, payload) in self.log.events.lock().unwrap().range(self.next..) {
            if batch.is_full_for(payload.len(), limits) {
                break;
            }
            let (key, payload) = match payload.split_once('=') {
                Some((key, word)) => (Some(key.as_bytes()), Some(word.as_bytes())),
                None => (None, Some(payload.as_bytes())),
            };
            batch.push(&Event { topic: 0, partition: 0, offset, timestamp: 0, key, headers: b"", payload });
            self.next = offset + 1;
        }
        Ok(())
    }

    fn at_end(&mut self) -> bool {
        self.log.events.lock().unwrap().range(self.next..).next().is_none()
    }
}

/// A store that fails where it is told to.
#[derive(Clone, Default)]
struct Faulty {
    memory: Memory,
    /// At which commits something happens, counted from 0 over all sessions.
    faults: Arc<Mutex<BTreeMap<usize, CommitFault>>>,
    commits: Arc<AtomicUsize>,
    late: Arc<Notify>,
    /// Members that were read, and on which thread.
    reads: Arc<Mutex<Vec<(u32, String, ThreadId)>>>,
    /// What reading a member gives the first time, instead of what it holds.
    read_faults: Arc<Mutex<BTreeMap<String, store::Error>>>,
}

#[derive(Clone, Copy)]
enum CommitFault {
    /// Nothing is written, and the lane is told that the store is away.
    Lost,
    /// It is written, and the lane is told that the store is away.
    ReplyLost,
    /// Everything is lost before it.
    Flushed,
    /// It is written when [`Faulty::late`] says so.
    Late,
}

fn away() -> store::Error {
    store::Error::Unavailable { what: "memory".into(), source: "the cable".into() }
}

struct FaultySession {
    inner: MemorySession,
    store: Faulty,
}

impl Store for Faulty {
    type Session = FaultySession;

    async fn open(&self, projection: &Projection, share: Share) -> Result<FaultySession, store::Error> {
        let inner = self.memory.open(projection, share).await?;
        Ok(FaultySession { inner, store: self.clone() })
    }
}

impl Session for FaultySession {
    type Cells = SlowCells;

    fn checkpoint(&self) -> &Checkpoint {
        self.inner.checkpoint()
    }

    async fn set_aside(&mut self) -> Result<SetAside, store::Error> {
        self.inner.set_aside().await
    }

    async fn letters(&mut self, numbers: &[u64]) -> Result<Vec<(u64, Letter)>, store::Error> {
        self.inner.letters(numbers).await
    }

    async fn commit(&mut self, commit: Commit) -> Result<(), store::Error> {
        let number = self.store.commits.fetch_add(1, SeqCst);
        let fault = self.store.faults.lock().unwrap().get(&number).copied();
        match fault {
            None => self.inner.commit(commit).await,
            Some(CommitFault::Lost) => Err(away()),
            Some(CommitFault::ReplyLost) => self.inner.commit(commit).await.and(Err(away())),
            Some(CommitFault::Flushed) => {
                self.store.memory.flush();
                self.inner.commit(commit).await
            }
            Some(CommitFault::Late) => {
                self.store.late.notified().await;
                self.inner.commit(commit).await
            }
        }
    }

    async fn look(&mut self) -> Result<(), store::Error> {
        self.inner.look().await
    }

    fn cells(&self) -> SlowCells {
        SlowCells { inner: self.inner.cells(), store: self.store.clone() }
    }
}

struct SlowCells {
    inner: MemoryCells,
    store: Faulty,
}

impl Cells for SlowCells {
    async fn read(&mut self, cells: &[CellRef<'_>]) -> Result<Vec<Option<Value>>, store::Error> {
        let thread = thread::current().id();
        let read = |cell: &CellRef<'_>| (cell.view, String::from_utf8_lossy(cell.member).into_owned(), thread);
        self.store.reads.lock().unwrap().extend(cells.iter().map(read));
        tokio::task::yield_now().await;
        let fault = |cell: &CellRef<'_>| {
            self.store.read_faults.lock().unwrap().remove(&*String::from_utf8_lossy(cell.member))
        };
        if let Some(error) = cells.iter().find_map(fault) {
            return Err(error);
        }
        self.inner.read(cells).await
    }
}

/// A plugin whose events are words: each is counted, by a counter, and by reading and writing a table. The words
/// `refuse` and `trap` fail, the one with and the other without telling which event it was; `blame` names another one.
/// `slow` takes too long by the clock, and `crowd` does if it is not alone.
#[derive(Clone)]
struct Words(Arc<Description>);

struct WordsInstance {
    dead: bool,
    counted: bool,
}

fn description() -> Description {
    let view = |name: &str, kind| View { name: name.into(), kind, keyed: false, capacity: 0 };
    Description {
        name: "words".into(),
        revision: 1,
        topics: vec!["t".into()],
        ordering: Ordering::Partition,
        views: vec![view("added", Kind::Counters), view("written", Kind::Table)],
    }
}

impl Module for Words {
    type Views = Overlay<SlowCells>;
    type Instance = WordsInstance;

    fn description(&self) -> &Description {
        &self.0
    }

    fn digest(&self) -> &str {
        "words"
    }

    fn instantiate(&self, _lane: &LaneId, _topics: &[Arc<str>]) -> Result<WordsInstance, Unstarted> {
        Ok(WordsInstance { dead: false, counted: false })
    }

    fn instantiate_counted(&self, _lane: &LaneId, _topics: &[Arc<str>]) -> Result<WordsInstance, Unstarted> {
        Ok(WordsInstance { dead: false, counted: true })
    }
}

impl WordsInstance {
    fn count(&self, word: &[u8], views: &mut Overlay<SlowCells>) -> Result<(), ViewError> {
        let cell = |view| CellRef { view, key: b"", member: word };
        let one = 1i64.to_le_bytes();
        let write = |verb, view, value| Write { verb, view, key: b"", member: word, value };
        views.write(&write(Verb::Hincrby, 0, &one))?;
        let written = match views.read(Query::Hget, &cell(1))? {
            Some(Value::Bytes(text)) => String::from_utf8_lossy(&text).parse().unwrap(),
            _ => 0,
        };
        // What the lane itself has added it sees at once.
        let added = views.read(Query::Hget, &cell(0))?;
        assert_eq!(added, Some(Value::Bytes((written + 1).to_string().into_bytes().into())));
        let text = (written + 1u64).to_string();
        Ok(views.write(&write(Verb::Hset, 1, text.as_bytes()))?)
    }
}

impl Instance for WordsInstance {
    type Views = Overlay<SlowCells>;

    fn apply(
        &mut self,
        batch: &Batch,
        mut views: Box<Overlay<SlowCells>>,
    ) -> (Box<Overlay<SlowCells>>, Result<(), Failure>) {
        assert!(!self.dead, "an instance that failed is never used again");
        for (index, event) in batch.iter().enumerate() {
            let word = event.payload.unwrap();
            let failure = match word {
                b"refuse" => Some(Failure::Event(Some(index), Reason::Error("no".into()))),
                b"trap" => {
                    let spoilt = Write { verb: Verb::Hset, view: 1, key: b"", member: b"spoilt", value: b"" };
                    views.write(&spoilt).unwrap();
                    Some(Failure::Event(None, Reason::Refused(Refused::NoSuchVerb(99))))
                }
                b"blame" => Some(Failure::Event(Some((index + 1) % batch.len()), Reason::Error("not me".into()))),
                b"slow" if !self.counted => Some(Failure::Event(None, Reason::Timeout(Duration::ZERO))),
                b"crowd" if batch.len() > 1 => Some(Failure::Event(None, Reason::Timeout(Duration::ZERO))),
                _ => self.count(word, &mut views).err().map(|e| Failure::Unavailable(Box::new(e))),
            };
            if let Some(failure) = failure {
                self.dead = true;
                return (views, Err(failure));
            }
        }
        (views, Ok(()))
    }
}

struct Stage {
    log: Log,
    store: Faulty,
    settings: Settings,
    course: Course,
}

impl Stage {
    fn new(words: &[&str]) -> Self {
        let log = Log::default();
        // Every third offset is missing, as after a compaction.
        let offsets = (0..).filter(|offset| offset % 3 != 1);
        log.append(offsets.zip(words.iter().map(|word| (*word).to_owned())));
        let settings = Settings { batch: BatchLimits { events_max: 4, bytes_max: 1000 }, ..Settings::default() };
        Self { log, store: Faulty::default(), settings, course: Course::default() }
    }

    fn fault(&self, commit: usize, fault: CommitFault) {
        self.store.faults.lock().unwrap().insert(commit, fault);
    }

    fn lane(&self) -> (Lane<Log, Words, Faulty>, watch::Receiver<Status>) {
        let (status, seen) = watch::channel(Status::default());
        let description = description();
        let projection = Projection {
            name: "words".into(),
            generation: 1,
            begun: 0,
            live: true,
            prefix: "words:".into(),
            topics: ["t".into()].into(),
            views: description.views.clone().into(),
            ordering: Ordering::Partition,
        };
        let lane = Lane {
            projection,
            share: Share::Partition(0),
            partitions: vec![(0, TopicPartition::new("t", 0))],
            source: self.log.clone(),
            module: Words(Arc::new(description)),
            store: self.store.clone(),
            settings: self.settings.clone(),
            course: self.course.clone(),
            outages: Outages::default(),
            status,
        };
        (lane, seen)
    }

    /// Runs a lane until it has committed up to this offset, or has ended by itself.
    async fn run_to(&self, next: u64) -> Exit {
        let (lane, mut seen) = self.lane();
        let shutdown = CancellationToken::new();
        // What `wait_for` gives would keep the lane from telling more.
        let there = async { seen.wait_for(|s| s.checkpoint.values().any(|mark| mark.next >= next)).await.is_ok() };
        let running = lane.run(shutdown.clone());
        tokio::pin!(running, there);
        tokio::select! {
            exit = &mut running => exit,
            _ = &mut there => {
                shutdown.cancel();
                running.await
            }
        }
    }

    fn counts(&self, view: &str) -> BTreeMap<String, u64> {
        let structures = self.store.memory.structures();
        let Some(held) = structures.get(format!("words:{view}").as_bytes()) else { return BTreeMap::new() };
        let count = |value: &Value| match value {
            Value::Bytes(text) => String::from_utf8_lossy(text).parse().unwrap(),
            other => panic!("{other:?} is no count"),
        };
        held.cells.iter().map(|(word, value)| (String::from_utf8_lossy(word).into_owned(), count(value))).collect()
    }

    fn assert_counts(&self, words: &[&str]) {
        let mut expected = BTreeMap::new();
        words.iter().for_each(|word| *expected.entry((*word).to_owned()).or_insert(0) += 1);
        assert_eq!(self.counts("added"), expected);
        assert_eq!(self.counts("written"), expected);
    }
}

const WORDS: [&str; 12] = ["a", "b", "a", "c", "a", "b", "d", "a", "a", "b", "e", "a"];
/// The offset behind the last of `WORDS`.
const END: u64 = 18;
