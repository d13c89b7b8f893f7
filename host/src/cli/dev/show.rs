//! What `lantern dev` shows: the projections at work, and at the end what they have made.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use super::screen::Screen;
use super::shown::Shown;
use crate::cli::figures::grouped;
use crate::cli::{Printer, UserError};
use crate::event::TopicPartition;
use crate::lane::chain;
use crate::projection::Projection;
use crate::source::Source;
use crate::source::embedded::EmbeddedLog;
use crate::store::redis::Redis;
use crate::supervisor::{Board, Condition};

const EVERY: Duration = Duration::from_millis(200);
/// Without a terminal a line is printed when something has changed, and no more often than this.
const EVERY_PLAIN: Duration = Duration::from_secs(2);
/// So many events behind the log's end a projection still counts as live: they are on their way.
const LIVE_LAG: u64 = 100;
/// Records of each view that are printed.
const RECORDS: usize = 3;

/// How far a projection has come, against the log's end.
struct Progress {
    applied: u64,
    end: u64,
}

async fn progress(log: &EmbeddedLog, projection: &Projection, condition: &Condition) -> anyhow::Result<Progress> {
    let mut progress = Progress { applied: 0, end: 0 };
    for topic in projection.topics.iter() {
        for partition in 0..log.topic(topic).await?.partitions {
            let at = TopicPartition::new(topic.clone(), partition);
            progress.end += log.bounds(&at).await?.end;
            progress.applied += condition.checkpoint.get(&at).map_or(0, |mark| mark.next);
        }
    }
    Ok(progress)
}

/// Waits until every projection has come to the log's end.
pub(super) async fn until_done(
    log: &EmbeddedLog,
    projections: &[Projection],
    board: &Board,
    printer: &mut Printer,
) -> anyhow::Result<()> {
    let mut interval = tokio::time::interval(Duration::from_millis(20));
    let mut said = None;
    for projection in projections {
        loop {
            let condition = board.conditions().remove(&*projection.name).unwrap_or_default();
            let Progress { applied, end } = progress(log, projection, &condition).await?;
            if applied >= end {
                break;
            }
            if let Some(stop) = condition.stopped {
                let message = format!("projection `{}` stopped: {}", projection.name, chain(&stop));
                return Err(UserError::failure(message, "the log above says how to mend it").into());
            }
            if condition.retrying != said {
                condition.retrying.iter().for_each(|why| printer.note(format_args!("{}: {why}", projection.name)));
                said = condition.retrying;
            }
            interval.tick().await;
        }
    }
    Ok(())
}

/// Prints the first records of each view, and how fast they came about.
pub(super) async fn records(
    redis: &Redis,
    projections: &[Projection],
    board: &Board,
    elapsed: Duration,
    printer: &mut Printer,
) -> anyhow::Result<()> {
    let conditions = board.conditions();
    let mut committed = 0;
    for projection in projections {
        for (index, view) in (0u32..).zip(projection.views.iter()).filter(|(_, view)| !view.keyed) {
            let key = String::from_utf8_lossy(&projection.key(index, b"")).into_owned();
            printer.out(format_args!("{key}  ({view})"));
            for (name, value) in redis.first_records(projection, index, RECORDS).await? {
                printer.out(format_args!("  {name:<12} {value}"));
            }
        }
        committed += conditions.get(&*projection.name).map_or(0, |condition| condition.committed);
    }
    let rate = committed as f64 / elapsed.as_secs_f64();
    printer.out(format_args!(
        "{} events applied in {:.2} s: {} events/s over {} projections",
        grouped(committed),
        elapsed.as_secs_f64(),
        grouped(rate as u64),
        projections.len(),
    ));
    Ok(())
}

/// Prints the commands to try.
pub(super) fn commands(projections: &[Projection], port: u16, screen: &Screen) {
    screen.note("Read the views with any Redis client:");
    for projection in projections {
        for (index, view) in (0u32..).zip(projection.views.iter()).filter(|(_, view)| !view.keyed) {
            use crate::projection::Kind;
            let (verb, rest) = match view.kind {
                Kind::Table => ("HRANDFIELD", " 3 WITHVALUES"),
                Kind::Counters => ("HGETALL", ""),
                Kind::Ranking => ("ZREVRANGE", " 0 4 WITHSCORES"),
                Kind::Set => ("SRANDMEMBER", " 3"),
                Kind::List | Kind::Value => ("LRANGE", " 0 4"),
            };
            let key = String::from_utf8_lossy(&projection.key(index, b"")).into_owned();
            screen.note(format_args!("  redis-cli -p {port} {verb} {key}{rest}"));
        }
    }
    screen.note("Stop with Ctrl-C.");
}

/// Shows the projections at work, until dropped.
pub(super) async fn live(log: &EmbeddedLog, shown: &Shown, board: &Board, screen: &Screen) -> anyhow::Result<()> {
    let terminal = std::io::stderr().is_terminal();
    let count = shown.now().len();
    let bars = (0..count).map(|_| screen.line()).collect::<anyhow::Result<Vec<_>>>()?;
    let mut interval = tokio::time::interval(if terminal { EVERY } else { EVERY_PLAIN });
    let mut before = vec![(0u64, Instant::now(), String::new()); count];
    loop {
        interval.tick().await;
        let (conditions, projections) = (board.conditions(), shown.now());
        let width = projections.iter().map(|p| p.name.len()).max().unwrap_or(0);
        for ((projection, bar), (committed, at, line)) in projections.iter().zip(&bars).zip(&mut before) {
            let condition = conditions.get(&*projection.name).cloned().unwrap_or_default();
            let Progress { applied, end } = progress(log, projection, &condition).await?;
            let rate = condition.committed.saturating_sub(*committed) as f64 / at.elapsed().as_secs_f64();
            (*committed, *at) = (condition.committed, Instant::now());
            let state = match (&condition.stopped, &condition.retrying) {
                (Some(stop), _) => format!("stopped: {stop}"),
                (None, Some(reason)) => format!("retrying: {reason}"),
                (None, None) if applied + LIVE_LAG >= end => "live".to_owned(),
                (None, None) => "catching up".to_owned(),
            };
            let text = format!(
                "{:<width$}  {state:<11}  {:>10} events  lag {:>8}  {:>9}/s",
                projection.name,
                grouped(applied),
                grouped(end.saturating_sub(applied)),
                grouped(rate as u64),
            );
            if terminal {
                bar.set_message(text);
            } else if text != *line {
                screen.note(&text);
                *line = text;
            }
        }
    }
}
