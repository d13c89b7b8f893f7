//! A reader of `balances`, as an application is one: it reads several views in one MULTI, as fast as Redis answers, and
//! looks whether what it gets belongs together.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use redis::{Connection, RedisResult};

use crate::redis_server::RedisServer;

/// How far from a cutover a pause may be to be blamed on it.
const AROUND: Duration = Duration::from_millis(50);
/// Wrong readings that are kept.
const SHOWN: usize = 3;

/// A thread that reads until it is told to stop.
pub struct Reader {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Readings>,
}

/// All that a reader has read.
#[derive(Default)]
pub struct Readings {
    replies: Vec<Reply>,
    /// Some of those that were neither wholly old nor wholly new.
    pub torn: Vec<String>,
}

/// When a reply came, since the reader began, and of which generation it was.
struct Reply {
    at: Duration,
    generation: u64,
}

/// What is read in one MULTI: a document, two counters, the generation, and how many documents there are.
type Reading = (Option<String>, Option<u64>, Option<u64>, Option<u64>, u64);

impl Reader {
    /// Begins to read a bank of so many accounts, of whose views generation 1 is by `balances` and generation 2 by its next
    /// revision.
    pub fn start(redis: &RedisServer, accounts: u64) -> Reader {
        let stop = Arc::new(AtomicBool::new(false));
        let (told, mut connection) = (stop.clone(), redis.connect());
        let read = move || {
            let (started, mut readings) = (Instant::now(), Readings::default());
            for number in 0.. {
                if told.load(Ordering::Relaxed) {
                    break;
                }
                let reading =
                    read(&mut connection, number % accounts).expect("the test's own redis-server answers");
                readings.note(started.elapsed(), &reading, accounts);
            }
            readings
        };
        Reader { stop, thread: thread::spawn(read) }
    }

    /// Stops, and gives all that was read.
    pub fn stop(self) -> Readings {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the reader can read")
    }
}

fn read(connection: &mut Connection, account: u64) -> RedisResult<Reading> {
    let mut pipeline = redis::pipe();
    pipeline.atomic();
    pipeline.hget("balances:accounts", format!("acc-{account}"));
    pipeline.hget("balances:totals", "accounts").hget("balances:totals", "v2");
    pipeline.hget("lantern:checkpoints:balances", "generation").hlen("balances:accounts");
    pipeline.query(connection)
}

impl Readings {
    fn note(&mut self, at: Duration, reading: &Reading, accounts: u64) {
        let (account, opened, revised, generation, rows) = reading;
        let is_new = *generation != Some(1);
        let belongs_together = matches!(generation, Some(1 | 2))
            && account.as_ref().is_some_and(|account| account.contains("currency") == is_new)
            && *revised == is_new.then_some(accounts)
            && (*opened, *rows) == (Some(accounts), accounts);
        if !belongs_together && self.torn.len() < SHOWN {
            self.torn.push(format!("{reading:?} after {at:?}"));
        }
        self.replies.push(Reply { at, generation: generation.unwrap_or_default() });
    }

    /// How many there are in all.
    pub fn count(&self) -> usize {
        self.replies.len()
    }

    /// How many there are of a generation.
    pub fn of(&self, generation: u64) -> usize {
        self.replies.iter().filter(|reply| reply.generation == generation).count()
    }

    /// The longest time without a reply around the moments in which the generation changed.
    pub fn longest_pause_around_cutovers(&self) -> Duration {
        let changes = self.changes();
        self.pauses(|at| changes.iter().any(|change| at.abs_diff(*change) < AROUND)).max().unwrap_or_default()
    }

    /// All times between two replies that are far from such moments, the shortest first.
    pub fn pauses_elsewhere(&self) -> Vec<Duration> {
        let changes = self.changes();
        let mut pauses: Vec<_> =
            self.pauses(|at| changes.iter().all(|change| at.abs_diff(*change) >= AROUND)).collect();
        pauses.sort();
        pauses
    }

    /// The moments in which the generation changed.
    pub fn changes(&self) -> Vec<Duration> {
        let pairs = self.replies.windows(2);
        pairs.filter(|pair| pair[0].generation != pair[1].generation).map(|pair| pair[1].at).collect()
    }

    fn pauses(&self, fits: impl Fn(Duration) -> bool) -> impl Iterator<Item = Duration> {
        self.replies.windows(2).filter(move |pair| fits(pair[1].at)).map(|pair| pair[1].at - pair[0].at)
    }
}

/// The value that so many of a thousand are at most; of values in their order.
pub fn per_mille(sorted: &[Duration], part: usize) -> Duration {
    sorted.get(sorted.len() * part / 1000).copied().unwrap_or_default()
}
