//! Chaos: a real Kafka, a real Redis with a replica, three hosts, an operator who is never content, and everything that can
//! go wrong with them, in an order that one seed gives. At the end every view must be what the acknowledged events say.

mod cluster;
mod diary;
mod fault;
mod monitor;
mod operator;
mod producer;
mod proxy;
mod record;
mod redis_pair;
mod report;
mod stage;
mod stop;
mod verdict;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::bank::Bank;
use crate::eventually::NET;
use crate::random::Random;
pub use diary::Diary;
pub use fault::{Fault, Length};
use monitor::{Monitor, Recovery};
pub use operator::Action;
use operator::{Done, Operator, PROJECTIONS, Shift};
use producer::Producers;
use record::Record;
use stage::{Injected, PARTITIONS, Stage};
pub use stop::Stop;
use verdict::Log;

/// How often it is looked whether a fault is over.
const LOOK: Duration = Duration::from_millis(20);
/// When nothing is injected any more, all must be well within this.
const PEACE: Duration = Duration::from_secs(180);
/// Accounts of the bank: so few that each has many events, so many that no list of the ledger is full.
const ACCOUNTS: u64 = 400;

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where the stream of random numbers starts.
    pub seed: u64,
    /// How long it lasts.
    pub length: Length,
    /// Where the logs of the hosts are kept, if they are.
    pub logs: Option<PathBuf>,
}

/// What has come of it.
pub struct Outcome {
    seed: u64,
    length: Length,
    took: Duration,
    injected: Injected,
    recoveries: Vec<Recovery>,
    done: Done,
    appended: [usize; 4],
    diary: Diary,
}

/// Runs a plan. None on a machine that can't run Kafka.
pub fn run(plan: &Plan, diary: &Diary, stop: &Stop) -> Option<Outcome> {
    let started = Instant::now();
    let mut random = Random::new(plan.seed);
    let stage = Stage::set(Random::new(random.bits()), plan.logs.as_deref(), diary, stop)?;
    let operator = Operator::new(stage.redis.operators_url(), &stage.topic, diary);
    operator.deploy_all();
    stage.until_shared();

    let (record, over) = (Record::default(), Stop::default());
    let (monitor, watch) = Monitor::start(&stage.redis.watchers_url(), &stage.topic, &PROJECTIONS, diary, &over);
    let bank = Bank { seed: random.bits(), accounts: ACCOUNTS, partitions: PARTITIONS, ..Bank::default() };
    let producers = Producers::start(stage.kafka.servers(), &stage.topic, &bank, &record, diary, &over);
    let working = Stop::default();
    let shift = Shift::start(operator.clone(), random.bits(), &monitor, &working);
    let mut run = Run { length: plan.length, stage, monitor, record, diary, stop, injected: Injected::new() };
    run.inject_all(random, &shift);

    diary.note("nothing is injected any more");
    working.order();
    let done = shift.join();
    run.stage.tend(true, &run.monitor, &run.record);
    if plan.length == Length::OfEach {
        let never = Action::ALL.into_iter().filter(|action| done.get(action).is_none_or(|(done, _)| *done == 0));
        never.for_each(|action| diary.find(format!("nothing was {}", action.name())));
    }
    let appended = run.judge(&operator, producers, &over);
    watch.join().expect("the watcher does not panic");
    let Run { stage, monitor, injected, .. } = run;
    stage.hosts.end();
    let (recoveries, _) = monitor.recoveries();
    Some(Outcome {
        seed: plan.seed,
        length: plan.length,
        took: started.elapsed(),
        injected,
        recoveries,
        done,
        appended,
        diary: diary.clone(),
    })
}

struct Run<'a> {
    length: Length,
    stage: Stage,
    monitor: Monitor,
    record: Record,
    diary: &'a Diary,
    stop: &'a Stop,
    injected: Injected,
}

impl Run<'_> {
    /// Injects one fault after the other until the time is over.
    fn inject_all(&mut self, mut random: Random, shift: &Shift) {
        let length = self.length;
        let end = match length {
            Length::Minutes(minutes) => Some(Instant::now() + Duration::from_secs(60) * minutes),
            Length::OfEach => None,
        };
        let is_over = || end.is_some_and(|end| Instant::now() >= end);
        self.pace(Instant::now() + length.slot(), false);
        while !is_over() && !self.stop.is_ordered() {
            let mut round = length.round(&mut random);
            round.reverse();
            let mut postponed = round.len();
            while let Some(fault) = round.pop().filter(|_| !is_over() && !self.stop.is_ordered()) {
                let slot = Instant::now() + length.slot();
                if self.stage.inject(fault, &self.monitor, &self.record) {
                    *self.injected.entry(fault).or_default() += 1;
                } else if postponed > 0 {
                    postponed -= 1;
                    round.insert(0, fault);
                }
                // Some come in quick succession; others find everything well.
                let hurries = self.stage.below(3) == 0;
                let slot =
                    if hurries { Instant::now() + Duration::from_millis(self.stage.below(1_500)) } else { slot };
                self.pace(slot, hurries);
            }
            if end.is_none() {
                break;
            }
        }
        if end.is_none() {
            self.until_done(shift);
        }
    }

    /// Waits for the next fault: until all has recovered from the last one, or at the latest until so.
    fn pace(&mut self, latest: Instant, hurries: bool) {
        while Instant::now() < latest && !self.stop.pause(LOOK) {
            self.stage.tend(false, &self.monitor, &self.record);
            if !hurries && self.monitor.is_calm() && !self.stage.is_disturbed() {
                return;
            }
        }
        self.stage.tend(false, &self.monitor, &self.record);
    }

    /// Waits until the operator has done all there is to be done, or gives up.
    fn until_done(&mut self, shift: &Shift) {
        let deadline = Instant::now() + NET;
        let is_done =
            |done: &Done| Action::ALL.iter().all(|action| done.get(action).is_some_and(|(done, _)| *done > 0));
        while !is_done(&shift.done()) && Instant::now() < deadline && !self.stop.pause(LOOK) {
            self.stage.tend(false, &self.monitor, &self.record);
        }
    }

    /// Lets all come to rest, and compares.
    fn judge(&mut self, operator: &Operator, producers: Producers, over: &Stop) -> [usize; 4] {
        let settled = operator.settle(PEACE, self.stop);
        over.order();
        producers.join();
        let pages = self.record.take();
        let appended = [pages.sure.len(), pages.committed, pages.aborted.len(), pages.unsure.len()];
        if self.stop.is_ordered() {
            self.diary.find("it was interrupted, and nothing was compared".to_owned());
            return appended;
        }
        let log = match Log::read(self.stage.kafka.servers(), &self.stage.topic, PARTITIONS) {
            Ok(log) => log,
            Err(error) => {
                self.diary.find(error);
                return appended;
            }
        };
        log.differences(&pages).into_iter().for_each(|difference| self.diary.find(difference));
        if self.is_caught_up(&log) {
            let revision = settled.get("balances").and_then(|status| status["revision"].as_u64()).unwrap_or(1);
            let wrong = log.compare(self.stage.redis.master(), revision);
            wrong.into_iter().for_each(|difference| self.diary.find(difference));
            self.diary.note(&format!("compared with {} events", log.events.len()));
        }
        appended
    }

    fn is_caught_up(&mut self, log: &Log) -> bool {
        let (ends, deadline) = (log.ends(), Instant::now() + PEACE);
        loop {
            self.stage.tend(false, &self.monitor, &self.record);
            let behind: Vec<String> = PROJECTIONS
                .iter()
                .flat_map(|name| {
                    let checkpoints = self.stage.redis.master().checkpoints(name);
                    let next =
                        |partition: &u32| checkpoints.get(&format!("{}/{partition}", self.stage.topic)).copied();
                    let behind =
                        ends.iter().filter(|(partition, end)| next(partition).is_none_or(|next| next < **end));
                    behind
                        .map(|(partition, end)| format!("{name}/{partition} is at {:?} of {end}", next(partition)))
                        .collect::<Vec<_>>()
                })
                .collect();
            if behind.is_empty() {
                return true;
            }
            if Instant::now() > deadline {
                self.diary.find(format!("not caught up after {PEACE:?} of peace: {}", behind.join(", ")));
                return false;
            }
            if self.stop.pause(LOOK) {
                return false;
            }
        }
    }
}

impl Outcome {
    /// How often a fault was injected.
    pub fn injected(&self, fault: Fault) -> u32 {
        self.injected.get(&fault).copied().unwrap_or(0)
    }

    /// All that must not be so; nothing, if all is well and enough was injected to say so.
    pub fn findings(&self) -> Vec<String> {
        let mut findings = self.diary.findings();
        findings.extend(self.length.missing(|fault| self.injected(fault)));
        findings
    }
}
