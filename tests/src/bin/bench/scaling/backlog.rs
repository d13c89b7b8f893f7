//! A backlog: events that wait while a projection is paused. What is measured is how hosts that run already get over it, so
//! neither the start of a process nor the production of events is in it.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::ensure;
use lantern_tests::eventually::eventually;
use lantern_tests::{Host, Operator, Process};

use crate::meter::{Cost, Meter};
use crate::servers::{NET, PROJECTION, Servers};

/// Deploys the projection before any host runs, and pauses it.
pub fn deploy_paused(servers: &Servers, plugin: &Path, topic: &str) {
    let operator = Operator::of(&servers.redis);
    operator.deploy(PROJECTION, plugin, topic, &["--source", &servers.kafka.url()]);
    operator.does(&["pause", PROJECTION]);
}

/// Starts hosts; returns when all have said that they are there.
pub fn start_hosts(servers: &Servers, count: usize) -> Vec<Host> {
    let run = Host::run(&servers.kafka.url(), &servers.redis);
    let hosts: Vec<Host> = (0..count).map(|_| run.start()).collect();
    eventually("all hosts are there", NET, || match servers.redis.host_reports().len() {
        there if there == count => Ok(()),
        there => Err(format!("{there} of {count} have reported")),
    });
    hosts
}

/// Resumes the projection, and measures what it takes until it is at these ends, so many events on.
pub fn take(
    servers: &Servers,
    hosts: &mut [Host],
    ends: &BTreeMap<String, u64>,
    events: u64,
) -> anyhow::Result<Cost> {
    let before = servers.redis.progress(PROJECTION);
    let left = ends.values().sum::<u64>() - before;
    ensure!(left == events, "{left} events are left of {events}: it was not paused");
    let meter = Meter::start(servers, &processes(hosts))?;
    Operator::of(&servers.redis).does(&["resume", PROJECTION]);
    servers.until_applied(&mut hosts[0], ends);
    meter.stop(servers, &processes(hosts), events)
}

fn processes(hosts: &[Host]) -> Vec<&Process> {
    hosts.iter().map(|host| &**host).collect()
}
