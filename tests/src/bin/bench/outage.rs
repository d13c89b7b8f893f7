//! What an outage costs: how soon work goes on when what was away is back, and how much memory and CPU a host takes while
//! it waits. Events are produced as long as there is a broker, and at the end all of them must be in the views, once.

use std::time::{Duration, Instant};

use anyhow::Context;
use lantern_tests::bank::{Bank, BankViews};
use lantern_tests::eventually::{NET, eventually};
use lantern_tests::{Event, Host, Kafka, RedisServer, artefacts};

use crate::report::{note, table};

const PARTITIONS: u32 = 8;
const TOPIC: &str = "account-events";
const PROJECTION: &str = "balances";
/// How long a host is left to settle before it is looked at.
const SETTLE: Duration = Duration::from_secs(10);
/// How often events are produced, and memory is looked at.
const TICK: Duration = Duration::from_millis(100);
const TICKS_PER_SECOND: usize = 10;

/// What is away.
#[derive(Clone, Copy, PartialEq)]
enum Away {
    Redis,
    /// It answers nobody, but its connections stand.
    RedisStill,
    Kafka,
    Both,
}

/// The servers, and what was produced so far.
struct Stage {
    kafka: Kafka,
    redis: RedisServer,
    bank: Box<dyn Iterator<Item = Event>>,
    produced: Vec<Event>,
    /// Events a second.
    rate: usize,
}

/// Measures every outage of so long, with so many events a second.
pub fn measure(away_for: Duration, rate: usize) -> anyhow::Result<()> {
    artefacts::lantern();
    let plugin = artefacts::plugin(PROJECTION);
    let kafka =
        Kafka::private().context("there is no real Kafka on this machine (hint: `./x bench` fetches it)")?;
    kafka.create_topic(TOPIC, PARTITIONS);
    let bank = Bank { events: u64::MAX, accounts: 20_000, partitions: PARTITIONS, ..Bank::default() };
    let bank = Box::new(bank.events());
    let mut stage = Stage { kafka, redis: RedisServer::start_durable(), bank, produced: Vec::new(), rate };
    let run = Host::run(&stage.kafka.url(), &stage.redis).projection(PROJECTION, &plugin, &[TOPIC]);
    let mut host = run.start();
    stage.flow_for(SETTLE, || {});

    let heads = ["away", "at work again after", "memory grew by", "CPU while away"];
    let mut lines = vec![heads.map(str::to_owned).to_vec()];
    let cases = [
        ("Redis", Away::Redis),
        ("Redis, standing still", Away::RedisStill),
        ("Kafka", Away::Kafka),
        ("both", Away::Both),
    ];
    for (name, away) in cases {
        note(&format!("without {name}"));
        let mut line = vec![name.to_owned()];
        line.extend(stage.without(away, away_for, &mut host));
        lines.push(line);
        stage.flow_for(SETTLE, || {});
    }
    note("killing one of two hosts");
    let mut other = run.start();
    stage.flow_for(SETTLE, || {});
    let recovered = stage.without_host(host);
    lines.push(vec!["one of two hosts".to_owned(), seconds(recovered), "-".to_owned(), "-".to_owned()]);
    other.until("all is applied, once", || BankViews::fold(&stage.produced).balances_hold(&stage.redis));
    table(&lines, 1);
    Ok(())
}

impl Stage {
    /// Takes something away for a while; says how soon work went on, and what the host took meanwhile.
    fn without(&mut self, away: Away, away_for: Duration, host: &mut Host) -> [String; 3] {
        let (cpu, resident) = (host.cpu_time(), host.resident_bytes());
        match away {
            Away::Redis => self.redis.kill(),
            Away::RedisStill => self.redis.process().pause(),
            Away::Kafka => self.kafka.kill(),
            Away::Both => {
                self.redis.kill();
                self.kafka.kill();
            }
        }
        let began = Instant::now();
        let mut most = resident;
        let watch = || most = most.max(host.resident_bytes());
        match away {
            Away::Redis | Away::RedisStill => self.flow_for(away_for, watch),
            Away::Kafka | Away::Both => ticks(away_for, watch),
        }
        let busy = (host.cpu_time() - cpu).as_secs_f64() / began.elapsed().as_secs_f64();
        match away {
            Away::Redis => self.redis.start_again(),
            Away::RedisStill => self.redis.process().resume(),
            Away::Kafka => self.kafka.start_again(),
            Away::Both => {
                self.redis.start_again();
                self.kafka.start_again();
            }
        }
        let back = Instant::now();
        let before = self.redis.progress(PROJECTION);
        self.produce();
        host.until("work goes on", || match self.redis.progress(PROJECTION) {
            progress if progress > before => Ok(()),
            progress => Err(format!("{progress} events are applied")),
        });
        let grown = (most - resident) as f64 / f64::from(1 << 20);
        [seconds(back.elapsed()), format!("{grown:.1} MiB"), format!("{:.1} %", 100.0 * busy)]
    }

    /// Kills a host; gives the time until events of every partition were applied that came later.
    fn without_host(&mut self, mut host: Host) -> Duration {
        host.kill();
        let killed = Instant::now();
        // What is on its way to Redis is there soon.
        self.produce();
        let before = self.redis.checkpoints(PROJECTION);
        loop {
            self.produce();
            let now = self.redis.checkpoints(PROJECTION);
            if now.iter().all(|(at, next)| before.get(at).is_none_or(|before| next > before)) {
                return killed.elapsed();
            }
            assert!(killed.elapsed() < NET, "some partitions stand still: {before:?} became {now:?}");
            ticks(TICK, || {});
        }
    }

    /// Produces for a while.
    fn flow_for(&mut self, time: Duration, mut watch: impl FnMut()) {
        ticks(time, || {
            self.produce();
            watch();
        });
    }

    /// Produces the events of a tick.
    fn produce(&mut self) {
        let events: Vec<Event> = self.bank.by_ref().take(self.rate / TICKS_PER_SECOND).collect();
        self.kafka.produce(TOPIC, &events);
        self.produced.extend(events);
    }
}

/// Does something at every tick, for a while.
fn ticks(time: Duration, mut each: impl FnMut()) {
    let began = Instant::now();
    let mut next = Duration::ZERO;
    while next < time {
        each();
        next = (next + TICK).max(began.elapsed());
        let is_time = || if began.elapsed() < next { Err(String::new()) } else { Ok(()) };
        eventually("a tick is over", NET, is_time);
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}
