//! What the benchmark says: a table of each suite on stdout, and how it goes on stderr.

use crate::results::{Number, Row};
use crate::statistics::Summary;

/// Prints a table for each suite: of each number the median, and of each ratio median and spread.
pub fn print(rows: &[Row]) {
    for suite in rows.chunk_by(|one, next| one.suite == next.suite) {
        let heads = ["suite", "case", "contender"].map(str::to_owned).into_iter();
        let heads = heads.chain(suite[0].numbers.iter().flat_map(heads_of)).collect();
        table(&std::iter::once(heads).chain(suite.iter().map(|row| cells(row, &suite[0]))).collect::<Vec<_>>(), 3);
    }
}

/// The heads of a number's columns.
pub fn heads_of(number: &Number) -> Vec<String> {
    vec![number.name.clone()]
}

/// The cells of a row: its names, and its numbers in the order of the first row of its suite.
pub fn cells(row: &Row, first: &Row) -> Vec<String> {
    let names = [row.suite.clone(), row.case.clone(), row.contender.clone()].into_iter();
    names.chain(first.numbers.iter().map(|like| cell(row.number(&like.name)))).collect()
}

/// A number with its ratio, if it has one: `312,000 (0.92 of careful, 0.88–0.95)`.
pub fn cell(number: Option<&Number>) -> String {
    let Some(number) = number else { return "-".to_owned() };
    let text = number.text(number.median());
    let ratio = number.ratio.as_ref().and_then(|ratio| Some((ratio, Summary::of(ratio.values.iter().copied())?)));
    match ratio {
        None => text,
        Some((ratio, Summary { median, min, max })) => {
            format!("{text} ({median:.2} of {}, {min:.2}–{max:.2})", ratio.to)
        }
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

/// Says how it goes.
#[expect(clippy::print_stderr, reason = "talk goes to stderr")]
pub fn note(text: &str) {
    eprintln!("{text}");
}
