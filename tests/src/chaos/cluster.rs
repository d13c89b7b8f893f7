//! Three hosts, each with its own way to Redis. None of them may end by itself, panic, or say an error.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use super::diary::Diary;
use super::redis_pair::{RedisPair, url};
use crate::host::{Host, Run};

/// Events of a batch, at most: few, so that many commits lie between two faults.
const BATCH_EVENTS: usize = 500;
/// A host ends within this when it is told to; no measure, for the machine is busy.
const SHUTDOWN_MAX: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(10);
/// Of one host, so many wrong lines are shown.
const SHOWN: usize = 5;

/// The hosts.
pub struct Cluster {
    members: Vec<Member>,
    /// Where what they say is kept, if it is.
    logs: Option<PathBuf>,
    diary: Diary,
}

struct Member {
    run: Run,
    host: Option<Host>,
    asleep: bool,
}

impl Cluster {
    /// Starts a host for each way to Redis.
    pub fn start(source: &str, redis: &RedisPair, logs: Option<&Path>, diary: &Diary) -> Cluster {
        let member = |proxy| {
            let run = Host::run_at(source, &url(proxy)).batch_events(BATCH_EVENTS);
            Member { host: Some(run.start()), run, asleep: false }
        };
        Cluster {
            members: redis.hosts().iter().map(member).collect(),
            logs: logs.map(Path::to_owned),
            diary: diary.clone(),
        }
    }

    /// Those that run and are awake.
    pub fn awake(&self) -> Vec<usize> {
        let awake = |member: &Member| member.host.is_some() && !member.asleep;
        (0..self.members.len()).filter(|number| awake(&self.members[*number])).collect()
    }

    /// How many of those that are awake have reported lanes of their own: they know what is deployed.
    pub fn knowing(&self, reports: &[Value]) -> usize {
        let has_lanes = |report: &&Value| report["lanes"].as_array().is_some_and(|lanes| !lanes.is_empty());
        let known: BTreeSet<u64> =
            reports.iter().filter(has_lanes).filter_map(|report| report["pid"].as_u64()).collect();
        let ids = self
            .awake()
            .into_iter()
            .filter_map(|number| Some(u64::from(self.members[number].host.as_ref()?.id())));
        ids.filter(|id| known.contains(id)).count()
    }

    /// SIGKILL.
    pub fn kill(&mut self, number: usize) {
        if let Some(mut host) = self.members[number].host.take() {
            host.kill();
            self.examine(number, &host);
        }
    }

    /// SIGTERM: it must end well.
    pub fn terminate(&mut self, number: usize) {
        let Some(mut host) = self.members[number].host.take() else { return };
        host.signal(Signal::TERM);
        let deadline = Instant::now() + SHUTDOWN_MAX;
        while host.ended().is_none() && Instant::now() < deadline {
            std::thread::park_timeout(LOOK);
        }
        match host.ended() {
            Some(status) if status.success() => {}
            ended => self
                .diary
                .find(format!("host {number} does not end well by SIGTERM ({ended:?}):\n{}", host.tail())),
        }
        self.examine(number, &host);
    }

    /// Starts one that was killed.
    pub fn start_again(&mut self, number: usize) {
        let member = &mut self.members[number];
        member.host.get_or_insert_with(|| member.run.start());
    }

    /// SIGSTOP.
    pub fn put_to_sleep(&mut self, number: usize) {
        let member = &mut self.members[number];
        member.asleep = true;
        member.host.iter_mut().for_each(|host| host.pause());
    }

    /// SIGCONT.
    pub fn wake(&mut self, number: usize) {
        let member = &mut self.members[number];
        member.asleep = false;
        member.host.iter_mut().for_each(|host| host.resume());
    }

    /// Looks whether one has ended by itself, and starts it again.
    pub fn watch(&mut self) {
        for number in 0..self.members.len() {
            let Some(status) = self.members[number].host.as_mut().and_then(|host| host.ended()) else { continue };
            if let Some(host) = self.members[number].host.take() {
                self.diary.find(format!("host {number} ended by itself ({status}):\n{}", host.tail()));
                self.examine(number, &host);
            }
            self.start_again(number);
        }
    }

    /// SIGTERM to all: each must end well.
    pub fn end(mut self) {
        (0..self.members.len()).for_each(|number| self.terminate(number));
    }

    /// Looks through what a host has said that is no more.
    fn examine(&self, number: usize, host: &Host) {
        let said = host.stdout() + &host.stderr();
        if let Some(folder) = &self.logs {
            let file = folder.join(format!("host-{number}-{}.log", host.id()));
            let kept = fs::create_dir_all(folder).and_then(|()| fs::write(file, &said));
            kept.unwrap_or_else(|error| {
                self.diary.note(&format!("the log of host {number} is not kept: {error}"))
            });
        }
        let wrong: Vec<&str> = said.lines().filter(|line| is_wrong(line)).collect();
        if !wrong.is_empty() {
            let shown = wrong[..wrong.len().min(SHOWN)].join("\n  ");
            self.diary.find(format!("host {number} said {} times what it should not:\n  {shown}", wrong.len()));
        }
    }
}

fn is_wrong(line: &str) -> bool {
    line.contains("panicked at") || line.contains(" ERROR ") || line.starts_with("error: ")
}
