//! What a process does with its CPU time, by the names of its threads.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use crate::cpu::Stat;

/// What a thread is for, by what its name begins with: librdkafka's threads, those of the native consumers, those of a host.
const PARTS: [(&str, Part); 6] = [
    ("rdk:", Part::Fetch),
    ("fetch", Part::Fetch),
    ("apply", Part::Apply),
    ("lane", Part::Apply),
    ("background", Part::Apply),
    ("write", Part::Commit),
];

/// A part of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// To get events from the broker, and to take them apart.
    Fetch,
    /// To change the views.
    Apply,
    /// To write the changes to Redis.
    Commit,
}

/// How long a look stays good: threads that end take their counts with them.
const AGE_MAX: Duration = Duration::from_millis(50);

/// The CPU time of the threads of one process, also of those that have ended meanwhile.
pub struct Threads {
    process: u32,
    looked: Instant,
    /// By thread: its name, and its CPU seconds when it was seen last.
    seen: BTreeMap<u32, (String, f64)>,
}

impl Threads {
    /// Those of a process that has just begun.
    pub fn of(process: u32) -> Threads {
        Threads { process, looked: Instant::now(), seen: BTreeMap::new() }
    }

    /// Looks again, unless that was done just now.
    pub fn follow(&mut self) {
        if self.looked.elapsed() >= AGE_MAX {
            self.look();
        }
    }

    /// CPU seconds by part, as of now. What is not here was done by threads of another name.
    pub fn by_part(&mut self) -> BTreeMap<Part, f64> {
        self.look();
        let mut sums = BTreeMap::new();
        for (name, seconds) in self.seen.values() {
            if let Some((_, part)) = PARTS.iter().find(|(begin, _)| name.starts_with(begin)) {
                *sums.entry(*part).or_default() += seconds;
            }
        }
        sums
    }

    fn look(&mut self) {
        self.looked = Instant::now();
        let tasks = fs::read_dir(format!("/proc/{}/task", self.process));
        for task in tasks.into_iter().flatten().flatten() {
            let stat = fs::read_to_string(task.path().join("stat")).ok().and_then(|stat| Stat::parse(&stat));
            let id = task.file_name().to_str().and_then(|id| id.parse().ok());
            if let (Some(id), Some(stat)) = (id, stat) {
                let seconds = stat.seconds();
                self.seen.insert(id, (stat.name, seconds));
            }
        }
    }
}
