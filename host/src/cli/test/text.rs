//! A test's findings as text for people. Pure functions.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::Findings;
use crate::cli::figures::grouped;
use crate::cli::table::{BAD, GOOD, PLAIN, STRONG, Side, Style, Table, paint, printable, wants_colour};
use crate::limits::size;
use crate::projection::View;
use crate::replay::{Difference, Impurity, Quantiles, Schedule};

/// How wide what a line is about is.
const WIDTH: usize = 9;
/// Differences, stops and letters that are shown.
const SHOWN: usize = 20;
/// Records of a view that are shown where nothing is expected.
const RECORDS: usize = 3;
/// Characters of a value that are shown.
const VALUE_MAX: usize = 100;

pub(super) fn lines(findings: &Findings, views: &[View], expected: Option<&Path>) -> Vec<String> {
    let mut page = Page { lines: Vec::new(), colour: wants_colour() };
    let Findings { given, examined, .. } = findings;
    let partitions = count(given.partitions(), "partition");
    page.fact("events", &format!("{} in {partitions}", grouped(given.count() as u64)), PLAIN);
    for halted in &examined.outcome.halted {
        page.fact("STOPPED", &format!("partition {}: {}", halted.share, halted.reason), BAD);
        if let Some(line) = halted.event.as_ref().and_then(|event| given.line(event)) {
            page.more(&format!("it stands in {line}"));
        }
    }
    let set_aside = &examined.outcome.set_aside;
    if !set_aside.is_empty() {
        page.fact("parked", &count(set_aside.len(), "event"), BAD);
        let line = |event| given.line(event).unwrap_or_default();
        page.some(set_aside.iter().map(|(event, reason)| format!("{event} ({}) {reason}", line(event))));
    }
    if examined.outcome.skipped > 0 {
        page.fact("skipped", &count(examined.outcome.skipped as usize, "event"), BAD);
    }
    match (&findings.differences, expected) {
        (Some(differences), Some(file)) if differences.is_empty() => {
            page.fact("views", &format!("as in {}", file.display()), GOOD);
        }
        (Some(differences), Some(file)) => {
            let many = count(differences.len(), "difference");
            page.fact("views", &format!("{many} from {}", file.display()), BAD);
            page.some(differences.iter().flat_map(|difference| both(difference, "expected", "found")));
        }
        _ => page.views(&findings.views, views),
    }
    page.purity(findings);
    page.budget(findings);
    page.lines
}

/// So many of something.
pub(super) fn count(number: usize, what: &str) -> String {
    format!("{} {what}{}", grouped(number as u64), if number == 1 { "" } else { "s" })
}

/// A way to play events, in words.
pub(super) fn run_name(run: Schedule) -> String {
    match run {
        Schedule::Batches(1) => "event by event".to_owned(),
        Schedule::Batches(size) => format!("in batches of {}", grouped(size as u64)),
        Schedule::Fresh => "with a fresh instance for each".to_owned(),
        Schedule::Drops(_) => "with instances dropped".to_owned(),
        Schedule::Backwards => "last partition first".to_owned(),
        Schedule::ByTime => "partitions by time".to_owned(),
        Schedule::Turns(seed) => format!("partitions in turns (seed {seed})"),
    }
}

struct Page {
    lines: Vec<String>,
    colour: bool,
}

impl Page {
    fn fact(&mut self, what: &str, text: &str, style: Style) {
        let text = paint(printable(text), style, self.colour);
        self.lines.push(format!("{}{text}", paint(format_args!("{what:WIDTH$}"), STRONG, self.colour)));
    }

    fn more(&mut self, text: &str) {
        self.lines.push(format!("{:WIDTH$}{}", "", printable(text)));
    }

    fn some(&mut self, lines: impl Iterator<Item = String>) {
        let lines: Vec<_> = lines.collect();
        lines.iter().take(SHOWN).for_each(|line| self.more(line));
        if lines.len() > SHOWN {
            self.more(&format!("… and {} more (--json shows all)", grouped((lines.len() - SHOWN) as u64)));
        }
    }

    /// The first records of each view.
    fn views(&mut self, tree: &Value, views: &[View]) {
        for (index, view) in views.iter().enumerate() {
            let records: Vec<String> = match &tree[&view.name] {
                Value::Object(fields) => {
                    fields.iter().map(|(id, value)| format!("{id} {}", short(value))).collect()
                }
                Value::Array(items) => items.iter().map(short).collect(),
                other => vec![short(other)],
            };
            let kind = view.to_string();
            let title = format!(
                "{}: {kind}, {}",
                view.name,
                count(records.len(), if view.keyed { "key" } else { "record" })
            );
            if index == 0 {
                self.fact("views", &title, PLAIN)
            } else {
                self.more(&title)
            }
            records.iter().take(RECORDS).for_each(|record| self.more(&format!("  {record}")));
            if records.len() > RECORDS {
                self.more("  …");
            }
        }
    }

    fn purity(&mut self, findings: &Findings) {
        let examined = &findings.examined;
        let Some(Impurity { cause, run, event, differences }) = &examined.impurity else {
            let runs: Vec<String> = examined.runs.iter().skip(1).map(|run| run_name(*run)).collect();
            self.fact("pure", "yes: the same views event by event, twice, and", GOOD);
            self.more(&runs.join(", "));
            if findings.given.partitions() < 2 {
                self.more("(all events are in one partition: nothing is said of several)");
            }
            return;
        };
        self.fact("pure", &format!("NO: {}", cause.meaning()), BAD);
        if let Some(event) = event {
            let line = findings.given.line(event).map_or(String::new(), |line| format!(" ({line})"));
            self.more(&format!("the run {} parts at {event}{line}:", run_name(*run)));
        }
        self.some(differences.iter().flat_map(|difference| both(difference, "event by event", &run_name(*run))));
    }

    fn budget(&mut self, findings: &Findings) {
        let Findings { examined, limits, component_bytes, .. } = findings;
        let budget = &examined.budget;
        let mut table = Table::new([
            ("AN EVENT TAKES", Side::Left),
            ("P50", Side::Right),
            ("P99", Side::Right),
            ("MAX", Side::Right),
            ("LIMIT", Side::Right),
            ("OF IT", Side::Right),
        ]);
        let mut row =
            |what: &str, measured: Option<Quantiles>, most: u64, limit: u64, show: &dyn Fn(u64) -> String| {
                let small = |pick: fn(&Quantiles) -> u64| {
                    measured.as_ref().map_or(String::new(), |found| show(pick(found)))
                };
                let share = format!("{:.1} %", most as f64 * 100.0 / limit.max(1) as f64);
                let style = if most * 2 > limit { BAD } else { PLAIN };
                let cells = [small(|found| found.p50), small(|found| found.p99), show(most), show(limit), share];
                table.row([(what.to_owned(), PLAIN)].into_iter().chain(cells.map(|cell| (cell, style))));
            };
        let time = |nanoseconds: u64| format!("{:.1?}", Duration::from_nanos(nanoseconds));
        let event_time = u64::try_from(limits.event_time_max.as_nanos()).unwrap_or(u64::MAX);
        row("time, alone", Some(budget.time), budget.time.max, event_time, &time);
        row("work (fuel)", Some(budget.fuel), budget.fuel.max, limits.event_fuel(), &grouped);
        row("reads and writes", Some(budget.ops), budget.ops.max, limits.event_ops_max as u64, &grouped);
        row("bytes of them", Some(budget.bytes), budget.bytes.max, limits.event_bytes_max as u64, &size);
        row("memory, in all", None, budget.memory, limits.memory_bytes_max as u64, &size);
        row("the component", None, *component_bytes as u64, limits.component_bytes_max as u64, &size);
        let lines = table.lines(self.colour);
        self.fact("budget", &lines[0], PLAIN);
        lines[1..].iter().for_each(|line| self.lines.push(format!("{:WIDTH$}{line}", "")));
    }
}

/// A difference, with a word for each side.
fn both(difference: &Difference, expected: &str, found: &str) -> [String; 2] {
    let place = difference.path.join(" ");
    let value = |value: &Option<Value>| value.as_ref().map_or("nothing".to_owned(), short);
    let width = expected.chars().count().max(found.chars().count());
    [
        format!("- {place}  {expected:width$}  {}", value(&difference.expected)),
        format!("+ {place}  {found:width$}  {}", value(&difference.found)),
    ]
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(VALUE_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
