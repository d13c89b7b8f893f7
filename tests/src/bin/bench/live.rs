//! How many events a second a consumer keeps up with that has caught up before: they are produced as fast as the machine
//! does it, on the same processors, and the time counts until the last of them can be read.

use std::time::Instant;

use lantern_tests::Event;
use lantern_tests::bank::BankViews;

use crate::contender::Contender;
use crate::meter::{Cost, Meter};
use crate::report::note;
use crate::results::{Number, Row, Unit, compare};
use crate::rotation;
use crate::servers::{PARTITIONS, Servers, bank};

/// Who takes part.
const CONTENDERS: [Contender; 3] = [Contender::Careful, Contender::Lantern, Contender::Best];
/// Events that are there before, so that the consumer has begun.
const BEFORE: usize = 20_000;

/// What one turn of one contender came to.
struct Turn {
    cost: Cost,
    /// From the first event until the broker had acknowledged the last.
    seconds_to_produce: f64,
}

/// Measures so many events in so many rounds.
pub fn measure(rounds: usize, count: usize) -> anyhow::Result<Vec<Row>> {
    let servers = Servers::start()?;
    let events: Vec<Event> = bank().events().take(BEFORE + count).collect();
    let views = BankViews::fold(&events);
    let turns = rotation::play(&CONTENDERS, rounds, |contender, round| {
        let turn = take_turn(&servers, contender, &events)?;
        servers.views_hold(&views)?;
        let rate = turn.cost.events as f64 / turn.cost.seconds;
        note(&format!("live, round {round}: {contender:8} {rate:9.0} events/s"));
        Ok(turn)
    })?;
    let mut rows: Vec<Row> = turns.iter().map(|(contender, turns)| row(*contender, turns)).collect();
    compare(&mut rows, "events/s", &Contender::Careful.to_string());
    Ok(rows)
}

fn row(contender: Contender, turns: &[Turn]) -> Row {
    let costs: Vec<Cost> = turns.iter().map(|turn| turn.cost).collect();
    let mut numbers = Cost::numbers(&costs);
    let produced = |turn: &Turn| turn.cost.events as f64 / turn.seconds_to_produce;
    numbers.insert(1, Number::new("produced/s", Unit::PerSecond, turns.iter().map(produced)));
    Row::new("live", "balances", contender.to_string(), numbers)
}

fn take_turn(servers: &Servers, contender: Contender, events: &[Event]) -> anyhow::Result<Turn> {
    let topic = lantern_tests::source::unique("live");
    servers.kafka.create_topic(&topic, PARTITIONS);
    servers.redis.flush_all();
    let (before, live) = events.split_at(BEFORE);
    servers.kafka.produce(&topic, before);
    let mut running = servers.run(contender, &topic)?;
    servers.until_applied(&mut running, &servers.ends(&topic, PARTITIONS));

    let meter = Meter::start(servers, &[&**running])?;
    let began = Instant::now();
    servers.kafka.produce(&topic, live);
    let seconds_to_produce = began.elapsed().as_secs_f64();
    servers.until_applied(&mut running, &servers.ends(&topic, PARTITIONS));
    let cost = meter.stop(servers, &[&**running], live.len() as u64)?;
    running.kill();
    servers.kafka.delete_topic(&topic);
    Ok(Turn { cost, seconds_to_produce })
}
