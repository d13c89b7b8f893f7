//! What the benchmark says: tables for people on stdout, a file for programs, and how it goes on stderr.

use std::fs;
use std::path::Path;

use anyhow::Context;
use serde_json::json;

use crate::statistics::Summary;

/// One row of the results.
pub struct Row {
    /// What was done.
    pub workload: &'static str,
    /// By whom, or how.
    pub contender: String,
    /// The median.
    pub events_per_second: f64,
    /// To the careful native consumer, round by round; none if that took no part.
    pub ratio: Option<Summary>,
    /// What the table shows besides, under these heads, which are the same in all rows of a workload.
    pub remarks: Vec<(&'static str, String)>,
}

/// Prints a table for each workload.
pub fn print(rows: &[Row]) {
    for group in rows.chunk_by(|one, next| one.workload == next.workload) {
        let heads = ["workload", "contender", "events/s", "ratio", "spread"].map(str::to_owned).into_iter();
        let heads = heads.chain(group[0].remarks.iter().map(|(head, _)| (*head).to_owned())).collect();
        table(&std::iter::once(heads).chain(group.iter().map(cells)).collect::<Vec<_>>(), 2);
    }
}

/// Prints lines of equally many cells, of which the first stand to the left.
#[expect(clippy::print_stdout, reason = "the result of the program")]
pub fn table(lines: &[Vec<String>], left: usize) {
    let width =
        |column: usize| lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max();
    let columns = lines.first().map_or(0, Vec::len);
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
    for line in lines {
        let padded = line.iter().zip(&widths).enumerate().map(|(column, (cell, width))| match column < left {
            true => format!("{cell:width$}"),
            false => format!("{cell:>width$}"),
        });
        println!("{}", padded.collect::<Vec<_>>().join("  "));
    }
    println!();
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
    head.into_iter().chain(row.remarks.iter().map(|(_, remark)| remark.clone())).collect()
}
