//! More partitions: as many lanes, with as many batches, instances and connections, for the same events.

use lantern_tests::bank::{Bank, BankViews};
use lantern_tests::{Event, artefacts};

use super::{backlog, counted, row, tell};
use crate::meter::Cost;
use crate::report::note;
use crate::results::Row;
use crate::rotation;
use crate::servers::{PROJECTION, Servers, bank};

const COUNTS: [u32; 4] = [1, 4, 16, 64];

/// Measures a backlog of so many events in topics of several widths.
pub fn measure(rounds: usize, count: usize) -> anyhow::Result<Vec<Row>> {
    let servers = Servers::start()?;
    note(&format!("loading {count} events into topics of several widths"));
    let events = |partitions| Bank { partitions, ..bank() }.events().take(count);
    for partitions in COUNTS {
        servers.kafka.create_topic(&topic(partitions), partitions);
        servers.kafka.produce(&topic(partitions), &events(partitions).collect::<Vec<Event>>());
    }
    let views = BankViews::fold(&events(1).collect::<Vec<Event>>());
    let turns = rotation::play(&COUNTS, rounds, |partitions, round| {
        let cost = take_turn(&servers, partitions, count as u64)?;
        servers.views_hold(&views)?;
        tell(&case(partitions), round, &cost);
        Ok(cost)
    })?;
    Ok(turns.iter().map(|(partitions, costs)| row("partitions", case(*partitions), costs)).collect())
}

fn topic(partitions: u32) -> String {
    format!("{partitions}-wide")
}

fn case(partitions: u32) -> String {
    counted(u64::from(partitions), "partition")
}

fn take_turn(servers: &Servers, partitions: u32, events: u64) -> anyhow::Result<Cost> {
    servers.redis.flush_all();
    backlog::deploy_paused(servers, &artefacts::plugin(PROJECTION), &topic(partitions));
    let mut hosts = backlog::start_hosts(servers, 1);
    servers.kafka.page_in(&topic(partitions))?;
    backlog::take(servers, &mut hosts, &servers.ends(&topic(partitions), partitions), events)
}
