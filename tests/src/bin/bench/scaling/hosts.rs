//! More hosts that share the partitions of one projection. On a machine with as few processors as one host can use that is
//! no faster; it shows what the sharing costs.

use anyhow::ensure;
use lantern_tests::bank::{Bank, BankViews};
use lantern_tests::eventually::eventually;
use lantern_tests::{Event, artefacts};
use serde_json::Value;

use super::{backlog, counted, row, tell};
use crate::meter::Cost;
use crate::report::note;
use crate::results::Row;
use crate::rotation;
use crate::servers::{NET, PROJECTION, Servers, bank};

const COUNTS: [usize; 3] = [1, 2, 3];
/// So many partitions can be shared out evenly among them.
const PARTITIONS: u32 = 12;
const TOPIC: &str = "shared-out";

/// Measures a backlog of so many events.
pub fn measure(rounds: usize, count: usize) -> anyhow::Result<Vec<Row>> {
    let servers = Servers::start()?;
    note(&format!("loading {count} events"));
    let events: Vec<Event> = Bank { partitions: PARTITIONS, ..bank() }.events().take(count).collect();
    servers.kafka.create_topic(TOPIC, PARTITIONS);
    servers.kafka.produce(TOPIC, &events);
    let views = BankViews::fold(&events);
    let turns = rotation::play(&COUNTS, rounds, |hosts, round| {
        let cost = take_turn(&servers, hosts, count as u64)?;
        servers.views_hold(&views)?;
        tell(&case(hosts), round, &cost);
        Ok(cost)
    })?;
    Ok(turns.iter().map(|(hosts, costs)| row("hosts", case(*hosts), costs)).collect())
}

fn case(hosts: usize) -> String {
    counted(hosts as u64, "host")
}

fn take_turn(servers: &Servers, count: usize, events: u64) -> anyhow::Result<Cost> {
    servers.redis.flush_all();
    backlog::deploy_paused(servers, &artefacts::plugin(PROJECTION), TOPIC);
    let mut hosts = backlog::start_hosts(servers, count);
    let cost = backlog::take(servers, &mut hosts, &servers.ends(TOPIC, PARTITIONS), events)?;
    let lanes = eventually("all lanes are reported", NET, || {
        let lanes = lanes(&servers.redis.host_reports());
        let all = lanes.iter().sum::<usize>() == PARTITIONS as usize;
        if all { Ok(lanes) } else { Err(format!("{lanes:?}")) }
    });
    ensure!(lanes.iter().all(|lanes| *lanes > 0), "some host had nothing to do: {lanes:?} lanes");
    Ok(cost)
}

/// How many lanes each host runs.
fn lanes(reports: &[Value]) -> Vec<usize> {
    reports.iter().map(|report| report["lanes"].as_array().map_or(0, Vec::len)).collect()
}
