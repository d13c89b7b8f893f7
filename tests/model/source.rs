//! The log and the group as a host reaches them. Readers give events again when they are told to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lantern::event::{Batch, BatchLimits, Event, TopicPartition};
use lantern::source::{Assignment, Bounds, Error, Group, Reader, Source, Start, Topic};
use tokio::sync::watch;

use super::line::{Line, source_away};

/// Events of a partition that are given before it is another one's turn.
const TURN: usize = 2;

pub struct LogReader {
    line: Line,
    cursors: Vec<Cursor>,
    /// The number of times that events were given again.
    repeated: u64,
    turn: usize,
}

/// Where a reader stands in a partition.
struct Cursor {
    at: TopicPartition,
    topic: u32,
    /// Number of the next event.
    next: usize,
}

pub struct Member(watch::Receiver<Assignment>);

impl Source for Line {
    type Reader = LogReader;
    type Group = Member;

    async fn topic(&self, _topic: &str) -> Result<Topic, Error> {
        let topic = Topic { partitions: self.world.shape.partitions, id: None };
        if self.reaches_source().await { Ok(topic) } else { Err(source_away()) }
    }

    async fn bounds(&self, at: &TopicPartition) -> Result<Bounds, Error> {
        let end = self.world.log.ends().get(at).copied().unwrap_or(0);
        Ok(Bounds { first: 0, end })
    }

    async fn is_compacted(&self, _topic: &str) -> Result<bool, Error> {
        Ok(false)
    }

    async fn open(&self, from: Vec<Start>) -> Result<LogReader, Error> {
        if !self.reaches_source().await {
            return Err(source_away());
        }
        let records = self.world.log.lock();
        let cursor = |start: Start| {
            let records = &records[&start.at];
            let next = records.partition_point(|record| record.offset < start.next.unwrap_or(0));
            Cursor { at: start.at, topic: start.topic, next }
        };
        let cursors = from.into_iter().map(cursor).collect();
        let repeated = self.world.state().repeat.0;
        Ok(LogReader { line: self.clone(), cursors, repeated, turn: 0 })
    }

    async fn join(&self, _installation: &str, _host: &str) -> Result<Member, Error> {
        if !self.reaches_source().await {
            return Err(source_away());
        }
        Ok(Member(self.world.state().slots[self.host].assigned.subscribe()))
    }
}

impl LogReader {
    fn is_ready(&self) -> bool {
        let records = self.line.world.log.lock();
        let is_repeat_due = self.line.world.state().repeat.0 != self.repeated;
        self.cursors
            .iter()
            .any(|cursor| cursor.next < records[&cursor.at].len() || is_repeat_due && cursor.next > 0)
    }

    /// Goes back over what was read, if that is due.
    fn repeat(&mut self) {
        let (number, back) = self.line.world.state().repeat;
        if std::mem::replace(&mut self.repeated, number) == number {
            return;
        }
        for cursor in &mut self.cursors {
            let back = back.min(cursor.next);
            cursor.next -= back;
            self.line.world.state().coverage.add("repeated: events given again", back as u64);
        }
    }
}

impl Reader for LogReader {
    async fn ready(&mut self) {
        self.line.thawed().await;
        loop {
            let news = self.line.world.news.notified();
            if self.is_ready() || self.line.world.state().source_away {
                return;
            }
            news.await;
        }
    }

    fn fill(&mut self, batch: &mut Batch, limits: &BatchLimits) -> Result<(), Error> {
        self.line.world.called();
        if self.line.source_is_away() {
            return Err(source_away());
        }
        self.repeat();
        let records = self.line.world.log.lock();
        let mut idle = 0;
        while idle < self.cursors.len() {
            let index = self.turn % self.cursors.len();
            self.turn += 1;
            idle += 1;
            let cursor = &mut self.cursors[index];
            for record in records[&cursor.at].iter().skip(cursor.next).take(TURN) {
                if batch.is_full_for(0, limits) {
                    return Ok(());
                }
                batch.push(&Event {
                    topic: cursor.topic,
                    partition: cursor.at.partition,
                    offset: record.offset,
                    timestamp: record.timestamp,
                    key: record.key.as_deref(),
                    headers: b"",
                    payload: record.payload.as_deref(),
                });
                cursor.next += 1;
                idle = 0;
            }
        }
        Ok(())
    }

    fn at_end(&mut self) -> bool {
        !self.is_ready()
    }
}

impl Group for Member {
    fn subscribe(&self, _topics: BTreeSet<Arc<str>>) {}

    fn assignment(&self) -> watch::Receiver<Assignment> {
        self.0.clone()
    }

    fn report(&self, _offsets: BTreeMap<TopicPartition, u64>) {}

    async fn leave(self) {}
}
