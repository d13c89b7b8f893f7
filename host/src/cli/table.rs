//! Tables for people: aligned, and coloured where the reader wants colours.

use std::fmt::Display;
use std::io::IsTerminal;

use clap::builder::styling::AnsiColor;
pub(super) use clap::builder::styling::Style;

pub(super) const PLAIN: Style = Style::new();
pub(super) const STRONG: Style = Style::new().bold();
pub(super) const FAINT: Style = Style::new().dimmed();
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
pub(super) const BUSY: Style = AnsiColor::Cyan.on_default();
pub(super) const DOUBTFUL: Style = AnsiColor::Yellow.on_default();
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();

/// Whether stdout is to be coloured: it is a terminal that can, and its user has not said no.
pub(super) fn wants_colour() -> bool {
    let says_no = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    std::io::stdout().is_terminal() && !says_no && !is_dumb
}

/// Text in a style, if it is to be coloured.
pub(super) fn paint(text: impl Display, style: Style, colour: bool) -> String {
    if colour { format!("{style}{text}{style:#}") } else { text.to_string() }
}

/// A text without what would steer a terminal: plugins and events may have put anything into it.
pub(in crate::cli) fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { printable.extend(c.escape_default()) } else { printable.push(c) }
    }
    printable
}

/// To which side a column's texts go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

/// A table that is filled row by row.
#[derive(Clone, Debug)]
pub(super) struct Table {
    sides: Vec<Side>,
    rows: Vec<Vec<(String, Style)>>,
}

impl Table {
    /// A table of these columns.
    pub(super) fn new<const N: usize>(columns: [(&str, Side); N]) -> Self {
        let header = columns.map(|(name, _)| (name.to_owned(), FAINT)).into();
        Self { sides: columns.map(|(_, side)| side).into(), rows: vec![header] }
    }

    /// Adds a row.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = (String, Style)>) {
        self.rows.push(cells.into_iter().map(|(text, style)| (printable(&text), style)).collect());
    }

    /// Its lines, the header first.
    pub(super) fn lines(&self, colour: bool) -> Vec<String> {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|(text, _)| text.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.sides.len()).map(width).collect();
        self.rows.iter().map(|row| self.line(row, &widths, colour)).collect()
    }

    fn line(&self, row: &[(String, Style)], widths: &[usize], colour: bool) -> String {
        let mut line = String::new();
        for (index, ((text, style), side)) in row.iter().zip(&self.sides).enumerate() {
            let gap = " ".repeat(widths[index] - text.chars().count());
            let text = paint(text, *style, colour);
            let (before, after) = if *side == Side::Right { (gap, String::new()) } else { (String::new(), gap) };
            let space = if index == 0 { "" } else { "  " };
            line += &format!("{space}{before}{text}{after}");
        }
        line.trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new([("NAME", Side::Left), ("LAG", Side::Right), ("TOPICS", Side::Left)]);
        table.row([("balances".into(), PLAIN), ("7".into(), PLAIN), ("a, b".into(), PLAIN)]);
        table.row([("x".into(), GOOD), ("1,000".into(), PLAIN), ("c".into(), PLAIN)]);
        table
    }

    #[test]
    fn columns_are_aligned() {
        assert_eq!(
            table().lines(false),
            ["NAME        LAG  TOPICS", "balances      7  a, b", "x         1,000  c"]
        );
    }

    #[test]
    fn colours_take_no_room() {
        assert_eq!(table().lines(true)[2], "\u{1b}[32mx\u{1b}[0m         1,000  c");
    }
}
