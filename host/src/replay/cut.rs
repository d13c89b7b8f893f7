//! A source cut off at a point in the past: what comes behind it does not exist.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use std::time::Duration;

use tokio::time::Instant;

use crate::event::{Batch, BatchLimits, Event, TopicPartition};
use crate::source::{Bounds, Error, Reader, Source, Start, Topic};
use crate::store::Checkpoint;

/// How long a reader must have nothing before its word is taken that there is no more: longer than a broker takes to answer
/// that it has nothing.
const QUIET: Duration = Duration::from_millis(1_500);

/// Where history ends.
#[derive(Clone, Debug, PartialEq)]
pub enum Until {
    /// Where the log ended when it was looked at.
    Now,
    /// Before the first event of a partition that is later than this, in milliseconds since the Unix epoch. What comes
    /// behind that one in its partition is not there either, whatever its time.
    Time(i64),
    /// Behind this event: what a reader of all partitions has given, by time, when it comes to it.
    Event(TopicPartition, u64),
}

/// A source whose readers end.
#[derive(Clone, Debug)]
pub struct Cut<S> {
    source: S,
    until: Until,
    /// The offset behind the last event of each partition.
    ends: Arc<BTreeMap<TopicPartition, u64>>,
    tally: Arc<Tally>,
}

/// How far the readers of a cut have come.
#[derive(Debug, Default)]
pub struct Tally {
    /// Events that they have given or passed over.
    read: AtomicU64,
    /// Those of them that they have given.
    given: AtomicU64,
    /// The last offset of each partition that was given.
    last: Mutex<BTreeMap<TopicPartition, u64>>,
    /// Where each partition ends, once the event was given that ends them all.
    ends: OnceLock<BTreeMap<TopicPartition, u64>>,
}

/// Reads up to where history ends.
pub struct CutReader<R> {
    reader: R,
    until: Until,
    places: HashMap<(u32, u32), Place>,
    /// Places that are open.
    open: usize,
    tally: Arc<Tally>,
    read: Batch,
    /// Since when the reader has said that there is no more.
    quiet: Option<Instant>,
}

/// A partition that is read.
struct Place {
    at: TopicPartition,
    end: u64,
    /// Whether more may come of it.
    is_open: bool,
    /// The last offset that was given.
    last: Option<u64>,
}

impl<S> Cut<S> {
    /// History of a source up to there, where each partition ended at these offsets.
    pub fn new(source: S, until: Until, ends: BTreeMap<TopicPartition, u64>) -> Self {
        Self { source, until, ends: Arc::new(ends), tally: Arc::default() }
    }

    /// How far its readers have come.
    pub fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }
}

impl Tally {
    /// Events that were read.
    pub fn read(&self) -> u64 {
        self.read.load(Relaxed)
    }

    /// Events that were given.
    pub fn given(&self) -> u64 {
        self.given.load(Relaxed)
    }

    /// Where each partition of which anything was given came to its end: the offset behind the last event.
    pub fn ends(&self) -> BTreeMap<TopicPartition, u64> {
        self.lock().iter().map(|(at, last)| (at.clone(), last + 1)).collect()
    }

    /// Whether all that was given is committed.
    pub fn is_covered_by(&self, checkpoint: &Checkpoint) -> bool {
        self.lock().iter().all(|(at, last)| checkpoint.get(at).is_some_and(|mark| mark.next > *last))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<TopicPartition, u64>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Source> Source for Cut<S> {
    type Reader = CutReader<S::Reader>;
    type Group = S::Group;

    async fn topic(&self, name: &str) -> Result<Topic, Error> {
        self.source.topic(name).await
    }

    async fn bounds(&self, at: &TopicPartition) -> Result<Bounds, Error> {
        self.source.bounds(at).await
    }

    async fn is_compacted(&self, topic: &str) -> Result<bool, Error> {
        self.source.is_compacted(topic).await
    }

    async fn open(&self, from: Vec<Start>) -> Result<CutReader<S::Reader>, Error> {
        let ends = self.tally.ends.get().unwrap_or(&self.ends);
        let place = |Start { at, topic, next, .. }: &Start| {
            let end = ends.get(at).copied().unwrap_or(0);
            let place = Place { at: at.clone(), end, is_open: next.unwrap_or(0) < end, last: None };
            ((*topic, at.partition), place)
        };
        let places: HashMap<_, _> = from.iter().map(place).collect();
        let open = places.values().filter(|place| place.is_open).count();
        let reader = self.source.open(from).await?;
        let (until, tally) = (self.until.clone(), self.tally.clone());
        Ok(CutReader { reader, until, places, open, tally, read: Batch::default(), quiet: None })
    }

    async fn join(&self, installation: &str, host: &str) -> Result<S::Group, Error> {
        self.source.join(installation, host).await
    }
}

impl<R: Reader> Reader for CutReader<R> {
    async fn ready(&mut self) {
        if self.open == 0 {
            std::future::pending().await
        }
        self.reader.ready().await;
    }

    fn fill(&mut self, batch: &mut Batch, limits: &BatchLimits) -> Result<(), Error> {
        let mut read = std::mem::take(&mut self.read);
        read.clear();
        let filled = self.reader.fill(&mut read, limits);
        if !read.is_empty() {
            self.quiet = None;
        }
        let had = batch.len();
        for event in read.iter() {
            if self.open == 0 {
                break;
            }
            if self.takes(&event) {
                batch.push(&event);
            }
        }
        self.tell(read.len(), batch.len() - had);
        self.read = read;
        filled
    }

    fn at_end(&mut self) -> bool {
        if self.open == 0 {
            return true;
        }
        // A reader may say it a few offsets early. If nothing comes for a while, these have no events.
        let quiet = self.reader.at_end().then(|| *self.quiet.get_or_insert_with(Instant::now));
        self.quiet = quiet;
        quiet.is_some_and(|since| since.elapsed() >= QUIET)
    }
}

impl<R> CutReader<R> {
    /// Whether the event is before the end. Closes what ends with it.
    fn takes(&mut self, event: &Event<'_>) -> bool {
        let Some(place) = self.places.get_mut(&(event.topic, event.partition)).filter(|place| place.is_open)
        else {
            return false;
        };
        let (is_late, is_behind, is_last) = match &self.until {
            Until::Now => (false, false, false),
            Until::Time(time) => (event.timestamp > *time, false, false),
            Until::Event(at, offset) if *at == place.at => {
                (false, event.offset > *offset, event.offset >= *offset)
            }
            Until::Event(..) => (false, false, false),
        };
        let takes = event.offset < place.end && !is_late && !is_behind;
        if takes {
            place.last = Some(event.offset);
        }
        if !takes || event.offset + 1 >= place.end {
            place.is_open = false;
            self.open -= 1;
        }
        if is_last {
            self.open = 0;
            // A reader that is opened again must not go beyond where this one has been.
            let end = |place: &Place| (place.at.clone(), place.last.map_or(0, |last| last + 1));
            self.tally.ends.get_or_init(|| self.places.values().map(end).collect());
        }
        takes
    }

    fn tell(&self, read: usize, given: usize) {
        self.tally.read.fetch_add(read as u64, Relaxed);
        self.tally.given.fetch_add(given as u64, Relaxed);
        let mut last = self.tally.lock();
        for place in self.places.values() {
            if let Some(offset) = place.last {
                last.insert(place.at.clone(), offset);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::memory::MemoryLog;

    fn partition(times: &[i64]) -> Batch {
        let mut batch = Batch::default();
        for (offset, timestamp) in (0..).zip(times.iter().copied()) {
            let event =
                Event { topic: 0, partition: 0, offset, timestamp, key: None, headers: b"", payload: None };
            batch.push(&event);
        }
        batch
    }

    async fn given(until: Until) -> Vec<(u32, i64)> {
        let at = |topic: &str| TopicPartition::new(topic, 0);
        let log = MemoryLog::new([(at("a"), partition(&[1, 9, 4])), (at("b"), partition(&[2, 3, 8]))].into());
        let cut = Cut::new(log, until, [(at("a"), 3), (at("b"), 2)].into());
        let start = |(topic, index)| Start { at: at(topic), topic: index, next: None, id: None };
        let mut reader = cut.open([("a", 0), ("b", 1)].map(start).into()).await.unwrap();
        let mut batch = Batch::default();
        reader.fill(&mut batch, &BatchLimits { events_max: 100, bytes_max: 100 }).unwrap();
        assert!(reader.at_end());
        batch.iter().map(|event| (event.topic, event.timestamp)).collect()
    }

    #[tokio::test]
    async fn what_comes_behind_does_not_exist() {
        assert_eq!(given(Until::Now).await, [(0, 1), (1, 2), (1, 3), (0, 9), (0, 4)]);
        assert_eq!(given(Until::Time(8)).await, [(0, 1), (1, 2), (1, 3)]);
        assert_eq!(given(Until::Event(TopicPartition::new("b", 0), 0)).await, [(0, 1), (1, 2)]);
        assert_eq!(given(Until::Event(TopicPartition::new("a", 0), 1)).await, [(0, 1), (1, 2), (1, 3), (0, 9)]);
    }
}
