//! How long it takes until something is there: the first commit of a host that is started, and a projection that is deployed
//! to a host that runs.

use std::path::Path;
use std::time::Instant;

use anyhow::ensure;
use lantern_tests::bank::BankViews;
use lantern_tests::eventually::NET;
use lantern_tests::scratch::Scratch;
use lantern_tests::{Event, Host, Operator, artefacts};

use crate::checkpoints::Reader;
use crate::contender::Contender;
use crate::report::note;
use crate::results::{Number, Row, Unit};
use crate::servers::{PARTITIONS, PROJECTION, Servers, bank};

const TOPIC: &str = "few-events";
const EVENTS: usize = 1_000;
/// Another revision of the plugin, which is built beside the first and then takes its place.
const NEXT: &str = "balances-v2";
/// What it adds to every account.
const CURRENCY: &str = "EUR";

/// Measures so many starts of `lantern run` on an empty Redis, with a module that was compiled before: from the start of the
/// process until a reader had read a checkpoint behind some event, and behind all.
pub fn measure(rounds: usize) -> anyhow::Result<Vec<Row>> {
    let (servers, events) = stage()?;
    let views = BankViews::fold(&events);
    let mut starts = Vec::new();
    for round in 0..=rounds {
        servers.redis.flush_all();
        let reader = Reader::start(&servers.redis, TOPIC)?;
        let began = Instant::now();
        let mut running = servers.run(Contender::Lantern, TOPIC)?;
        servers.until_applied(&mut running, &servers.ends(TOPIC, PARTITIONS));
        let readings = reader.stop()?;
        running.kill();
        servers.views_hold(&views)?;
        let complete = readings.complete(&servers.kafka.ends(TOPIC, PARTITIONS))?;
        let start = [readings.first()? - began, complete - began].map(|time| time.as_secs_f64());
        note(&format!("start {round}: first commit after {:.0} ms", start[0] * 1e3));
        // The first may have compiled the module.
        if round > 0 {
            starts.push(start);
        }
    }
    let number = |name, which: usize| Number::new(name, Unit::Seconds, starts.iter().map(|start| start[which]));
    let numbers = vec![number("first commit", 0), number("1,000 events applied", 1)];
    Ok(vec![Row::new("start", "module compiled before", "Lantern", numbers)])
}

/// Measures so many deployments of each kind: from the start of the command until readers had the views of all events, and
/// until `lantern status` says that it is live.
pub fn deploy(rounds: usize) -> anyhow::Result<Vec<Row>> {
    let (servers, events) = stage()?;
    let kilobytes = std::fs::metadata(artefacts::plugin(PROJECTION))?.len() / 1000;
    let mut rows = Vec::new();
    let cases = [
        (format!("new projection, {kilobytes} kB, compiled before"), PROJECTION, true),
        (format!("new projection, {kilobytes} kB, never compiled"), PROJECTION, false),
        ("next revision, never compiled".to_owned(), NEXT, false),
    ];
    for (case, plugin, is_warm) in cases {
        let folders = Caches::new();
        let mut deployments = Vec::new();
        for round in 0..=rounds {
            let fresh = Caches::new();
            let caches = if is_warm { &folders } else { &fresh };
            let took = match plugin {
                NEXT => replace(&servers, &events, caches)?,
                _ => add(&servers, &events, caches)?,
            };
            note(&format!("{case}, deployment {round}: live after {:.0} ms", took[1] * 1e3));
            if round > 0 {
                deployments.push(took);
            }
        }
        let number = |name, which: usize| {
            Number::new(name, Unit::Seconds, deployments.iter().map(|deployment: &[f64; 2]| deployment[which]))
        };
        rows.push(Row::new("deploy", case, "Lantern", vec![number("readable", 0), number("said to be live", 1)]));
    }
    Ok(rows)
}

/// The servers with a small topic, and its events.
fn stage() -> anyhow::Result<(Servers, Vec<Event>)> {
    let servers = Servers::start()?;
    let events: Vec<Event> = bank().events().take(EVENTS).collect();
    servers.kafka.create_topic(TOPIC, PARTITIONS);
    servers.kafka.produce(TOPIC, &events);
    Ok((servers, events))
}

/// Folders for compiled modules: the host's and the operator's, who may sit at different machines.
struct Caches {
    host: Scratch,
    operator: Scratch,
}

impl Caches {
    fn new() -> Caches {
        Caches { host: Scratch::new("host-cache"), operator: Scratch::new("operator-cache") }
    }

    fn start_host(&self, servers: &Servers) -> Host {
        let (source, redis) = (servers.kafka.url(), servers.redis.url());
        let mut host = lantern(&["run", "--source", &source, "--redis", &redis], &self.host);
        host.until("the host is there", || match servers.redis.host_reports().len() {
            0 => Err("it has not reported yet".to_owned()),
            _ => Ok(()),
        });
        host
    }

    fn start_deploying(&self, servers: &Servers, plugin: &Path) -> Host {
        let file = plugin.to_string_lossy();
        let redis = servers.redis.url();
        lantern(&["deploy", &file, "--name", PROJECTION, "--topic", TOPIC, "--redis", &redis], &self.operator)
    }
}

fn lantern(args: &[&str], cache: &Scratch) -> Host {
    let folder = cache.path().to_string_lossy();
    Host::cli_in(artefacts::repository(), args, &[("LANTERN_CACHE", Some(&*folder))])
}

/// Deploys a projection that is new to a host that runs nothing else.
fn add(servers: &Servers, events: &[Event], caches: &Caches) -> anyhow::Result<[f64; 2]> {
    servers.redis.flush_all();
    let mut host = caches.start_host(servers);
    let reader = Reader::start(&servers.redis, TOPIC)?;
    let began = Instant::now();
    let mut command = caches.start_deploying(servers, &artefacts::plugin(PROJECTION));
    servers.until_applied(&mut host, &servers.ends(TOPIC, PARTITIONS));
    let said = until_said_live(servers, &mut host, began, 1);
    ensure!(command.exit_code(NET) == Some(0), "{}", command.stderr());
    let complete = reader.stop()?.complete(&servers.kafka.ends(TOPIC, PARTITIONS))?;
    servers.views_hold(&BankViews::fold(events))?;
    Ok([(complete - began).as_secs_f64(), said])
}

/// Deploys another revision of a projection that is live.
fn replace(servers: &Servers, events: &[Event], caches: &Caches) -> anyhow::Result<[f64; 2]> {
    servers.redis.flush_all();
    let mut host = caches.start_host(servers);
    let mut first = caches.start_deploying(servers, &artefacts::plugin(PROJECTION));
    ensure!(first.exit_code(NET) == Some(0), "{}", first.stderr());
    until_said_live(servers, &mut host, Instant::now(), 1);
    let began = Instant::now();
    let mut command = caches.start_deploying(servers, &artefacts::plugin(NEXT));
    host.until("the next revision is live", || match servers.redis.generation(PROJECTION) {
        Some(2) => Ok(()),
        seen => Err(format!("generation {seen:?} is live")),
    });
    let readable = began.elapsed().as_secs_f64();
    let said = until_said_live(servers, &mut host, began, 2);
    ensure!(command.exit_code(NET) == Some(0), "{}", command.stderr());
    servers.views_hold(&BankViews::fold(events).revised(CURRENCY))?;
    Ok([readable, said])
}

/// Asks again and again for the status; gives the seconds until it says that this generation is live.
fn until_said_live(servers: &Servers, host: &mut Host, began: Instant, generation: u64) -> f64 {
    let operator = Operator::of(&servers.redis);
    host.until("it is said to be live", || {
        let status = operator.status(PROJECTION);
        let is_live = status["state"] == "live" && status["generation"] == generation;
        if is_live { Ok(()) } else { Err(status.to_string()) }
    });
    began.elapsed().as_secs_f64()
}
