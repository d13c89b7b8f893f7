//! What a lane has set aside: which keys wait behind an event that could not be applied, and what is tried again.
//!
//! It notes what is to become of letters with the next commit, and never writes itself.

use std::collections::{BTreeMap, VecDeque};

use hashbrown::HashMap;
use tokio::time::Instant;

use crate::event::{Batch, Event, Reference};
use crate::letter::{Bytes, Change, GONE, Head, Letter, PARKED, SetAside};
use crate::sandbox::Reason;

/// A letter with its number.
pub(super) type Numbered = (u64, Letter);

/// The letters of a lane, as far as it needs them.
#[derive(Debug)]
pub(super) struct Parking {
    /// Of each key that waits its letters, and which event each is of.
    keys: HashMap<Box<[u8]>, BTreeMap<u64, String>>,
    /// How many letters there are.
    count: usize,
    /// The number of the next one.
    next: u64,
    /// What is to be tried again, and is not at hand: the letters of one key in order, or one without a key.
    wanted: VecDeque<Vec<u64>>,
    /// What is tried again, likewise.
    retries: VecDeque<Vec<Numbered>>,
    /// Whether not all that was wanted was brought.
    is_partial: bool,
    /// What the next commit has to do.
    changes: Vec<Change>,
    /// Digest and revision of the module.
    module: (String, u32),
    /// The store's clock, and when it said so.
    clock: (i64, Instant),
}

/// Which events of a batch may be applied.
#[derive(Debug, PartialEq)]
pub(super) struct Open {
    /// Their indexes; none if it is all of them.
    pub(super) indexes: Option<Vec<usize>>,
    /// Index behind the last event that may be dealt with: no more can be set aside.
    pub(super) end: usize,
}

/// Why a letter stays that was tried again.
pub(super) enum Stays<'a> {
    /// It has failed.
    Failed(&'a Reason),
    /// It can't even be tried, for this.
    Gone(String),
}

impl Parking {
    pub(super) fn new(set_aside: SetAside, module: (String, u32)) -> Self {
        let SetAside { heads, retry, next, now } = set_aside;
        let mut parking = Self {
            keys: HashMap::new(),
            count: heads.len(),
            next,
            wanted: VecDeque::new(),
            retries: VecDeque::new(),
            is_partial: false,
            changes: Vec::new(),
            module,
            clock: (now, Instant::now()),
        };
        // Whatever of a key is to be tried again, its order demands that all before it is.
        let mut last: BTreeMap<&Bytes, u64> = BTreeMap::new();
        for number in &retry {
            match heads.get(number).map(|head| &head.key) {
                Some(Some(key)) => drop(last.insert(key, *number)),
                Some(None) => parking.wanted.push_back(vec![*number]),
                None => {}
            }
        }
        for (number, Head { event, key }) in &heads {
            let Some(key) = key else { continue };
            parking.keys.entry_ref(&*key.0).or_default().insert(*number, event.clone());
        }
        for (key, last) in last {
            let sequence = parking.keys[&key.0].range(..=last).map(|(number, _)| *number);
            parking.wanted.push_back(sequence.collect());
        }
        parking
    }

    /// The numbers of the letters that are to be brought next: of one key, in order.
    pub(super) fn next_wanted(&mut self) -> Option<Vec<u64>> {
        self.wanted.pop_front()
    }

    /// Brings letters of one key that are to be tried again: the first of those that are wanted, or all.
    pub(super) fn bring(&mut self, letters: Vec<Numbered>, is_all: bool) {
        self.is_partial |= !is_all;
        self.retries.extend(Some(letters).filter(|letters| !letters.is_empty()));
    }

    /// Whether all was tried that was brought, but not all that is wanted: the lane has to begin anew.
    pub(super) fn wants_more(&self) -> bool {
        self.retries.is_empty() && (self.is_partial || !self.wanted.is_empty())
    }

    /// How many letters there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Whether anything is to be tried again.
    pub(super) fn has_retries(&self) -> bool {
        !self.retries.is_empty()
    }

    /// Whether the next commit has anything to do.
    pub(super) fn has_changes(&self) -> bool {
        !self.changes.is_empty()
    }

    /// What the next commit has to do.
    pub(super) fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// Which events of a batch may be applied, if there may be so many letters at most.
    pub(super) fn open(&self, batch: &Batch, most: usize) -> Open {
        if self.keys.is_empty() {
            return Open { indexes: None, end: batch.len() };
        }
        let mut room = most.saturating_sub(self.count);
        let mut indexes = Vec::with_capacity(batch.len());
        for (index, event) in batch.iter().enumerate() {
            let is_parked = event.key.is_some_and(|key| self.keys.contains_key(key));
            match (is_parked, room) {
                (false, _) => indexes.push(index),
                (true, 0) => return Open { indexes: Some(indexes), end: index },
                (true, _) => room -= 1,
            }
        }
        let is_all = indexes.len() == batch.len();
        Open { indexes: Some(indexes).filter(|_| !is_all), end: batch.len() }
    }

    /// The event has failed: it is set aside, and so will be all that follow of its key.
    pub(super) fn fail(&mut self, event: &Event<'_>, at: &Reference, reason: &Reason) {
        let mut letter = self.letter(event, at);
        letter.say(reason.name(), &reason.message(), reason.backtrace());
        self.put(letter);
    }

    /// The event waits behind the one of its key that has failed.
    pub(super) fn park(&mut self, event: &Event<'_>, at: &Reference) {
        let mut letter = self.letter(event, at);
        letter.say(PARKED, "", &[]);
        let waiting = event.key.and_then(|key| self.keys.get(key));
        letter.parked_behind =
            waiting.and_then(|waiting| waiting.first_key_value()).map(|(_, first)| first.clone());
        self.put(letter);
    }

    /// The next letters to be tried again: of one key, in order.
    pub(super) fn next_retry(&mut self) -> Option<Vec<Numbered>> {
        self.retries.pop_front()
    }

    /// Of letters that were tried again so many are applied; the next stays, if there was a reason, and those behind it.
    pub(super) fn retried(&mut self, letters: Vec<Numbered>, applied: usize, stays: Option<Stays<'_>>) {
        let mut letters = letters.into_iter();
        for (number, letter) in letters.by_ref().take(applied) {
            self.changes.push(Change::Remove(number));
            self.count -= 1;
            self.remove(letter.key.as_ref(), number);
        }
        let Some(stays) = stays else { return };
        if let Some((number, mut letter)) = letters.next() {
            // None behind it is tried, whether it was brought or not.
            let waiting = letter.key.as_ref().and_then(|key| self.keys.get(&key.0));
            let behind = waiting.into_iter().flat_map(|waiting| waiting.range(number + 1..));
            self.changes.extend(behind.map(|(number, _)| Change::Leave(*number)));
            letter.keep_content();
            match stays {
                Stays::Failed(reason) => letter.say(reason.name(), &reason.message(), reason.backtrace()),
                Stays::Gone(message) => {
                    let (before, backtrace) = (letter.message.clone(), letter.backtrace.clone());
                    let and = if before.is_empty() { "" } else { "; before that: " };
                    letter.say(GONE, &format!("{message}{and}{before}"), &backtrace);
                }
            }
            letter.parked_behind = None;
            (letter.module, letter.revision) = self.module.clone();
            letter.time = self.now();
            self.changes.push(Change::Put(number, Box::new(letter)));
        }
    }

    fn letter(&self, event: &Event<'_>, at: &Reference) -> Letter {
        let mut letter = Letter {
            topic: at.at.topic.to_string(),
            partition: at.at.partition,
            offset: at.offset,
            timestamp: event.timestamp,
            key: event.key.map(Bytes::from),
            headers: Letter::headers_of(event),
            payload: event.payload.map(Bytes::from),
            left_out: None,
            reason: String::new(),
            message: String::new(),
            backtrace: Vec::new(),
            parked_behind: None,
            module: self.module.0.clone(),
            revision: self.module.1,
            time: self.now(),
        };
        letter.keep_content();
        letter
    }

    fn now(&self) -> i64 {
        let (then, since) = self.clock;
        then + i64::try_from(since.elapsed().as_millis()).unwrap_or(0)
    }

    fn put(&mut self, letter: Letter) {
        let Head { event, key } = letter.head();
        if let Some(key) = key {
            self.keys.entry(key.0).or_default().insert(self.next, event);
        }
        self.changes.push(Change::Put(self.next, Box::new(letter)));
        self.next += 1;
        self.count += 1;
    }

    fn remove(&mut self, key: Option<&Bytes>, number: u64) {
        let Some(key) = key else { return };
        if let Some(waiting) = self.keys.get_mut(&key.0) {
            waiting.remove(&number);
            if waiting.is_empty() {
                self.keys.remove(&key.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::TopicPartition;
    use crate::letter::{CONTENT_BYTES_MAX, Letters};

    fn event(offset: u64, key: Option<&'static str>) -> Event<'static> {
        let key = key.map(str::as_bytes);
        Event { topic: 0, partition: 0, offset, timestamp: 5, key, headers: b"", payload: Some(b"p") }
    }

    fn at(offset: u64) -> Reference {
        Reference { at: TopicPartition::new("t", 0), offset }
    }

    fn refused() -> Reason {
        Reason::Error("no".to_owned())
    }

    fn new() -> Parking {
        Parking::new(SetAside::default(), ("m".to_owned(), 1))
    }

    /// What a lane has set aside of these.
    fn parked(keys: &[(u64, Option<&'static str>, bool)]) -> Letters {
        let mut parking = new();
        for (offset, key, fails) in keys {
            let event = event(*offset, *key);
            if *fails {
                parking.fail(&event, &at(*offset), &refused())
            } else {
                parking.park(&event, &at(*offset))
            }
        }
        let mut letters = Letters::default();
        letters.change(&parking.take_changes());
        letters
    }

    /// The lane after a new start.
    fn again(letters: &Letters) -> Parking {
        let heads = letters.all.iter().map(|(number, letter)| (*number, letter.head())).collect();
        let set_aside = SetAside { heads, retry: letters.retry.clone(), next: 100, now: 0 };
        let mut parking = Parking::new(set_aside, ("m2".to_owned(), 2));
        while let Some(numbers) = parking.next_wanted() {
            let numbered = numbers.iter().map(|number| (*number, letters.all[number].clone())).collect();
            parking.bring(numbered, true);
        }
        parking
    }

    fn batch(keys: &[Option<&'static str>]) -> Batch {
        let mut batch = Batch::default();
        (10..).zip(keys).for_each(|(offset, key)| batch.push(&event(offset, *key)));
        batch
    }

    #[test]
    fn later_events_of_a_key_wait_behind_it() {
        let letters = parked(&[(1, Some("a"), true), (2, Some("a"), false), (3, None, true)]);
        let behind: Vec<_> = letters.all.values().map(|letter| letter.parked_behind.as_deref()).collect();
        assert_eq!(behind, [None, Some("t/0@1"), None]);

        let parking = again(&letters);
        let events = batch(&[Some("b"), Some("a"), None, Some("a")]);
        assert_eq!(parking.open(&events, 10), Open { indexes: Some(vec![0, 2]), end: 4 });
        assert_eq!(parking.open(&events, 4), Open { indexes: Some(vec![0, 2]), end: 3 }, "one more fits");
        assert_eq!(parking.open(&batch(&[Some("b"), None]), 0), Open { indexes: None, end: 2 });
    }

    #[test]
    fn a_key_is_tried_again_in_order_and_without_what_comes_after() {
        let mut letters =
            parked(&[(1, Some("a"), true), (2, Some("b"), true), (3, Some("a"), false), (4, Some("a"), false)]);
        letters.retry = [2].into();
        let mut parking = again(&letters);
        let letters = parking.next_retry().expect("one key is to be tried");
        assert_eq!(letters.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [0, 2]);
        assert!(!parking.has_retries());

        parking.retried(letters, 2, None);
        assert_eq!(parking.take_changes(), [Change::Remove(0), Change::Remove(2)]);
        assert_eq!(parking.count(), 2);
        let still = parking.open(&batch(&[Some("a")]), 10);
        assert_eq!(still.indexes, Some(vec![]), "one of the key is set aside yet");
    }

    #[test]
    fn what_fails_again_says_why_and_holds_back_the_rest() {
        let mut letters = parked(&[(1, Some("a"), true), (2, Some("a"), false), (3, Some("a"), false)]);
        letters.retry = [0, 1, 2].into();
        let mut parking = again(&letters);
        let letters = parking.next_retry().expect("one key is to be tried");
        parking.retried(letters, 1, Some(Stays::Failed(&Reason::Error("still no".to_owned()))));
        let changes = parking.take_changes();
        let [Change::Remove(0), Change::Leave(2), Change::Put(1, letter)] = &changes[..] else {
            panic!("{changes:?}")
        };
        assert_eq!((letter.message.as_str(), letter.module.as_str(), letter.revision), ("still no", "m2", 2));
        assert_eq!((letter.reason.as_str(), letter.parked_behind.as_deref()), ("error", None));
        // What comes now waits behind that one.
        parking.park(&event(9, Some("a")), &at(9));
        let [Change::Put(100, letter)] = &parking.take_changes()[..] else { panic!("one is set aside") };
        assert_eq!(letter.parked_behind.as_deref(), Some("t/0@2"));
    }

    #[test]
    fn what_is_not_brought_is_brought_to_the_next_life() {
        let mut letters = parked(&[(1, Some("a"), true), (2, Some("a"), false), (3, Some("b"), true)]);
        letters.retry = [0, 1, 2].into();
        let start = || {
            let heads = letters.all.iter().map(|(number, letter)| (*number, letter.head())).collect();
            let set_aside = SetAside { heads, retry: letters.retry.clone(), next: 100, now: 0 };
            let mut parking = Parking::new(set_aside, ("m2".to_owned(), 2));
            assert_eq!(parking.next_wanted(), Some(vec![0, 1]));
            parking.bring(vec![(0, letters.all[&0].clone())], false);
            assert!(!parking.wants_more(), "there is one to be tried first");
            let brought = parking.next_retry().expect("one was brought");
            (parking, brought)
        };
        let (mut parking, brought) = start();
        parking.retried(brought, 1, None);
        assert!(parking.wants_more());
        assert_eq!(parking.take_changes(), [Change::Remove(0)]);

        // If it fails, what was not brought is not tried either: else the lane would begin anew for ever.
        let (mut parking, brought) = start();
        parking.retried(brought, 0, Some(Stays::Failed(&refused())));
        let changes = parking.take_changes();
        assert!(matches!(changes[..], [Change::Leave(1), Change::Put(0, _)]), "{changes:?}");
    }

    #[test]
    fn what_is_gone_says_so_and_what_it_had_failed_with() {
        let mut letters = parked(&[(1, None, true)]);
        letters.retry = [0].into();
        let mut parking = again(&letters);
        let brought = parking.next_retry().expect("one is to be tried");
        parking.retried(brought, 0, Some(Stays::Gone("it is gone".to_owned())));
        let [Change::Put(0, letter)] = &parking.take_changes()[..] else { panic!("it stays") };
        assert_eq!((&*letter.reason, &*letter.message), (GONE, "it is gone; before that: no"));
    }

    #[test]
    fn much_content_is_left_to_the_log() {
        let payload = vec![b'x'; CONTENT_BYTES_MAX + 1];
        let mut parking = new();
        parking.fail(&Event { payload: Some(&payload), ..event(1, None) }, &at(1), &refused());
        let [Change::Put(_, letter)] = &parking.take_changes()[..] else { panic!("one is set aside") };
        assert_eq!((&letter.payload, letter.left_out), (&None, Some(payload.len() as u64)));
    }
}
