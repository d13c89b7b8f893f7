//! `lantern wait`: returns when a projection has applied what it was asked about, so that a script can read its views.

mod waiting;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use tokio::time::timeout;

use super::connect::{Connection, block_on};
use super::report::{Projection, Report, State, collect};
use super::{Printer, UserError};
use crate::event::{Reference, TopicPartition};
use waiting::{Goal, Waiting};

/// Wait until a projection has applied an event, or all events that there are
#[derive(clap::Args)]
#[command(after_help = "\
It ends with 0 when it is so, and with 1 when the time is over or the projection is stopped.

Examples:
  lantern wait balances --caught-up
  lantern wait balances --at account-events/3@1041 --timeout 5s && redis-cli HGET balances:accounts acc-42")]
pub(crate) struct Args {
    /// Wait for this projection
    name: String,

    /// Wait until it has applied the event at this offset
    #[arg(long, value_name = "TOPIC/PARTITION@OFFSET", value_parser = parse, required_unless_present = "caught_up")]
    at: Option<Reference>,

    /// Wait until it has applied all events that its topics have when the command starts
    #[arg(long, conflicts_with = "at")]
    caught_up: bool,

    /// Wait so long at most
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = humantime::parse_duration)]
    timeout: Duration,

    /// Print JSON: how far the projection has come where it was waited for
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connection: Connection,
}

pub(super) fn parse(text: &str) -> Result<Reference, &'static str> {
    let parts = text.rsplit_once('@').and_then(|(at, offset)| {
        let (topic, partition) = at.rsplit_once('/').filter(|(topic, _)| !topic.is_empty())?;
        Some((TopicPartition::new(topic, partition.parse().ok()?), offset.parse().ok()?))
    });
    let (at, offset) = parts.ok_or("write TOPIC/PARTITION@OFFSET, such as orders/3@1041")?;
    Ok(Reference { at, offset })
}

pub(crate) fn run(args: Args, printer: &mut Printer) -> anyhow::Result<()> {
    let reached = block_on(async {
        let operator = args.connection.operator();
        let source = args.connection.ask_source(&operator).await?;
        let report = collect(&operator, source.as_ref(), Some(&args.name)).await?;
        let goal = match &args.at {
            Some(reference) => offset(&report, reference)?,
            None => ends(&report)?,
        };
        let mut waiting = Waiting::new(&operator, &args.name, goal, args.caught_up);
        match timeout(args.timeout, waiting.until_reached(printer)).await {
            Ok(ended) => ended?,
            Err(_too_late) => return Err(waiting.out_of_time(args.timeout).into()),
        }
        Ok(waiting.reached())
    })?;
    if args.json {
        let checkpoints: BTreeMap<String, u64> =
            reached.iter().map(|(at, next)| (at.to_string(), *next)).collect();
        printer.out(json!({ "projection": args.name, "checkpoints": checkpoints }));
    }
    Ok(())
}

/// Behind one event, of a partition that the projection reads.
fn offset(report: &Report, Reference { at, offset }: &Reference) -> Result<Goal, UserError> {
    let lanes = |projection: &Projection| -> Vec<String> {
        projection.lanes.iter().map(|lane| format!("{}/{}", lane.topic, lane.partition)).collect()
    };
    for projection in &report.projections {
        let there = lanes(projection);
        // Which partitions there are, only the source knows for sure.
        let is_likely = report.away.is_some() && projection.topics.iter().any(|topic| *topic == *at.topic);
        if !there.contains(&at.to_string()) && !is_likely {
            let message = format!("projection `{}` does not read {at}", projection.name);
            let all = if there.is_empty() { projection.topics.join(", ") } else { there.join(", ") };
            return Err(UserError::usage(message, format!("it reads {all}")));
        }
    }
    Ok([(at.clone(), offset.saturating_add(1))].into())
}

/// Behind all events that there are.
fn ends(report: &Report) -> Result<Goal, UserError> {
    if let Some(away) = &report.away {
        return Err(UserError::failure("where its topics end is not known", away.clone()));
    }
    if let Some(gone) = report.projections.iter().find(|projection| projection.state == State::Undeploying) {
        let hint = "what is removed never catches up; see `lantern list`";
        return Err(UserError::failure(format!("projection `{}` is being undeployed", gone.name), hint));
    }
    let lanes = report.projections.iter().flat_map(|projection| &projection.lanes);
    // Where nothing was ever to be read, there is no checkpoint.
    let wanted = lanes.filter(|lane| lane.end > lane.first);
    Ok(wanted
        .filter_map(|lane| Some((TopicPartition::new(lane.topic.as_str(), lane.partition), lane.end?)))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_topic_a_partition_and_an_offset() {
        assert_eq!(parse("a/b/3@7").unwrap().to_string(), "a/b/3@7");
        for text in ["orders", "orders/3", "orders@7", "/3@7", "orders/x@7", "orders/3@-1"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
