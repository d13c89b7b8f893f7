//! A broker and a Redis of a measure's own, with consumers of the job `balances` on any topic of theirs: for what is
//! measured beside the race.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use lantern_tests::bank::{Bank, BankViews};
use lantern_tests::{Host, Kafka, Process, RedisServer, artefacts, eventually};
use redis::cmd;

use crate::contender::{Contender, Running};

/// Topics have so many partitions, unless that is what is measured.
pub const PARTITIONS: u32 = 8;
/// The plugin, and the name under which it is deployed.
pub const PROJECTION: &str = "balances";
/// No wait takes as long as this, unless something is broken.
pub const NET: Duration = Duration::from_secs(600);

/// The bank whose events are measured: as large as in the race, and without an end.
pub fn bank() -> Bank {
    Bank { events: u64::MAX, accounts: 20_000, partitions: PARTITIONS, payload_bytes_min: 190, ..Bank::default() }
}

/// The two servers. Nobody else uses the Redis.
pub struct Servers {
    /// The broker.
    pub kafka: Arc<Kafka>,
    /// The Redis, to be emptied before each turn.
    pub redis: RedisServer,
}

impl Servers {
    /// Builds what is measured, and starts them.
    pub fn start() -> anyhow::Result<Servers> {
        artefacts::lantern();
        artefacts::plugin(PROJECTION);
        let kafka =
            Kafka::private().context("there is no real Kafka on this machine (hint: `./x bench` fetches it)")?;
        Ok(Servers { kafka: Arc::new(kafka), redis: RedisServer::start() })
    }

    /// The same broker, and a Redis beside this one.
    pub fn with_another_redis(&self) -> Servers {
        Servers { kafka: self.kafka.clone(), redis: RedisServer::start() }
    }

    /// Starts a consumer of the job on a topic.
    pub fn run(&self, contender: Contender, topic: &str) -> anyhow::Result<Running> {
        if contender == Contender::Lantern {
            let run = Host::run(&self.kafka.url(), &self.redis);
            return Ok(Box::new(run.projection(PROJECTION, &artefacts::plugin(PROJECTION), &[topic]).start()));
        }
        let mut command = Command::new(std::env::current_exe().context("this program has no file")?);
        command.args([&*contender.to_string(), self.kafka.servers(), &self.redis.url(), topic]);
        Ok(Box::new(Box::new(Process::spawn(&contender.to_string(), command))))
    }

    /// The offsets behind the last events of a topic, as checkpoints name them.
    pub fn ends(&self, topic: &str, partitions: u32) -> BTreeMap<String, u64> {
        let ends = self.kafka.ends(topic, partitions).into_iter().filter(|(_, end)| *end > 0);
        ends.map(|(partition, end)| (format!("{topic}/{partition}"), end)).collect()
    }

    /// Waits until the checkpoints are there, while who writes them runs.
    pub fn until_applied(&self, process: &mut Process, ends: &BTreeMap<String, u64>) {
        eventually("all events are applied", NET, || {
            let checkpoints = self.redis.checkpoints(PROJECTION);
            match process.ended() {
                _ if checkpoints == *ends => Ok(()),
                Some(status) => panic!("it ended ({status}) before it was through\n{}", process.tail()),
                None => Err(format!("checkpoints {checkpoints:?} of {ends:?}")),
            }
        });
    }

    /// Compares the views; without that no number counts.
    pub fn views_hold(&self, views: &BankViews) -> anyhow::Result<()> {
        views.balances_hold(&self.redis).map_err(|difference| anyhow!("the views are wrong: {difference}"))
    }

    /// CPU seconds that Redis has used so far, as it says itself.
    pub fn redis_seconds(&self) -> anyhow::Result<f64> {
        let info: String = self.redis.query(cmd("INFO").arg("cpu"))?;
        let seconds = |name| info.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
        let both = seconds("used_cpu_sys:").zip(seconds("used_cpu_user:"));
        both.map(|(system, user)| system + user).context("Redis does not say what CPU it has used")
    }
}
