//! Watches how far every view has come, and so how long it takes after each fault until all is as it should be.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Formatter};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use redis::{Connection, cmd};

use super::diary::Diary;
use super::fault::Fault;
use super::stop::Stop;

/// How often it looks.
const LOOK: Duration = Duration::from_millis(25);
/// Redis answers at once, or is away.
const ANSWER: Duration = Duration::from_millis(500);

/// A watcher, as those see it who inject.
#[derive(Clone)]
pub struct Monitor(Arc<Mutex<Watch>>);

/// How long it took after a fault.
#[derive(Clone, Copy, Debug)]
pub struct Recovery {
    /// Which kind it was.
    pub fault: Fault,
    /// Until every lane had moved on.
    pub moved: Duration,
    /// Until all was applied that was acknowledged when the fault ended.
    pub caught_up: Duration,
    /// Whether something else happened meanwhile, so that the times say little.
    pub disturbed: bool,
}

/// A lane: a projection and a partition.
type Lane = (&'static str, u32);

#[derive(Default)]
struct Watch {
    open: Vec<Open>,
    done: Vec<Recovery>,
    paused: BTreeSet<String>,
    seen: BTreeMap<Lane, u64>,
    /// All lanes that were ever seen.
    lanes: BTreeSet<Lane>,
}

/// A fault that has ended, but not everything has recovered.
struct Open {
    fault: Fault,
    ended: Instant,
    goal: BTreeMap<u32, u64>,
    still: BTreeSet<Lane>,
    moved: Option<Duration>,
    disturbed: bool,
}

impl Monitor {
    /// Begins to watch the checkpoints of these projections of a topic, until it is told to stop.
    pub fn start(
        url: &str,
        topic: &str,
        projections: &'static [&'static str],
        diary: &Diary,
        over: &Stop,
    ) -> (Monitor, JoinHandle<()>) {
        let monitor = Monitor(Arc::default());
        let (own, client) = (monitor.clone(), redis::Client::open(url).expect("this is a URL"));
        let (topic, diary, over) = (topic.to_owned(), diary.clone(), over.clone());
        let look = move || {
            let mut connection = None;
            while !over.pause(LOOK) {
                let open = connection.take().or_else(|| connect(&client));
                connection = open.and_then(|mut open| {
                    let seen = checkpoints(&mut open, &topic, projections)?;
                    own.with(|watch| watch.note(seen))
                        .iter()
                        .for_each(|recovery| diary.note(&recovery.to_string()));
                    Some(open)
                });
            }
        };
        (monitor, thread::spawn(look))
    }

    /// A fault begins: what has not recovered is disturbed by it.
    pub fn disturb(&self) {
        self.with(|watch| watch.open.iter_mut().for_each(|open| open.disturbed = true));
    }

    /// A fault has ended, and so much was acknowledged by then. Whether others are going on, is said too.
    pub fn ended(&self, fault: Fault, goal: BTreeMap<u32, u64>, others: bool) {
        self.with(|watch| {
            let still = watch.lanes.clone();
            let disturbed = others || !watch.paused.is_empty() || !watch.open.is_empty();
            let ended = Instant::now();
            watch.open.push(Open { fault, ended, goal, still, moved: None, disturbed });
        });
    }

    /// The operator lets a projection stand still, or go on.
    pub fn paused(&self, projection: &str, is_paused: bool) {
        self.disturb();
        self.with(|watch| match is_paused {
            true => drop(watch.paused.insert(projection.to_owned())),
            false => drop(watch.paused.remove(projection)),
        });
    }

    /// Whether everything has recovered.
    pub fn is_calm(&self) -> bool {
        self.with(|watch| watch.open.is_empty())
    }

    /// All that has recovered, and what has not.
    pub fn recoveries(&self) -> (Vec<Recovery>, Vec<Fault>) {
        self.with(|watch| (watch.done.clone(), watch.open.iter().map(|open| open.fault).collect()))
    }

    fn with<T>(&self, act: impl FnOnce(&mut Watch) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Watch {
    /// Takes in what is seen, and gives what has recovered.
    fn note(&mut self, seen: BTreeMap<Lane, u64>) -> Vec<Recovery> {
        let moved =
            |(lane, next): (&Lane, &u64)| self.seen.get(lane).is_some_and(|before| before < next).then_some(*lane);
        let moved: BTreeSet<Lane> = seen.iter().filter_map(moved).collect();
        for open in &mut self.open {
            open.still.retain(|lane| !moved.contains(lane) && !self.paused.contains(lane.0));
            if open.still.is_empty() {
                open.moved.get_or_insert(open.ended.elapsed());
            }
        }
        let awake: Vec<&Lane> = self.lanes.iter().filter(|(name, _)| !self.paused.contains(*name)).collect();
        let reached = |open: &Open| {
            let mut goals = awake.iter().filter_map(|lane| Some((lane, open.goal.get(&lane.1)?)));
            goals.all(|(lane, goal)| seen.get(lane).is_some_and(|next| next >= goal))
        };
        let is_over = |open: &mut Open| open.moved.is_some() && reached(open);
        let recovered = self.open.extract_if(.., is_over).map(|open| {
            let Open { fault, ended, moved, disturbed, .. } = open;
            let (moved, caught_up) = (moved.expect("it was looked at just now"), ended.elapsed());
            Recovery { fault, moved, caught_up, disturbed }
        });
        let recovered: Vec<Recovery> = recovered.collect();
        self.done.extend(&recovered);
        self.lanes.extend(seen.keys());
        self.seen = seen;
        recovered
    }
}

impl Display for Recovery {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (moved, caught_up) = (self.moved.as_secs_f64(), self.caught_up.as_secs_f64());
        write!(
            f,
            "{}: recovered, all moved after {moved:.2} s and caught up after {caught_up:.2} s",
            self.fault.name()
        )
    }
}

fn connect(client: &redis::Client) -> Option<Connection> {
    let connection = client.get_connection_with_timeout(ANSWER).ok()?;
    connection.set_read_timeout(Some(ANSWER)).ok()?;
    connection.set_write_timeout(Some(ANSWER)).ok()?;
    Some(connection)
}

/// How far each lane has come, as readers see it. None if Redis is away.
fn checkpoints(
    connection: &mut Connection,
    topic: &str,
    projections: &[&'static str],
) -> Option<BTreeMap<Lane, u64>> {
    let mut all = BTreeMap::new();
    for name in projections {
        let fields: BTreeMap<String, String> =
            cmd("HGETALL").arg(format!("lantern:checkpoints:{name}")).query(connection).ok()?;
        for (field, next) in fields {
            let partition = field.strip_prefix(topic).and_then(|rest| rest.strip_prefix('/')?.parse().ok());
            all.extend(partition.zip(next.parse().ok()).map(|(partition, next)| ((*name, partition), next)));
        }
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn monitor(seen: [u64; 2]) -> Monitor {
        let monitor = Monitor(Arc::default());
        note(&monitor, lanes(seen));
        monitor
    }

    fn note(monitor: &Monitor, seen: BTreeMap<Lane, u64>) {
        monitor.with(|watch| drop(watch.note(seen)));
    }

    fn lanes([one, other]: [u64; 2]) -> BTreeMap<Lane, u64> {
        [(("p", 0), one), (("p", 1), other)].into()
    }

    #[test]
    fn a_fault_is_over_when_every_lane_has_moved_and_caught_up() {
        let monitor = monitor([5, 5]);
        monitor.ended(Fault::Kill, [(0, 7), (1, 5)].into(), false);
        for (seen, is_over) in [([7, 5], false), ([7, 5], false), ([7, 6], true)] {
            note(&monitor, lanes(seen));
            assert_eq!(monitor.is_calm(), is_over, "{seen:?}");
        }
        let (done, left) = monitor.recoveries();
        assert_eq!((done.len(), done[0].disturbed, left.len()), (1, false, 0));
    }

    #[test]
    fn what_went_back_has_to_come_again() {
        let monitor = monitor([5, 5]);
        monitor.ended(Fault::RedisFlush, [(0, 5), (1, 5)].into(), false);
        monitor.disturb();
        note(&monitor, BTreeMap::new());
        assert!(!monitor.is_calm());
        for (seen, is_over) in [([0, 0], false), ([3, 4], false), ([5, 4], false), ([5, 5], true)] {
            note(&monitor, lanes(seen));
            assert_eq!(monitor.is_calm(), is_over, "{seen:?}");
        }
        assert!(monitor.recoveries().0[0].disturbed);
    }
}
