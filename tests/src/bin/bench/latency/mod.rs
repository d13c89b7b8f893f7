//! How long it takes from the broker's acknowledgement of an event until a reader of Redis can read what it did.
//!
//! Events are sent in an open loop: the `n`-th is due `n / rate` seconds after the first, whatever becomes of the others.
//! Each is counted
//!
//! - from the moment at which its acknowledgement would have come had it been sent when it was due: the acknowledgement as
//!   the producer heard it, less the time by which it was sent too late. So a machine that stands still is counted for every
//!   event that was due meanwhile, and none is left out because nobody could send it (*coordinated omission*);
//! - to the moment at which a reader had read a checkpoint behind it: see [`crate::checkpoints`]. The reader reads the checkpoints and
//!   not the views, since both change in one transaction.
//!
//! An event that is read before its acknowledgement is heard counts as zero. What comes before the acknowledgement is the
//! producer's and the broker's own share, mostly the producer's wait for more events to send along; its median is given
//! beside.

mod sender;

use hdrhistogram::Histogram;
use lantern_tests::Event;
use lantern_tests::bank::BankViews;

use crate::checkpoints::{Reader, Readings};
use crate::contender::Contender;
use crate::report::note;
use crate::results::{Number, Row, Unit, compare};
use crate::rotation;
use crate::servers::{PARTITIONS, Servers, bank};
pub use sender::Sender;
use sender::Sent;

/// Events a second.
const RATES: [u64; 2] = [1_000, 10_000];
/// Who takes part.
const CONTENDERS: [Contender; 3] = [Contender::Careful, Contender::Lantern, Contender::Best];
/// Events that are there before, so that all accounts are open and nothing is new to the consumer.
const BEFORE: usize = 100_000;
/// How long events come before those that count.
const WARM_UP_SECONDS: u64 = 1;
/// Times are kept with so many digits, from a nanosecond to a minute.
const DIGITS: u8 = 3;
const LONGEST_NANOSECONDS: u64 = 60_000_000_000;

/// What one turn of one contender came to, in seconds.
struct Turn {
    quantiles: [f64; 3],
    longest: f64,
    /// Medians from the moment when an event was due: to its acknowledgement, and until it could be read.
    to_acknowledged: f64,
    to_readable: f64,
}

/// Measures each rate in so many rounds, each for so many seconds.
pub fn measure(rounds: usize, seconds: u64) -> anyhow::Result<Vec<Row>> {
    let servers = Servers::start()?;
    let mut rows = Vec::new();
    for rate in RATES {
        let turns = rotation::play(&CONTENDERS, rounds, |contender, round| {
            let turn = take_turn(&servers, contender, rate, seconds)?;
            let [p50, p99, _] = turn.quantiles.map(|seconds| seconds * 1e3);
            note(&format!("latency at {rate}/s, round {round}: {contender:8} p50 {p50:.2} ms, p99 {p99:.2} ms"));
            Ok(turn)
        })?;
        rows.extend(turns.iter().map(|(contender, turns)| row(rate, *contender, turns)));
    }
    for name in ["p50", "p99"] {
        compare(&mut rows, name, &Contender::Careful.to_string());
    }
    Ok(rows)
}

fn row(rate: u64, contender: Contender, turns: &[Turn]) -> Row {
    let number = |name, value: &dyn Fn(&Turn) -> f64| Number::new(name, Unit::Seconds, turns.iter().map(value));
    Row::new(
        "latency",
        format!("{rate}/s"),
        contender.to_string(),
        vec![
            number("p50", &|turn| turn.quantiles[0]),
            number("p99", &|turn| turn.quantiles[1]),
            number("p99.9", &|turn| turn.quantiles[2]),
            number("longest", &|turn| turn.longest),
            number("due to acknowledged, p50", &|turn| turn.to_acknowledged),
            number("due to readable, p50", &|turn| turn.to_readable),
        ],
    )
}

fn take_turn(servers: &Servers, contender: Contender, rate: u64, seconds: u64) -> anyhow::Result<Turn> {
    let topic = lantern_tests::source::unique("latency");
    servers.kafka.create_topic(&topic, PARTITIONS);
    servers.redis.flush_all();
    let mut bank = bank().events();
    let mut events: Vec<Event> = bank.by_ref().take(BEFORE).collect();
    servers.kafka.produce(&topic, &events);
    let mut running = servers.run(contender, &topic)?;
    servers.until_applied(&mut running, &servers.ends(&topic, PARTITIONS));

    let sender = Sender::to(servers.kafka.servers(), &topic)?;
    let reader = Reader::start(&servers.redis, &topic)?;
    let (warm_up, count) = ((rate * WARM_UP_SECONDS) as usize, (rate * (WARM_UP_SECONDS + seconds)) as usize);
    events.extend(bank.take(count));
    let sent = sender.send(&events[BEFORE..], rate)?;
    servers.until_applied(&mut running, &servers.ends(&topic, PARTITIONS));
    let readings = reader.stop()?;
    running.kill();
    servers.kafka.delete_topic(&topic);
    servers.views_hold(&BankViews::fold(&events))?;
    turn_of(&sent[warm_up..], &readings)
}

/// Sums up all events of a turn.
fn turn_of(sent: &[Sent], readings: &Readings) -> anyhow::Result<Turn> {
    let empty = || Histogram::<u64>::new_with_bounds(1, LONGEST_NANOSECONDS, DIGITS);
    let (mut latency, mut to_acknowledged, mut to_readable) = (empty()?, empty()?, empty()?);
    for event in sent {
        let readable = readings.readable(event.partition, event.offset)?;
        let late = event.sent.saturating_duration_since(event.due);
        latency
            .saturating_record((readable.saturating_duration_since(event.acknowledged) + late).as_nanos() as u64);
        to_acknowledged.saturating_record((event.acknowledged - event.due).as_nanos() as u64);
        to_readable.saturating_record((readable - event.due).as_nanos() as u64);
    }
    let seconds = |nanoseconds: u64| nanoseconds as f64 / 1e9;
    Ok(Turn {
        quantiles: [0.5, 0.99, 0.999].map(|quantile| seconds(latency.value_at_quantile(quantile))),
        longest: seconds(latency.max()),
        to_acknowledged: seconds(to_acknowledged.value_at_quantile(0.5)),
        to_readable: seconds(to_readable.value_at_quantile(0.5)),
    })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn who_was_sent_late_has_waited() {
        let began = Instant::now();
        let at = |milliseconds| began + Duration::from_millis(milliseconds);
        // Both were due at once; the second was sent when the first was acknowledged, and both were read together.
        let sent = |sent, acknowledged, offset| Sent {
            due: at(0),
            sent: at(sent),
            acknowledged: at(acknowledged),
            partition: 0,
            offset,
        };
        let mut readings = Readings::default();
        readings.note(at(20), [(0, 2)]);
        let turn = turn_of(&[sent(0, 10, 0), sent(10, 20, 1)], &readings).unwrap();
        let milliseconds = |seconds: f64| (seconds * 1e3).round();
        assert_eq!(turn.quantiles.map(milliseconds), [10.0; 3]);
        assert_eq!(milliseconds(turn.to_acknowledged), 10.0);
        assert_eq!(milliseconds(turn.to_readable), 20.0);
        assert!(readings.readable(0, 2).is_err(), "nobody has read that");
    }
}
