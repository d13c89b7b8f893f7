//! What the benchmark says: a table for people on stdout, a file for programs, and how it goes on stderr.

use std::fs;
use std::path::Path;

use anyhow::Context;
use serde_json::json;

use crate::contender::Contender;
use crate::rounds::{Turn, Turns};
use crate::statistics::Summary;

/// One row of the results.
pub struct Row {
    /// What was done.
    pub workload: &'static str,
    /// By whom.
    pub contender: String,
    /// The median.
    pub events_per_second: f64,
    /// To the careful native consumer, round by round; none if that took no part.
    pub ratio: Option<Summary>,
    /// What the table shows besides.
    pub remarks: Vec<String>,
}

/// The heads of the remarks on a contender.
const REMARKS: [&str; 4] = ["first commit", "CPU s/M: own", "broker", "Redis"];

/// The rows of the contenders.
pub fn rows(turns: &Turns) -> Vec<Row> {
    let careful = turns.get(&Contender::Careful);
    let row = |(contender, turns): (&Contender, &Vec<Turn>)| {
        let rates = turns.iter().map(Turn::rate);
        let pairs = careful.into_iter().flatten().zip(rates.clone());
        let median =
            |number: &dyn Fn(&Turn) -> f64| Summary::of(turns.iter().map(number)).map_or(f64::NAN, |s| s.median);
        let mut remarks = vec![format!("{:.0} ms", 1000.0 * median(&|turn| turn.seconds_to_first))];
        remarks.extend((0..3).map(|part| format!("{:.2}", median(&|turn| turn.cpu_seconds_per_million()[part]))));
        Row {
            workload: "balances",
            contender: contender.to_string(),
            events_per_second: Summary::of(rates).map_or(f64::NAN, |rates| rates.median),
            ratio: Summary::of(pairs.map(|(careful, rate)| rate / careful.rate())),
            remarks,
        }
    };
    turns.iter().map(row).collect()
}

/// Prints the table.
#[expect(clippy::print_stdout, reason = "the result of the program")]
pub fn print(rows: &[Row]) {
    let head = ["workload", "contender", "events/s", "ratio", "spread"].map(str::to_owned).to_vec();
    let mut lines = vec![[head, REMARKS.map(str::to_owned).to_vec()].concat()];
    lines.extend(rows.iter().map(cells));
    let columns = lines.iter().map(Vec::len).max().unwrap_or_default();
    let width =
        |column: usize| lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
    for line in &lines {
        let cells = line.iter().zip(&widths).enumerate();
        let cells = cells.map(
            |(column, (cell, width))| {
                if column < 2 { format!("{cell:width$}") } else { format!("{cell:>width$}") }
            },
        );
        println!("{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}

/// Writes the file.
pub fn write_json(rows: &[Row], file: &Path) -> anyhow::Result<()> {
    let result = |row: &Row| {
        json!({
            "workload": row.workload,
            "contender": row.contender,
            "events_per_second": row.events_per_second,
            "ratio": row.ratio.map(|ratio| ratio.median),
        })
    };
    let results = json!({ "results": rows.iter().map(result).collect::<Vec<_>>() });
    fs::write(file, format!("{results:#}\n")).with_context(|| format!("writing {}", file.display()))
}

/// Says how it goes.
#[expect(clippy::print_stderr, reason = "talk goes to stderr")]
pub fn note(text: &str) {
    eprintln!("{text}");
}

fn cells(row: &Row) -> Vec<String> {
    let ratio = row.ratio.map_or("-".to_owned(), |ratio| format!("{:.3}", ratio.median));
    let spread = row.ratio.map_or("-".to_owned(), |ratio| format!("{:.3}-{:.3}", ratio.min, ratio.max));
    let head =
        [row.workload.to_owned(), row.contender.clone(), format!("{:.0}", row.events_per_second), ratio, spread];
    [head.to_vec(), row.remarks.clone()].concat()
}
