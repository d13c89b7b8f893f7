//! Reads some partitions of the log, merged, and tails them live by looking at their lengths now and then.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::cursor::Cursor;
use super::{EmbeddedLog, layout};
use crate::event::{Batch, BatchLimits};
use crate::source::merge;
use crate::source::{self, Error, Start};

/// How often the files are looked at once they were read to the end.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Reads the partitions of one lane. Its reads are short and from local files, so they are not moved off the task.
#[derive(Debug)]
pub struct Reader {
    cursors: Vec<Cursor>,
    looked: Instant,
}

impl Reader {
    /// Opens the partitions. Reads as far as the lines that are asked for.
    pub(super) fn open(log: &EmbeddedLog, from: Vec<Start>) -> Result<Self, Error> {
        let open = |start: Start| Cursor::open(&layout::existing_file(&log.dir, &start.at)?, &log.marks, start);
        let cursors = from.into_iter().map(open).collect::<Result<_, _>>()?;
        Ok(Self { cursors, looked: Instant::now() })
    }

    fn look(&mut self) {
        self.looked = Instant::now();
        self.cursors.iter_mut().for_each(Cursor::look);
    }
}

impl source::Reader for Reader {
    async fn ready(&mut self) {
        while !merge::is_ready(&mut self.cursors) {
            sleep_until(self.looked + LOOK_EVERY).await;
            self.look();
        }
    }

    fn fill(&mut self, batch: &mut Batch, limits: &BatchLimits) -> Result<(), Error> {
        // One partition with many events must not hide what others get.
        if self.looked.elapsed() >= LOOK_EVERY {
            self.look();
        }
        merge::fill(&mut self.cursors, batch, limits)
    }

    fn at_end(&mut self) -> bool {
        merge::is_at_end(&mut self.cursors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::TopicPartition;
    use crate::source::Reader as _;
    use crate::source::embedded::{EmbeddedLog, Record};
    use crate::source::{Bounds, Source};
    use std::fs;
    use std::future::poll_fn;
    use std::pin::pin;
    use std::task::Poll;

    const LIMITS: BatchLimits = BatchLimits { events_max: 3, bytes_max: 1 << 20 };

    fn record(timestamp: i64) -> Record<'static> {
        Record { key: None, timestamp, headers: b"", payload: Some(b"1") }
    }

    fn starts(partitions: u32) -> Vec<Start> {
        let start = |partition| Start { at: TopicPartition::new("t", partition), topic: 0, next: None, id: None };
        (0..partitions).map(start).collect()
    }

    fn filled(reader: &mut Reader) -> Vec<(u32, u64)> {
        let mut batch = Batch::default();
        reader.fill(&mut batch, &LIMITS).unwrap();
        batch.iter().map(|event| (event.partition, event.offset)).collect()
    }

    async fn is_ready(reader: &mut Reader) -> bool {
        let mut ready = pin!(reader.ready());
        poll_fn(|context| Poll::Ready(ready.as_mut().poll(context).is_ready())).await
    }

    #[tokio::test(start_paused = true)]
    async fn merges_what_is_there_and_tails_what_comes() {
        let dir = tempfile::tempdir().unwrap();
        let log = EmbeddedLog::new(dir.path());
        log.create("t", 2).unwrap();
        let mut appender = log.appender("t").unwrap();
        // Without a key each goes to the smaller file: 0, 1, 0, 1.
        appender.append([1, 2, 3, 4].map(record)).unwrap();

        let mut reader = log.open(starts(2)).await.unwrap();
        assert!(is_ready(&mut reader).await);
        assert_eq!(filled(&mut reader), [(0, 0), (1, 0), (0, 1)]);
        assert!(is_ready(&mut reader).await && !reader.at_end());
        assert_eq!(filled(&mut reader), [(1, 1)]);
        assert!(!is_ready(&mut reader).await && reader.at_end());

        appender.append([record(5)]).unwrap();
        reader.ready().await;
        assert_eq!(filled(&mut reader), [(0, 2)]);
    }

    #[tokio::test(start_paused = true)]
    async fn one_busy_partition_does_not_hide_the_others() {
        let dir = tempfile::tempdir().unwrap();
        let log = EmbeddedLog::new(dir.path());
        log.create("t", 2).unwrap();
        let busy = "{\"payload\":1}\n".repeat(20);
        fs::write(dir.path().join("t/0.jsonl"), busy).unwrap();
        let mut reader = log.open(starts(2)).await.unwrap();
        assert_eq!(filled(&mut reader), [(0, 0), (0, 1), (0, 2)]);

        fs::write(dir.path().join("t/1.jsonl"), "{\"timestamp\":-5,\"payload\":1}\n").unwrap();
        tokio::time::advance(LOOK_EVERY).await;
        assert_eq!(filled(&mut reader), [(1, 0), (0, 3), (0, 4)]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_makes_it_ready_and_is_told_by_fill() {
        let dir = tempfile::tempdir().unwrap();
        let log = EmbeddedLog::new(dir.path());
        log.create("t", 1).unwrap();
        let mut reader = log.open(starts(1)).await.unwrap();
        assert!(!is_ready(&mut reader).await);

        fs::write(dir.path().join("t/0.jsonl"), "{\"payload\":1}\n{\n").unwrap();
        reader.ready().await;
        let mut batch = Batch::default();
        let error = reader.fill(&mut batch, &LIMITS).unwrap_err();
        assert!(matches!(error, Error::Malformed { line: 2, .. }));
        assert_eq!(batch.len(), 1);
    }

    #[tokio::test]
    async fn opens_only_what_there_is() {
        let dir = tempfile::tempdir().unwrap();
        let log = EmbeddedLog::new(dir.path());
        assert!(matches!(log.open(starts(1)).await, Err(Error::NoSuchTopic { .. })));
        assert!(matches!(log.topic("../t").await, Err(Error::NoSuchTopic { .. })));
        log.create("t", 2).unwrap();
        assert_eq!(log.topic("t").await.unwrap().partitions, 2);
        assert!(matches!(log.open(starts(3)).await, Err(Error::NoSuchPartition { .. })));
        assert!(matches!(log.bounds(&TopicPartition::new("t", 2)).await, Err(Error::NoSuchPartition { .. })));
        log.appender("t").unwrap().append([record(0)]).unwrap();
        assert_eq!(log.bounds(&TopicPartition::new("t", 0)).await.unwrap(), Bounds { first: 0, end: 1 });
    }
}
