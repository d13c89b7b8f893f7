//! The figures that are stored, and what was counted beside them.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};
use lantern_tests::artefacts::repository;
use serde::Deserialize;

/// Instructions for an item, by case.
pub type Counts = BTreeMap<String, f64>;

/// What `tests/instructions.toml` holds.
#[derive(Debug, Default, PartialEq, Deserialize)]
pub struct Figures {
    /// What they were made with, in words.
    made_with: String,
    /// By how much a count may differ, up or down.
    tolerance_percent: f64,
    instructions: Counts,
}

/// What decides, beside the sources, how many instructions there are: compiler, machine and C library, in words.
#[derive(PartialEq)]
pub struct Maker(String);

/// A figure that is not so any more.
#[derive(Debug, PartialEq)]
pub struct Stale {
    case: String,
    /// What is stored, if anything is.
    stored: Option<f64>,
    /// What was counted, if the case is there.
    counted: Option<f64>,
}

impl Maker {
    /// What is here.
    pub fn here() -> anyhow::Result<Maker> {
        let compiler = said(Command::new("rustc").arg("-vV"))?;
        let line = |name: &str| compiler.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("?").trim();
        let library = said(Command::new("getconf").arg("GNU_LIBC_VERSION")).unwrap_or_else(|_| "no glibc".into());
        Ok(Maker(format!("rustc {}, {}, {}", line("release:"), line("host:"), library.trim())))
    }
}

impl fmt::Display for Maker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn said(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("{command:?} does not start"))?;
    ensure!(output.status.success(), "{command:?} has failed");
    Ok(String::from_utf8(output.stdout)?)
}

impl Figures {
    /// Reads the file.
    pub fn stored() -> anyhow::Result<Figures> {
        let file = file();
        let text = fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
        toml::from_str(&text).with_context(|| format!("{} is malformed", file.display()))
    }

    /// Whether they are to be compared with what this gives.
    pub fn are_of(&self, maker: &Maker) -> bool {
        self.made_with == maker.0
    }

    /// What they were made with, in words.
    pub fn maker(&self) -> &str {
        &self.made_with
    }

    /// What differs by more than the tolerance. If all cases were counted, also those that are not there any more.
    pub fn stale(&self, counts: &Counts, all: bool) -> Vec<Stale> {
        let gone = self.instructions.keys().filter(|name| all && !counts.contains_key(*name));
        let names = counts.keys().chain(gone);
        let stale = names.map(|name| Stale {
            case: name.clone(),
            stored: self.instructions.get(name).copied(),
            counted: counts.get(name).copied(),
        });
        stale
            .filter(|stale| stale.percent().is_none_or(|percent| percent.abs() > self.tolerance_percent))
            .collect()
    }

    /// Writes the file anew, with these counts and the tolerance as it was.
    pub fn update(&self, maker: &Maker, counts: &Counts) -> anyhow::Result<()> {
        fs::write(file(), self.text(maker, counts)?).context("the figures cannot be written")
    }

    fn text(&self, maker: &Maker, counts: &Counts) -> anyhow::Result<String> {
        let mut text = String::from(
            "# How many instructions a write, a read or an event takes in each micro-benchmark, in the dev profile. `./x check` counts them by\n\
             # valgrind and fails where they differ by more than the tolerance; `./x check --update-instructions` writes this file.\n",
        );
        writeln!(text, "made_with = \"{maker}\"")?;
        writeln!(text, "tolerance_percent = {}\n\n[instructions]", self.tolerance_percent)?;
        for (name, count) in counts {
            writeln!(text, "\"{name}\" = {count:.1}")?;
        }
        Ok(text)
    }
}

fn file() -> PathBuf {
    repository().join("tests/instructions.toml")
}

impl Stale {
    /// By how much more was counted than is stored.
    fn percent(&self) -> Option<f64> {
        Some(100.0 * (self.counted? / self.stored? - 1.0))
    }
}

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |count: Option<f64>| count.map_or("nothing".to_owned(), |count| format!("{count:.1}"));
        write!(f, "{}: {} stored, {} counted", self.case, text(self.stored), text(self.counted))?;
        self.percent().map_or(Ok(()), |percent| write!(f, ", {percent:+.1} %"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts<const N: usize>(counts: [(&str, f64); N]) -> Counts {
        counts.map(|(name, count)| (name.to_owned(), count)).into()
    }

    fn figures() -> Figures {
        let instructions = counts([("a", 100.0), ("b", 200.0), ("gone", 1.0)]);
        Figures { made_with: "rustc".into(), tolerance_percent: 3.0, instructions }
    }

    #[test]
    fn tells_more_and_less_and_new_and_gone() {
        let counted = counts([("a", 103.5), ("b", 180.0), ("new", 7.0)]);
        let stale = figures().stale(&counted, true);
        let texts: Vec<_> = stale.iter().map(Stale::to_string).collect();
        assert_eq!(
            texts,
            [
                "a: 100.0 stored, 103.5 counted, +3.5 %",
                "b: 200.0 stored, 180.0 counted, -10.0 %",
                "new: nothing stored, 7.0 counted",
                "gone: 1.0 stored, nothing counted",
            ]
        );
        assert_eq!(figures().stale(&counts([("a", 102.9), ("b", 194.1)]), false), []);
    }

    #[test]
    fn reads_what_it_writes() {
        let maker = Maker("rustc 1.2.3, moon, glibc 4".into());
        let text = figures().text(&maker, &counts([("a b/c", 1.25)])).unwrap();
        let read: Figures = toml::from_str(&text).unwrap();
        assert_eq!(read.instructions, counts([("a b/c", 1.2)]));
        assert!(read.are_of(&maker));
        assert_eq!(read.tolerance_percent, 3.0);
    }
}
