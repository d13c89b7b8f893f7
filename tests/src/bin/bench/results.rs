//! What was measured, as it is stored: every number of every round, so that a table, a page and a verdict are made of it
//! later.

use std::fs;
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::statistics::Summary;

/// All that one run has measured.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Results {
    /// The machine and the versions, by name.
    pub about: Vec<(String, String)>,
    /// What was measured.
    pub rows: Vec<Row>,
}

/// What one contender took for one case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Rows of a suite have the same numbers and stand in one table, such as `rebuild`.
    pub suite: String,
    /// What was done, such as `balances`; the rows of a case are compared.
    pub case: String,
    /// By whom, such as `Lantern`.
    pub contender: String,
    /// What came out.
    pub numbers: Vec<Number>,
}

/// One measure, in each round that counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Number {
    /// What it is, such as `events/s`.
    pub name: String,
    /// How it is written.
    pub unit: Unit,
    /// The value of each round.
    pub values: Vec<f64>,
    /// The same beside another contender's of the same round.
    pub ratio: Option<Ratio>,
}

/// A number beside the same number of another contender.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    /// The other contender.
    pub to: String,
    /// Own value by the other's, in each round.
    pub values: Vec<f64>,
}

/// The unit of a number, in which its values are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Events in a second.
    PerSecond,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// CPU seconds for a million events, which are CPU microseconds for one.
    CpuMicroseconds,
    /// Nanoseconds.
    Nanoseconds,
    /// Hundredths of one processor.
    Percent,
    /// A plain number.
    Count,
}

impl Row {
    /// A row of these numbers.
    pub fn new(suite: &str, case: impl Into<String>, contender: impl Into<String>, numbers: Vec<Number>) -> Row {
        Row { suite: suite.to_owned(), case: case.into(), contender: contender.into(), numbers }
    }

    /// One of its numbers.
    pub fn number(&self, name: &str) -> Option<&Number> {
        self.numbers.iter().find(|number| number.name == name)
    }
}

impl Number {
    /// A number of so many rounds.
    pub fn new(name: &str, unit: Unit, values: impl IntoIterator<Item = f64>) -> Number {
        Number { name: name.to_owned(), unit, values: values.into_iter().collect(), ratio: None }
    }

    /// The median of the rounds.
    pub fn median(&self) -> f64 {
        self.summary().map_or(f64::NAN, |summary| summary.median)
    }

    /// Median and spread; none without a round.
    pub fn summary(&self) -> Option<Summary> {
        Summary::of(self.values.iter().copied())
    }

    /// A number of this unit, as people read it.
    pub fn text(&self, value: f64) -> String {
        match self.unit {
            _ if !value.is_finite() => "-".to_owned(),
            Unit::PerSecond => thousands(value),
            Unit::Seconds if value < 1e-3 => format!("{:.0} µs", value * 1e6),
            Unit::Seconds if value < 1.0 => format!("{:.*} ms", if value < 0.1 { 2 } else { 0 }, value * 1e3),
            Unit::Seconds => format!("{value:.2} s"),
            Unit::Bytes => format!("{:.0} MiB", value / f64::from(1 << 20)),
            Unit::CpuMicroseconds => format!("{value:.2} µs"),
            Unit::Nanoseconds => format!("{value:.1} ns"),
            Unit::Percent => format!("{value:.2} %"),
            Unit::Count => format!("{value}"),
        }
    }
}

/// A whole number with its thousands apart.
fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|group| str::from_utf8(group).ok()).collect();
    groups.join(",")
}

/// Puts beside each row's number of this name the ratio to that of `to`, round by round, in every case that `to` took part in.
pub fn compare(rows: &mut [Row], name: &str, to: &str) {
    let others: Vec<Row> = rows.iter().filter(|row| row.contender == to).cloned().collect();
    for row in rows.iter_mut().filter(|row| row.contender != to) {
        let other = others.iter().find(|other| (&other.suite, &other.case) == (&row.suite, &row.case));
        let Some(other) = other.and_then(|other| other.number(name)) else { continue };
        if let Some(own) = row.numbers.iter_mut().find(|number| number.name == name) {
            let values = own.values.iter().zip(&other.values).map(|(own, other)| own / other).collect();
            own.ratio = Some(Ratio { to: to.to_owned(), values });
        }
    }
}

impl Results {
    /// Reads a file that [`Results::write`] has written.
    pub fn read(file: &Path) -> anyhow::Result<Results> {
        let text = fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} has no results of this benchmark", file.display()))
    }

    /// Writes a file.
    pub fn write(&self, file: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        fs::write(file, text).with_context(|| format!("writing {}", file.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_of_the_same_round() {
        let row = |contender: &str, values: [f64; 3]| {
            Row::new("rebuild", "balances", contender, vec![Number::new("events/s", Unit::PerSecond, values)])
        };
        let mut rows = [row("careful", [100.0, 200.0, 400.0]), row("Lantern", [90.0, 190.0, 440.0])];
        compare(&mut rows, "events/s", "careful");
        let ratio = rows[1].numbers[0].ratio.clone();
        assert_eq!(ratio, Some(Ratio { to: "careful".to_owned(), values: vec![0.9, 0.95, 1.1] }));
        assert_eq!(rows[0].numbers[0].ratio, None);
    }

    #[test]
    fn numbers_are_written_for_people() {
        let text = |unit, value| Number::new("n", unit, []).text(value);
        assert_eq!(text(Unit::PerSecond, 1_234_567.8), "1,234,568");
        assert_eq!(text(Unit::Seconds, 0.000_42), "420 µs");
        assert_eq!(text(Unit::Seconds, 0.012_34), "12.34 ms");
        assert_eq!(text(Unit::Seconds, 1.5), "1.50 s");
        assert_eq!(text(Unit::Bytes, 3e8), "286 MiB");
        assert_eq!(text(Unit::Seconds, f64::NAN), "-");
    }
}
