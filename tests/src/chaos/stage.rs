//! The parts of a chaotic installation, all real, and what faults do to them.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use super::cluster::Cluster;
use super::diary::Diary;
use super::fault::Fault;
use super::monitor::Monitor;
use super::proxy::{Pace, Proxy};
use super::record::Record;
use super::redis_pair::RedisPair;
use super::stop::Stop;
use crate::eventually::{NET, eventually};
use crate::kafka::Kafka;
use crate::random::Random;
use crate::source::unique;

/// Partitions of the topic.
pub const PARTITIONS: u32 = 6;

const HOSTS: usize = 3;
/// A host that Kafka has not heard of for so long is taken for dead.
const SESSION: Duration = Duration::from_secs(4);
/// Before a fault that needs others well: wait for them so long at most.
const READY: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(20);

/// All parts.
pub struct Stage {
    /// The broker, with its own way for whoever is not to be disturbed.
    pub kafka: Kafka,
    /// The way of the hosts to it.
    line: Proxy,
    /// Redis and its replica.
    pub redis: RedisPair,
    /// The hosts.
    pub hosts: Cluster,
    /// The topic.
    pub topic: String,
    /// Faults that are going on.
    open: Vec<(Instant, Fault, Undo)>,
    random: Random,
    diary: Diary,
    stop: Stop,
}

/// What ends a fault that goes on for a while.
enum Undo {
    Start(usize),
    Wake(usize),
    Redis(Vec<usize>, End),
    Kafka,
}

/// How lines are when they are free again.
#[derive(Clone, Copy, PartialEq)]
enum End {
    /// What was held arrives.
    Free,
    /// It is lost.
    Cut,
}

impl Stage {
    /// Starts everything. None on a machine that can't run Kafka.
    pub fn set(random: Random, logs: Option<&Path>, diary: &Diary, stop: &Stop) -> Option<Stage> {
        let line = Proxy::start();
        let mut kafka = Kafka::behind(line.port())?;
        line.lead_to(kafka.outside().expect("it is behind a proxy"));
        let topic = unique("account-events");
        kafka.create_topic(&topic, PARTITIONS);
        let redis = RedisPair::start(HOSTS);
        let source = format!(
            "kafka://127.0.0.1:{}?session.timeout.ms={}&heartbeat.interval.ms=500",
            line.port(),
            SESSION.as_millis()
        );
        let hosts = Cluster::start(&source, &redis, logs, diary);
        let stage = Stage {
            kafka,
            line,
            redis,
            hosts,
            topic,
            open: Vec::new(),
            random,
            diary: diary.clone(),
            stop: stop.clone(),
        };
        Some(stage)
    }

    /// Waits until every host has lanes of its own.
    pub fn until_shared(&self) {
        eventually("every host has lanes", NET, || match self.knowing() {
            HOSTS => Ok(()),
            count => Err(format!("{count} of {HOSTS}")),
        });
    }

    /// A number below a bound, from the seed.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.random.below(bound)
    }

    /// Injects a fault; false if the others are not well enough for it.
    pub fn inject(&mut self, fault: Fault, monitor: &Monitor, record: &Record) -> bool {
        if !self.until_ready_for(fault, monitor, record) {
            return false;
        }
        monitor.disturb();
        self.diary.note(fault.name());
        let (others, going_on) = (self.is_disturbed(), self.apply(fault));
        // When a host is killed others must take over, whether it is started again or not.
        if going_on.is_none() || fault == Fault::Kill {
            monitor.ended(fault, record.ends(), others);
        }
        self.open.extend(going_on.map(|(time, undo)| (Instant::now() + time, fault, undo)));
        true
    }

    /// Whether faults are going on.
    pub fn is_disturbed(&self) -> bool {
        !self.open.is_empty()
    }

    /// Ends the faults whose time is over, or all; and sees to hosts that have ended by themselves.
    pub fn tend(&mut self, all: bool, monitor: &Monitor, record: &Record) {
        self.hosts.watch();
        let now = Instant::now();
        let due: Vec<_> = self.open.extract_if(.., |(time, ..)| all || *time <= now).collect();
        for (_, fault, undo) in due {
            let over = if matches!(undo, Undo::Start(_)) { "started again" } else { "over" };
            self.diary.note(&format!("{} ({over})", fault.name()));
            match undo {
                Undo::Start(host) => {
                    self.hosts.start_again(host);
                    continue;
                }
                Undo::Wake(host) => self.hosts.wake(host),
                Undo::Redis(hosts, end) => {
                    for host in hosts {
                        let line = &self.redis.hosts()[host];
                        if end == End::Cut {
                            line.cut();
                        }
                        line.pace(Pace::Free, Pace::Free);
                    }
                }
                Undo::Kafka => self.line.pace(Pace::Free, Pace::Free),
            }
            monitor.ended(fault, record.ends(), self.is_disturbed());
        }
    }

    /// Waits until the others are well enough for a fault; false if that takes too long.
    fn until_ready_for(&mut self, fault: Fault, monitor: &Monitor, record: &Record) -> bool {
        let deadline = Instant::now() + READY;
        loop {
            self.tend(false, monitor, record);
            let ready = match fault {
                // One must stay, and take over.
                Fault::Kill | Fault::Stop | Fault::Zombie => self.hosts.awake().len() > 1,
                // Hosts that are alive and know what was deployed are the only memory of it.
                fault if fault.loses_all() => self.knowing() > 1,
                Fault::Failover | Fault::SplitFailover => self.redis.is_replicated(),
                // One fault at a time on each line.
                fault if Fault::CONNECTION.contains(&fault) => {
                    !self.open.iter().any(|(_, other, _)| Fault::CONNECTION.contains(other))
                }
                _ => true,
            };
            if ready || Instant::now() > deadline || self.stop.pause(LOOK) {
                return ready;
            }
        }
    }

    fn knowing(&self) -> usize {
        self.hosts.knowing(&self.redis.master().host_reports())
    }

    /// Begins a fault. What goes on for a while is ended by what this gives.
    fn apply(&mut self, fault: Fault) -> Option<(Duration, Undo)> {
        let (seconds, short) = (self.between(1_000, 4_000), self.between(100, 1_500));
        let slow_parting = (fault == Fault::SplitFailover).then_some(short);
        match fault {
            Fault::Kill => {
                let host = self.any_awake()?;
                self.hosts.kill(host);
                return Some((self.between(0, 3_000), Undo::Start(host)));
            }
            Fault::Stop => {
                let host = self.any_awake()?;
                self.hosts.terminate(host);
                self.hosts.start_again(host);
            }
            Fault::Zombie => {
                let host = self.any_awake()?;
                self.hosts.put_to_sleep(host);
                return Some((SESSION + seconds, Undo::Wake(host)));
            }
            Fault::RedisRestart => self.redis.restart(short, &self.stop),
            Fault::RedisEmpty => self.redis.restart_empty(short, &self.stop, || ()),
            Fault::RedisNew => {
                let host = self.any_awake()?;
                self.hosts.kill(host);
                self.redis.restart_empty(short, &self.stop, || self.hosts.start_again(host));
            }
            Fault::RedisFlush => self.redis.master().flush_all(),
            Fault::Failover | Fault::SplitFailover => self.redis.fail_over(short, slow_parting, &self.stop),
            Fault::BrokerRestart => {
                self.kafka.kill();
                self.stop.pause(short);
                self.kafka.start_again();
            }
            Fault::RedisCut => {
                let hosts = self.some_hosts();
                hosts.iter().for_each(|host| self.redis.hosts()[*host].cut());
            }
            Fault::RedisRepliesLost => return Some((short, self.redis_pace(Pace::Free, Pace::Held, End::Cut))),
            Fault::RedisSlow => {
                let delay = Pace::Slow(self.between(10, 150));
                return Some((seconds, self.redis_pace(delay, delay, End::Free)));
            }
            Fault::RedisHeld => {
                // Sometimes for longer than a host waits for an answer.
                let time = if self.below(3) == 0 { 3 * seconds } else { seconds };
                return Some((time, self.redis_pace(Pace::Held, Pace::Held, End::Free)));
            }
            Fault::KafkaCut => self.line.cut(),
            Fault::KafkaSlow => {
                let delay = Pace::Slow(self.between(10, 150));
                self.line.pace(delay, delay);
                return Some((seconds, Undo::Kafka));
            }
            Fault::KafkaHeld => {
                self.line.pace(Pace::Held, Pace::Held);
                return Some((2 * seconds, Undo::Kafka));
            }
        }
        None
    }

    fn redis_pace(&mut self, requests: Pace, replies: Pace, end: End) -> Undo {
        let hosts = self.some_hosts();
        hosts.iter().for_each(|host| self.redis.hosts()[*host].pace(requests, replies));
        Undo::Redis(hosts, end)
    }

    /// One host, or all.
    fn some_hosts(&mut self) -> Vec<usize> {
        let one = self.below(2 * HOSTS as u64) as usize;
        if one < HOSTS { vec![one] } else { (0..HOSTS).collect() }
    }

    fn any_awake(&mut self) -> Option<usize> {
        let awake = self.hosts.awake();
        let one = self.random.below(awake.len() as u64) as usize;
        awake.get(one).copied()
    }

    fn between(&mut self, least_ms: u64, most_ms: u64) -> Duration {
        Duration::from_millis(least_ms + self.random.below(most_ms - least_ms))
    }
}

/// How often each fault was injected.
pub type Injected = BTreeMap<Fault, u32>;
