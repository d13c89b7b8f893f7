//! What many projections take while nothing happens: a host and a Redis at rest.

use std::time::Duration;

use anyhow::ensure;
use lantern_tests::bank::BankViews;
use lantern_tests::{Event, Host, artefacts};
use redis::cmd;

use crate::meter::Meter;
use crate::pace;
use crate::report::note;
use crate::results::{Number, Row, Unit};
use crate::servers::{PARTITIONS, PROJECTION, Servers, bank};

const PROJECTIONS: usize = 100;
const TOPICS: usize = 10;
/// Events that a topic has, all of them applied before.
const EVENTS: usize = 1_000;
/// How long all rest before they are looked at.
const SETTLE: Duration = Duration::from_secs(30);

/// Measures a hundred projections on ten topics of eight partitions, each with a lane, for so long and so many times.
pub fn measure(rounds: usize, time: Duration) -> anyhow::Result<Vec<Row>> {
    let servers = Servers::start()?;
    let events: Vec<Event> = bank().events().take(EVENTS).collect();
    let topics: Vec<String> = (1..=TOPICS).map(|number| format!("quiet-{number}")).collect();
    for topic in &topics {
        servers.kafka.create_topic(topic, PARTITIONS);
        servers.kafka.produce(topic, &events);
    }
    let names: Vec<String> = (1..=PROJECTIONS).map(|number| format!("{PROJECTION}-{number}")).collect();
    let mut run = Host::run(&servers.kafka.url(), &servers.redis);
    for (name, topic) in names.iter().zip(topics.iter().cycle()) {
        run = run.projection(name, &artefacts::plugin(PROJECTION), &[topic]);
    }
    let mut host = run.start();
    for name in &names {
        host.until("all events are applied", || match servers.redis.progress(name) {
            applied if applied == EVENTS as u64 => Ok(()),
            applied => Err(format!("{name} has applied {applied} of {EVENTS}")),
        });
    }
    pace::pass(SETTLE);

    let (mut own, mut redis) = (Sample::default(), Sample::default());
    for round in 1..=rounds {
        let meter = Meter::start(&servers, &[&*host])?;
        pace::pass(time);
        let cost = meter.stop(&servers, &[&*host], 0)?;
        own.take(100.0 * cost.own_seconds / cost.seconds, host.resident_bytes() as f64);
        redis.take(100.0 * cost.redis_seconds / cost.seconds, redis_bytes(&servers)?);
        note(&format!("{PROJECTIONS} idle projections, round {round}: {:.2} % CPU", own.percent[round - 1]));
    }
    let views = BankViews::fold(&events);
    let wrong = names.iter().find_map(|name| views.hold_under(name, &servers.redis).err());
    ensure!(wrong.is_none(), "the views are wrong: {}", wrong.unwrap_or_default());
    let row = |who, sample: Sample| Row::new("idle", format!("{PROJECTIONS} projections"), who, sample.numbers());
    Ok(vec![row("Lantern", own), row("Redis", redis)])
}

/// What one process took, by round.
#[derive(Default)]
struct Sample {
    percent: Vec<f64>,
    bytes: Vec<f64>,
}

impl Sample {
    fn take(&mut self, percent: f64, bytes: f64) {
        self.percent.push(percent);
        self.bytes.push(bytes);
    }

    fn numbers(self) -> Vec<Number> {
        vec![Number::new("CPU", Unit::Percent, self.percent), Number::new("memory", Unit::Bytes, self.bytes)]
    }
}

/// The bytes of Redis's memory that are resident, as it says itself.
fn redis_bytes(servers: &Servers) -> anyhow::Result<f64> {
    let info: String = servers.redis.query(cmd("INFO").arg("memory"))?;
    let bytes = info.lines().find_map(|line| line.strip_prefix("used_memory_rss:")?.trim().parse().ok());
    Ok(bytes.unwrap_or(f64::NAN))
}
