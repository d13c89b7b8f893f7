//! More hosts that share the partitions of one projection. On a machine with as few processors as one host can use that is
//! no faster; it shows what the sharing costs.

use lantern_tests::bank::{Bank, BankViews};
use lantern_tests::eventually::eventually;
use lantern_tests::{Event, Operator, artefacts};
use serde_json::Value;

use super::{backlog, counted, row, tell};
use crate::meter::Cost;
use crate::results::Row;
use crate::rotation;
use crate::servers::{NET, PROJECTION, Servers, bank};

const COUNTS: [usize; 3] = [1, 2, 3];
/// So many partitions can be shared out evenly among them.
const PARTITIONS: u32 = 12;
/// Events that are there before, so that every host has its share of the lanes when it counts.
const BEFORE: usize = 20_000;

/// Measures a backlog of so many events.
pub fn measure(rounds: usize, count: usize) -> anyhow::Result<Vec<Row>> {
    let servers = Servers::start()?;
    let events: Vec<Event> = Bank { partitions: PARTITIONS, ..bank() }.events().take(BEFORE + count).collect();
    let views = BankViews::fold(&events);
    let turns = rotation::play(&COUNTS, rounds, |hosts, round| {
        let cost = take_turn(&servers, hosts, &events)?;
        servers.views_hold(&views)?;
        tell(&case(hosts), round, &cost);
        Ok(cost)
    })?;
    Ok(turns.iter().map(|(hosts, costs)| row("hosts", case(*hosts), costs)).collect())
}

fn case(hosts: usize) -> String {
    counted(hosts as u64, "host")
}

fn take_turn(servers: &Servers, count: usize, events: &[Event]) -> anyhow::Result<Cost> {
    let topic = lantern_tests::source::unique("shared-out");
    servers.kafka.create_topic(&topic, PARTITIONS);
    servers.redis.flush_all();
    let (before, backlog) = events.split_at(BEFORE);
    servers.kafka.produce(&topic, before);
    let (operator, source) = (Operator::of(&servers.redis), servers.kafka.url());
    operator.deploy(PROJECTION, &artefacts::plugin(PROJECTION), &topic, &["--source", &source]);
    let mut hosts = backlog::start_hosts(servers, count);
    servers.until_applied(&mut hosts[0], &servers.ends(&topic, PARTITIONS));
    eventually("each host has its share", NET, || {
        let lanes = lanes(&servers.redis.host_reports());
        let fair = lanes.iter().all(|lanes| lanes * count == PARTITIONS as usize);
        if fair { Ok(()) } else { Err(format!("they run {lanes:?} lanes")) }
    });
    operator.does(&["pause", PROJECTION]);
    servers.kafka.produce(&topic, backlog);
    let ends = servers.ends(&topic, PARTITIONS);
    let cost = backlog::take(servers, &mut hosts, &ends, backlog.len() as u64)?;
    drop(hosts);
    servers.kafka.delete_topic(&topic);
    Ok(cost)
}

/// How many lanes each host runs.
fn lanes(reports: &[Value]) -> Vec<usize> {
    reports.iter().map(|report| report["lanes"].as_array().map_or(0, Vec::len)).collect()
}
