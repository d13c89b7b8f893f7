//! What poison costs: a million events of which a thousand can't be applied, beside the same events where all can. Then the
//! plugin is mended, and all that was set aside is applied.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use lantern_tests::random::Random;
use lantern_tests::{Event, Host, Kafka, Operator, RedisServer, artefacts};
use serde_json::Value;

use crate::report::{note, table};

const PARTITIONS: u32 = 8;
const KEYS: u64 = 20_000;
const TOPIC: &str = "dishes";
const PROJECTION: &str = "picky";

/// What a projection has become: of each key its events in the order in which they were applied.
type Seen = BTreeMap<String, Vec<String>>;

/// Measures so many events, of which so many are poison, in some rounds.
pub fn measure(events: u64, poison: u64, rounds: usize) -> anyhow::Result<()> {
    artefacts::lantern();
    artefacts::plugin(PROJECTION);
    let kafka =
        Kafka::private().context("there is no real Kafka on this machine (hint: `./x bench` fetches it)")?;
    kafka.create_topic(TOPIC, PARTITIONS);
    note(&format!("loading {events} events"));
    let dishes = dishes(events, poison);
    kafka.produce(TOPIC, &dishes);
    let (all, healthy, parked) = fold(&dishes);

    let mut lines = vec![
        ["round", "clean", "with poison", "ratio", "set aside", "applied after all in"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for round in 1..=rounds {
        note(&format!("round {round}: clean"));
        let mut clean = Run::of(&kafka, &["--set", "mended=all"]);
        let clean_took = clean.take(events)?;
        ensure!(clean.seen()? == all, "the views of the clean run are wrong");

        note(&format!("round {round}: with poison"));
        let mut sick = Run::of(&kafka, &[]);
        let sick_took = sick.take(events)?;
        ensure!(sick.seen()? == healthy, "the views beside the poison are wrong");
        ensure!(sick.parked()? == parked, "other events are set aside than should be");
        sick.deploy(&["--set", "mended=all"]);
        let began = Instant::now();
        sick.operator().does(&["dead", "retry", PROJECTION, "--all", "--wait"]);
        let retried = began.elapsed();
        ensure!(sick.seen()? == all, "the views are not as if nothing had failed");

        let rate = |took: Duration| events as f64 / took.as_secs_f64();
        lines.push(vec![
            round.to_string(),
            format!("{:.0}/s", rate(clean_took)),
            format!("{:.0}/s", rate(sick_took)),
            format!("{:.2}", rate(sick_took) / rate(clean_took)),
            parked.len().to_string(),
            format!("{:.1} s", retried.as_secs_f64()),
        ]);
    }
    table(&lines, 1);
    Ok(())
}

/// A Redis of its own in which the projection is deployed.
struct Run<'a> {
    kafka: &'a Kafka,
    redis: RedisServer,
    /// Once it was started.
    host: Option<Host>,
}

impl<'a> Run<'a> {
    fn of(kafka: &'a Kafka, how: &[&str]) -> Self {
        let run = Self { kafka, redis: RedisServer::start(), host: None };
        run.deploy(&[&["--on-error", "park"], how].concat());
        run
    }

    fn operator(&self) -> Operator {
        Operator::of(&self.redis)
    }

    fn deploy(&self, how: &[&str]) {
        let source = ["--source", &self.kafka.url()].map(str::to_owned);
        let how: Vec<&str> = how.iter().copied().chain(source.iter().map(String::as_str)).collect();
        self.operator().deploy(PROJECTION, &artefacts::plugin(PROJECTION), TOPIC, &how);
    }

    /// Starts a host, and gives the time until all events are dealt with. The host goes on.
    fn take(&mut self, events: u64) -> anyhow::Result<Duration> {
        let began = Instant::now();
        let mut host = Host::run(&self.kafka.url(), &self.redis).log("error").start();
        host.until("all events are dealt with", || match self.redis.progress(PROJECTION) {
            there if there == events => Ok(()),
            there => Err(format!("it is at {there} of {events}")),
        });
        self.host = Some(host);
        Ok(began.elapsed())
    }

    fn seen(&self) -> anyhow::Result<Seen> {
        let rows = self.redis.hash("picky:seen").into_iter();
        rows.map(|(key, row)| Ok((key, serde_json::from_str(&row)?))).collect()
    }

    /// Partition and offset of all that is set aside.
    fn parked(&self) -> anyhow::Result<BTreeSet<(u64, u64)>> {
        let said = self.operator().does(&["dead", "list", PROJECTION, "--json"]);
        let said: Value = serde_json::from_str(&said)?;
        let letters = said["dead_letters"].as_array().context("there is no list")?;
        let place = |letter: &Value| Some((letter["partition"].as_u64()?, letter["offset"].as_u64()?));
        letters.iter().map(|letter| place(letter).context("a letter has no place")).collect()
    }
}

/// The events; those that are poison are spread over them.
fn dishes(events: u64, poison: u64) -> Vec<Event> {
    let mut random = Random::new(1);
    let every = events / poison.max(1);
    let filler = "x".repeat(150);
    let dish = |number: u64| {
        let is_poison = poison > 0 && number % every == every / 2 && number / every < poison;
        let word = if is_poison { "bad" } else { "soup" };
        Event::keyed(&format!("guest-{}", random.below(KEYS)), PARTITIONS, format!("{word} {filler}"))
    };
    (0..events).map(dish).collect()
}

/// What the views hold when all is applied, what they hold beside the poison, and what is set aside: of each key all from its
/// first poison on.
fn fold(dishes: &[Event]) -> (Seen, Seen, BTreeSet<(u64, u64)>) {
    let (mut all, mut healthy, mut parked) = (Seen::new(), Seen::new(), BTreeSet::new());
    let mut sick: BTreeSet<String> = BTreeSet::new();
    let mut next = [0u64; PARTITIONS as usize];
    for dish in dishes {
        let offset = next[dish.partition as usize];
        next[dish.partition as usize] += 1;
        let text =
            |bytes: &Option<Vec<u8>>| String::from_utf8_lossy(bytes.as_deref().unwrap_or_default()).into_owned();
        let (key, payload) = (text(&dish.key), text(&dish.payload));
        let word = payload.split(' ').next().unwrap_or_default();
        let line = format!("{offset} {word}");
        all.entry(key.clone()).or_default().push(line.clone());
        if word == "bad" {
            sick.insert(key.clone());
        }
        if sick.contains(&key) {
            parked.insert((u64::from(dish.partition), offset));
        } else {
            healthy.entry(key).or_default().push(line);
        }
    }
    (all, healthy, parked)
}
