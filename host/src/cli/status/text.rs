//! The report as text for people: a paragraph a projection, or a line. Pure functions.

use crate::cli::figures::{grouped, perhaps, rate, short, span};
use crate::cli::report::{Phase, Projection, Rebuild, Report};
use crate::cli::table::{BAD, PLAIN, STRONG, Side, Table, paint, printable};
use crate::limits::LIMITS;

use super::style;

/// All that is known, a paragraph a projection.
pub(super) fn full(report: &Report, colour: bool) -> Vec<String> {
    let paragraphs: Vec<_> = report.projections.iter().map(|projection| paragraph(projection, colour)).collect();
    paragraphs.join(&String::new())
}

fn paragraph(projection: &Projection, colour: bool) -> Vec<String> {
    let state = paint(projection.state, style(projection.state), colour);
    let mut lines = vec![format!("{}  {state}", paint(&projection.name, STRONG, colour))];
    if let Some(error) = &projection.error {
        lines.push(format!("  {}", paint(printable(error), BAD, colour)));
    }
    let (generation, revision) = (projection.generation, projection.revision);
    lines.push(format!("  generation {generation}, revision {revision}, module {}", short(&projection.module)));
    lines.push(format!("  {}, {}", lag(projection), rate(projection.events_per_second)));
    if !projection.as_of.is_empty() {
        lines.push("  it shows a point in the past, and does not follow its topics".to_owned());
    }
    let skipped = match projection.skipped {
        0 => String::new(),
        skipped => format!(", {} events left out", grouped(skipped)),
    };
    lines.push(format!("  {} dead letters{skipped}", grouped(projection.dead_letters)));
    lines.extend(limits(projection).map(|limits| format!("  limits: {limits}")));
    lines.extend(projection.rebuild.iter().map(|going_on| format!("  {}", rebuild(going_on))));
    lines.extend(lanes(projection).lines(colour).into_iter().map(|line| format!("    {line}")));
    lines
}

/// The limits that were set; none if all are the defaults.
fn limits(projection: &Projection) -> Option<String> {
    let set = LIMITS.iter().filter_map(|limit| {
        let value = projection.limits_set.get(limit.name)?;
        Some(format!("{} {}", limit.name, limit.text(*value)))
    });
    let set: Vec<_> = set.collect();
    (!set.is_empty()).then(|| set.join(", "))
}

/// All limits, those that were set marked as such.
pub(super) fn all_limits(projection: &Projection, colour: bool) -> Vec<String> {
    let mut table = Table::new([("LIMIT", Side::Left), ("VALUE", Side::Right), ("", Side::Left)]);
    for limit in &LIMITS {
        let value = projection.limits.get(limit.name).map_or_else(String::new, |value| limit.text(*value));
        let set = if projection.limits_set.contains_key(limit.name) { "set" } else { "" };
        table.row([limit.name.to_owned(), value, set.to_owned()].map(|text| (text, PLAIN)));
    }
    table.lines(colour).into_iter().map(|line| format!("    {line}")).collect()
}

fn lanes(projection: &Projection) -> Table {
    use Side::{Left, Right};
    let columns = [("PARTITION", Left), ("CHECKPOINT", Right), ("END", Right), ("LAG", Right), ("HOST", Left)];
    let mut table = Table::new(columns);
    for lane in &projection.lanes {
        let cells = [
            format!("{}/{}", lane.topic, lane.partition),
            perhaps(lane.checkpoint),
            perhaps(lane.end),
            perhaps(lane.lag),
            lane.host.clone().unwrap_or_else(|| "none".to_owned()),
        ];
        table.row(cells.map(|text| (text, PLAIN)));
    }
    table
}

fn lag(projection: &Projection) -> String {
    match (projection.lag, projection.lag_seconds) {
        (None, _) => "lag ?".to_owned(),
        (Some(0), _) => "lag 0".to_owned(),
        (Some(lag), None) => format!("lag {}", grouped(lag)),
        (Some(lag), Some(seconds)) => format!("lag {} ({})", grouped(lag), span(seconds)),
    }
}

/// How a rebuild goes on, in a line.
pub(super) fn rebuild(rebuild: &Rebuild) -> String {
    let done = match (rebuild.applied, rebuild.total) {
        (Some(applied), Some(total)) => format!(": {} of {} events", grouped(applied), grouped(total)),
        (Some(applied), None) => format!(": {} events", grouped(applied)),
        (None, _) => String::new(),
    };
    let finding = rebuild.finding.as_ref().map(|finding| format!(": {}", printable(finding))).unwrap_or_default();
    let number = rebuild.generation;
    match rebuild.state {
        Phase::Building => {
            let eta = rebuild.eta_seconds.map(|eta| format!(", {} left", span(eta as f64))).unwrap_or_default();
            format!("generation {number} is being built{done}, {}{eta}", rate(rebuild.events_per_second))
        }
        Phase::Comparing => {
            format!("generation {number} is compared with the live one, and both stand still{done}")
        }
        Phase::Moving => format!("generation {number} takes the live one's place, structure by structure"),
        Phase::Waiting => format!("generation {number} waits for other rebuilds to end"),
        Phase::Held => format!("generation {number} is held for `lantern promote` or `cancel`{finding}{done}"),
        Phase::Failed => format!("generation {number} could not be built{finding}"),
    }
}

/// A line a projection.
pub(super) fn brief(projection: &Projection, width: usize, colour: bool) -> String {
    let state = paint(format_args!("{:<11}", projection.state), style(projection.state), colour);
    let error = projection.error.as_ref().map(|error| format!("  {}", printable(error))).unwrap_or_default();
    format!(
        "{:<width$}  {state}  generation {}  {}  {}{error}",
        projection.name,
        projection.generation,
        lag(projection),
        rate(projection.events_per_second)
    )
}

/// A line with all that is worth a line.
pub(super) fn line(projection: &Projection, width: usize) -> String {
    let rebuilt = projection.rebuild.as_ref().map(|going_on| format!("  {}", rebuild(going_on)));
    brief(projection, width, false) + &rebuilt.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::report::{Lane, State};

    fn projection() -> Projection {
        Projection {
            name: "balances".into(),
            state: State::Rebuilding,
            error: None,
            revision: 1,
            generation: 1,
            module: "3f0c5a9b12cd77".into(),
            topics: vec!["events".into()],
            lag: Some(1_203),
            lag_seconds: Some(2.5),
            events_per_second: 4_000.4,
            dead_letters: 0,
            limits: [("memory".to_owned(), 64 << 20)].into(),
            as_of: std::collections::BTreeMap::new(),
            limits_set: [("memory".to_owned(), 64 << 20), ("event-time".to_owned(), 500)].into(),
            lanes: vec![Lane {
                topic: "events".into(),
                partition: 3,
                checkpoint: Some(8_797),
                end: Some(10_000),
                lag: Some(1_203),
                host: None,
                first: Some(0),
            }],
            rebuild: Some(Rebuild {
                generation: 2,
                state: Phase::Building,
                applied: Some(2_000),
                total: Some(10_000),
                events_per_second: 100.0,
                eta_seconds: Some(80),
                finding: None,
            }),
            skipped: 2,
        }
    }

    #[test]
    fn a_paragraph_says_all() {
        let expected = "\
balances  rebuilding
  generation 1, revision 1, module 3f0c5a9b12cd
  lag 1,203 (2.5 s), 4,000/s
  0 dead letters, 2 events left out
  limits: memory 64MiB, event-time 500ms
  generation 2 is being built: 2,000 of 10,000 events, 100/s, 1m 20s left
    PARTITION  CHECKPOINT     END    LAG  HOST
    events/3        8,797  10,000  1,203  none";
        let report = Report { projections: vec![projection()], ..Report::default() };
        assert_eq!(full(&report, false).join("\n"), expected);
    }

    #[test]
    fn a_line_says_what_matters() {
        let expected = "balances    rebuilding   generation 1  lag 1,203 (2.5 s)  4,000/s  \
            generation 2 is being built: 2,000 of 10,000 events, 100/s, 1m 20s left";
        assert_eq!(line(&projection(), 10), expected);
    }

    #[test]
    fn what_is_not_known_is_a_question_mark() {
        let away = Projection { lag: None, lag_seconds: None, rebuild: None, ..projection() };
        assert_eq!(line(&away, 8), "balances  rebuilding   generation 1  lag ?  4,000/s");
    }

    #[test]
    fn a_rebuild_says_why_it_stands_still() {
        let going_on = projection().rebuild.unwrap();
        let text = |state, finding: Option<&str>| {
            rebuild(&Rebuild { state, finding: finding.map(str::to_owned), applied: None, ..going_on.clone() })
        };
        assert_eq!(text(Phase::Waiting, None), "generation 2 waits for other rebuilds to end");
        assert_eq!(
            text(Phase::Held, Some("1 missing")),
            "generation 2 is held for `lantern promote` or `cancel`: 1 missing"
        );
        assert_eq!(text(Phase::Failed, Some("it trapped")), "generation 2 could not be built: it trapped");
    }
}
