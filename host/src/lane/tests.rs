//! A lane on a log and a store in memory, with a plugin that is a Rust function, and faults where they are wanted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::{Course, Exit, Fault, Lane, Outages, Overlay, Policy, Settings, Status};
use crate::event::{Batch, BatchLimits, Event, TopicPartition};
use crate::letter::{Letter, SetAside};
use crate::op::{CellRef, Query, Refused, Value, Verb, Write};
use crate::projection::{Description, Kind, LaneId, Ordering, Projection, Share, View};
use crate::sandbox::{Failure, Instance, Module, Reason, Unstarted, ViewError, Views};
use crate::source::{self, Assignment, Bounds, Group, Reader, Source, Start, Topic};
use crate::store::memory::{Memory, MemoryCells, MemorySession};
use crate::store::{self, Cells, Checkpoint, Commit, Session, Store};

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
}

#[derive(Clone, Copy)]
enum CommitFault {
    /// Nothing is written, and the lane is told that the store is away.
    Lost,
    /// It is written, and the lane is told that the store is away.
    ReplyLost,
    /// Everything is lost before it.
    Flushed,
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
        let away = || store::Error::Unavailable { what: "memory".into(), source: "the cable".into() };
        match fault {
            None => self.inner.commit(commit).await,
            Some(CommitFault::Lost) => Err(away()),
            Some(CommitFault::ReplyLost) => self.inner.commit(commit).await.and(Err(away())),
            Some(CommitFault::Flushed) => {
                self.store.memory.flush();
                self.inner.commit(commit).await
            }
        }
    }

    async fn look(&mut self) -> Result<(), store::Error> {
        self.inner.look().await
    }

    fn cells(&self) -> SlowCells {
        SlowCells(self.inner.cells())
    }
}

struct SlowCells(MemoryCells);

impl Cells for SlowCells {
    async fn read(&mut self, cells: &[CellRef<'_>]) -> Result<Vec<Option<Value>>, store::Error> {
        tokio::task::yield_now().await;
        self.0.read(cells).await
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

#[tokio::test(start_paused = true)]
async fn applies_every_event_once_whatever_the_batches() {
    for events_max in 1..=WORDS.len() {
        let mut stage = Stage::new(&WORDS);
        stage.settings.batch.events_max = events_max;
        assert!(matches!(stage.run_to(END).await, Exit::Shutdown));
        stage.assert_counts(&WORDS);
    }
}

#[tokio::test(start_paused = true)]
async fn commits_that_fail_are_neither_lost_nor_doubled() {
    for fault in [CommitFault::Lost, CommitFault::ReplyLost, CommitFault::Flushed] {
        for at in 0..3 {
            let stage = Stage::new(&WORDS);
            stage.fault(at, fault);
            stage.fault(at + 2, fault);
            assert!(matches!(stage.run_to(END).await, Exit::Shutdown));
            stage.assert_counts(&WORDS);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_lane_notices_that_the_store_was_emptied() {
    let stage = Stage::new(&WORDS);
    let (lane, mut seen) = stage.lane();
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(lane.run(shutdown.clone()));
    seen.wait_for(|status| status.committed == 12).await.unwrap();
    stage.store.memory.flush();
    seen.wait_for(|status| status.committed == 24).await.unwrap();
    shutdown.cancel();
    assert!(matches!(running.await.unwrap(), Exit::Shutdown));
    stage.assert_counts(&WORDS);
}

#[tokio::test(start_paused = true)]
async fn stops_exactly_at_the_event_that_cannot_be_applied() {
    for (word, at) in [("refuse", 0), ("refuse", 6), ("trap", 0), ("trap", 5), ("trap", 11)] {
        let mut words = WORDS;
        words[at] = word;
        let stage = Stage::new(&words);
        let Exit::Stopped(Fault::Poison { event, .. }) = stage.run_to(END).await else { panic!("it must stop") };
        let offset = (0..).filter(|offset| offset % 3 != 1).nth(at).unwrap();
        assert_eq!(event.to_string(), format!("t/0@{offset}"), "{word} at {at}");
        stage.assert_counts(&words[..at]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_blames_another_event_is_not_believed() {
    let mut words = WORDS;
    words[5] = "blame";
    for events_max in 1..=WORDS.len() {
        let mut stage = Stage::new(&words);
        stage.settings.batch.events_max = events_max;
        let Exit::Stopped(Fault::Poison { event, .. }) = stage.run_to(END).await else { panic!("it must stop") };
        assert_eq!(event.offset, 8, "the sixth, in batches of {events_max}");
        stage.assert_counts(&words[..5]);
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_is_guilty_of_a_slow_machine_or_of_a_large_batch() {
    let mut words = WORDS;
    (words[0], words[4], words[5], words[11]) = ("slow", "crowd", "slow", "crowd");
    for events_max in 1..=WORDS.len() {
        let mut stage = Stage::new(&words);
        stage.settings.batch.events_max = events_max;
        assert!(matches!(stage.run_to(END).await, Exit::Shutdown));
        stage.assert_counts(&words);
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_taken_apart_is_committed_in_parts() {
    let mut words = WORDS;
    (words[1], words[6], words[9]) = ("crowd", "refuse", "crowd");
    for policy in [Policy::Skip, Policy::Park] {
        for events_max in 1..=WORDS.len() {
            let mut stage = Stage::new(&words);
            (stage.course.policy, stage.course.parked_max) = (policy, 1);
            stage.settings.batch.events_max = events_max;
            // So each event writes enough for a commit.
            stage.settings.write_bytes_max = 1;
            assert!(matches!(stage.run_to(END).await, Exit::Shutdown));
            let healthy: Vec<_> = words.into_iter().filter(|word| *word != "refuse").collect();
            stage.assert_counts(&healthy);
            // Three at most are batches that are well.
            let commits = stage.store.commits.load(SeqCst);
            assert!(events_max < WORDS.len() || commits > 6, "{commits} commits");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_of_several_bad_events_is_the_one_that_is_named() {
    let stage = Stage::new(&["a", "trap", "b", "refuse"]);
    let Exit::Stopped(Fault::Poison { event, .. }) = stage.run_to(END).await else { panic!("it must stop") };
    assert_eq!(event.offset, 2);
    stage.assert_counts(&["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_second_lane_fences_the_first() {
    let stage = Stage::new(&WORDS);
    let (first, mut seen) = stage.lane();
    let running = tokio::spawn(first.run(CancellationToken::new()));
    seen.wait_for(|status| status.committed == 12).await.unwrap();

    assert!(matches!(stage.run_to(END).await, Exit::Shutdown));
    let exit = running.await.unwrap();
    assert!(matches!(exit, Exit::Stopped(Fault::Store(store::Error::Fenced { .. }))), "{exit:?}");
    stage.assert_counts(&WORDS);
}

#[tokio::test(start_paused = true)]
async fn lingers_for_more_but_not_for_ever() {
    let mut stage = Stage::new(&["a"]);
    stage.settings.linger = Duration::from_secs(5);
    stage.settings.look_every = Duration::from_secs(60);
    let (lane, mut seen) = stage.lane();
    let shutdown = CancellationToken::new();
    let started = tokio::time::Instant::now();
    let running = tokio::spawn(lane.run(shutdown.clone()));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(stage.store.commits.load(SeqCst), 1, "where it begins; it waits for more");
    stage.log.append([(10, "b".to_owned())]);
    seen.wait_for(|status| status.committed == 2).await.unwrap();
    assert_eq!(stage.store.commits.load(SeqCst), 2, "where it begins, and both together");
    assert!(started.elapsed() >= stage.settings.linger, "after {:?}", started.elapsed());
    shutdown.cancel();
    running.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn events_that_cannot_be_applied_are_left_out_if_that_is_wanted() {
    let mut words = WORDS;
    (words[0], words[5], words[6], words[11]) = ("trap", "refuse", "trap", "refuse");
    for events_max in 1..=WORDS.len() {
        let mut stage = Stage::new(&words);
        stage.course.policy = Policy::Skip;
        stage.settings.batch.events_max = events_max;
        assert!(matches!(stage.run_to(END).await, Exit::Shutdown));
        let healthy: Vec<_> = words.into_iter().filter(|word| word.len() == 1).collect();
        stage.assert_counts(&healthy);
    }
}

/// Events of three keys and of none: `a` fails at its second event, `c` at its first.
const KEYED: [&str; 12] =
    ["a=x", "b=x", "a=refuse", "c=trap", "b=y", "a=y", "x", "refuse", "c=z", "a=z", "b=x", "z"];

impl Stage {
    fn parking(most: usize, events_max: usize) -> Stage {
        let mut stage = Stage::new(&KEYED);
        (stage.course.policy, stage.course.parked_max) = (Policy::Park, most);
        stage.settings.batch.events_max = events_max;
        stage
    }

    /// The offset of each event that is set aside, and of the one that it waits behind.
    fn set_aside(&self) -> Vec<(u64, Option<String>)> {
        let letters = self.store.memory.letters("words", 1, "0");
        letters.all.values().map(|letter| (letter.offset, letter.parked_behind.clone())).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_applied_is_set_aside_and_its_key_waits_behind_it() {
    let behind = |offset: u64| Some(format!("t/0@{offset}"));
    for events_max in 1..=KEYED.len() {
        let stage = Stage::parking(10, events_max);
        assert!(matches!(stage.run_to(END).await, Exit::Shutdown));
        stage.assert_counts(&["x", "x", "y", "x", "x", "z"]);
        let expected = [(3, None), (5, None), (8, behind(3)), (11, None), (12, behind(5)), (14, behind(3))];
        let mut set_aside = stage.set_aside();
        set_aside.sort();
        assert_eq!(set_aside, expected, "{events_max} events at once");
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_is_set_aside_than_may_be() {
    for (most, last) in [(0, 3), (1, 5), (2, 8), (3, 11), (4, 12), (5, 14)] {
        for events_max in 1..=KEYED.len() {
            let stage = Stage::parking(most, events_max);
            let Exit::Stopped(Fault::Full { event, .. }) = stage.run_to(END).await else { panic!("it is full") };
            assert_eq!((event.offset, stage.set_aside().len()), (last, most), "{events_max} events at once");
            let next = stage.store.memory.marks("words", 1).values().next().unwrap().next;
            assert!(
                next <= last && last <= next + 1,
                "it stands at {next}; an offset before {last} may be missing"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_set_aside_twice_or_lost_when_commits_fail() {
    for fault in [CommitFault::Lost, CommitFault::ReplyLost, CommitFault::Flushed] {
        for commit in 0..12 {
            let stage = Stage::parking(10, 1);
            stage.fault(commit, fault);
            assert!(matches!(stage.run_to(END).await, Exit::Shutdown));
            stage.assert_counts(&["x", "x", "y", "x", "x", "z"]);
            assert_eq!(stage.set_aside().len(), 6);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_is_tried_again_up_to_what_fails_again() {
    for fault in [None, Some(CommitFault::Lost), Some(CommitFault::ReplyLost)] {
        let stage = Stage::parking(10, 4);
        assert!(matches!(stage.run_to(END).await, Exit::Shutdown));
        let before = stage.counts("added");
        // As if another module took what `c` failed at, but not what `a` did.
        stage.store.memory.settle("words", 1, "0", |letters| {
            for letter in letters.all.values_mut().filter(|letter| letter.offset == 5) {
                letter.payload = Some(b"w"[..].into());
            }
            letters.retry = letters.all.keys().copied().collect();
        });
        stage.store.faults.lock().unwrap().clear();
        if let Some(fault) = fault {
            stage.fault(stage.store.commits.load(SeqCst), fault);
        }
        stage.log.append([(90, "end".to_owned())]);
        assert!(matches!(stage.run_to(91).await, Exit::Shutdown));
        let mut expected = before;
        for word in ["w", "z", "end"] {
            *expected.entry(word.to_owned()).or_default() += 1;
        }
        assert_eq!((stage.counts("added"), stage.counts("written")), (expected.clone(), expected));
        assert_eq!(stage.set_aside().iter().map(|(offset, _)| *offset).collect::<Vec<_>>(), [3, 8, 11, 14]);
        assert_eq!(stage.store.memory.letters("words", 1, "0").retry.len(), 0, "all were tried");
    }
}

#[tokio::test(start_paused = true)]
async fn begins_and_stops_where_it_is_told() {
    let mut stage = Stage::new(&WORDS);
    let at = TopicPartition::new("t", 0);
    stage.course =
        Course { starts: [(at.clone(), 3)].into(), until: Some([(at, 12)].into()), ..Course::default() };
    // The events at offsets 3, 5, 6, 8, 9 and 11.
    assert!(matches!(stage.run_to(12).await, Exit::Shutdown));
    stage.assert_counts(&WORDS[2..8]);
}

#[tokio::test(start_paused = true)]
async fn goes_no_faster_than_it_may() {
    let mut stage = Stage::new(&WORDS);
    stage.course.rate = Some(2.0);
    let started = tokio::time::Instant::now();
    assert!(matches!(stage.run_to(END).await, Exit::Shutdown));
    let seconds = started.elapsed().as_secs_f64();
    assert!((5.0..6.0).contains(&seconds), "12 events at 2 a second took {seconds} s");
    stage.assert_counts(&WORDS);
}

#[tokio::test(start_paused = true)]
async fn where_it_begins_is_committed_although_no_event_is_there() {
    let stage = Stage::new(&[]);
    let (lane, mut seen) = stage.lane();
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(lane.run(shutdown.clone()));
    let at = TopicPartition::new("t", 0);
    let begun = seen.wait_for(|status| status.checkpoint.contains_key(&at)).await.unwrap().checkpoint[&at];
    assert_eq!((begun.next, begun.newest), (0, -1));
    shutdown.cancel();
    running.await.unwrap();
}
