//! A reader of the checkpoints of `balances`, who has Redis tell it of every change (a keyspace notification), and then reads them.
//!
//! To ask again and again without being told would take half a processor from those that are measured, and be no sooner: the
//! notification leaves Redis together with its answer to the commit. That the reader must be told first, and then ask, costs
//! every contender the same round trip, which is counted.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use lantern_tests::RedisServer;
use redis::{Commands, Connection};

/// The hash of checkpoints, as readers have it.
const CHECKPOINTS: &str = "lantern:checkpoints:balances";

/// How often it looks whether it is to stop, if nothing changes.
const LOOK: Duration = Duration::from_millis(50);

/// A thread that reads until it is told to stop.
pub struct Reader {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<anyhow::Result<Readings>>,
}

/// All that a reader has read.
#[derive(Debug, Default)]
pub struct Readings {
    /// By partition: when a checkpoint had been read for the first time. Both times and offsets go up.
    checkpoints: BTreeMap<u32, Vec<(Instant, u64)>>,
}

impl Reader {
    /// Begins to read the checkpoints of a topic; returns when no change can be missed.
    pub fn start(redis: &RedisServer, topic: &str) -> anyhow::Result<Reader> {
        redis.set("notify-keyspace-events", "Kh");
        let stop = Arc::new(AtomicBool::new(false));
        let (told, topic) = (stop.clone(), format!("{topic}/"));
        let (notified, asked) = (redis.connect(), redis.connect());
        let (ready, is_ready) = channel();
        let thread = thread::spawn(move || read(notified, asked, &topic, &told, &ready));
        // Without it the thread has failed, and says so when it is stopped.
        let _ = is_ready.recv();
        Ok(Reader { stop, thread })
    }

    /// Reads once more, and gives all that was read.
    pub fn stop(self) -> anyhow::Result<Readings> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

fn read(
    mut notified: Connection,
    mut asked: Connection,
    topic: &str,
    stop: &AtomicBool,
    ready: &Sender<()>,
) -> anyhow::Result<Readings> {
    let mut changes = notified.as_pubsub();
    changes.subscribe(format!("__keyspace@0__:{CHECKPOINTS}"))?;
    changes.set_read_timeout(Some(LOOK))?;
    let _ = ready.send(());
    let mut readings = Readings::default();
    loop {
        // Looked at first, so that the last reading comes after it.
        let last = stop.load(Ordering::Relaxed);
        match changes.get_message() {
            Ok(_) => {}
            Err(error) if error.is_timeout() => {}
            Err(error) => return Err(error).context("waiting for a change"),
        }
        let fields: HashMap<String, String> = asked.hgetall(CHECKPOINTS)?;
        let now = Instant::now();
        let own = |(field, next): (&String, &String)| {
            Some((field.strip_prefix(topic)?.parse().ok()?, next.parse::<u64>().ok()?))
        };
        readings.note(now, fields.iter().filter_map(own));
        if last {
            return Ok(readings);
        }
    }
}

impl Readings {
    /// Notes what was read: partitions, and the next offset of each.
    pub fn note(&mut self, now: Instant, checkpoints: impl IntoIterator<Item = (u32, u64)>) {
        for (partition, next) in checkpoints {
            let known = self.checkpoints.entry(partition).or_default();
            if known.last().is_none_or(|(_, last)| *last < next) {
                known.push((now, next));
            }
        }
    }

    /// When an event could be read.
    pub fn readable(&self, partition: u32, offset: u64) -> anyhow::Result<Instant> {
        let known = self.checkpoints.get(&partition).map_or(&[][..], Vec::as_slice);
        let first = known.partition_point(|(_, next)| *next <= offset);
        let found = known.get(first).map(|(at, _)| *at);
        found.ok_or_else(|| anyhow!("nobody has read what is at offset {offset} of partition {partition}"))
    }

    /// When the first events could be read.
    pub fn first(&self) -> anyhow::Result<Instant> {
        let firsts = self.checkpoints.values().filter_map(|known| known.iter().find(|(_, next)| *next > 0));
        firsts.map(|(at, _)| *at).min().context("nobody has read anything")
    }

    /// When everything could be read up to these ends of partitions.
    pub fn complete(&self, ends: &BTreeMap<u32, u64>) -> anyhow::Result<Instant> {
        let not_empty = ends.iter().filter(|(_, end)| **end > 0);
        let each = not_empty.map(|(partition, end)| self.readable(*partition, end - 1));
        each.collect::<anyhow::Result<Vec<_>>>()?.into_iter().max().context("there are no events")
    }
}
