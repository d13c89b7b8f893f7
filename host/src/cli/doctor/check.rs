//! What a check has found, and how that is shown.

use serde::Serialize;

use crate::cli::table::{BAD, DOUBTFUL, GOOD, PLAIN, Side, Table};
use crate::control;
use crate::lane::chain;

/// What a check has found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Check {
    /// What was looked at.
    pub(super) check: String,
    pub(super) verdict: Verdict,
    /// What was found.
    pub(super) finding: String,
    /// How to mend it, if that is needed.
    pub(super) mend: Option<String>,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    Ok,
    /// It works, but may go wrong.
    Warning,
    /// It does not work.
    Problem,
}

impl Check {
    pub(super) fn ok(check: impl Into<String>, finding: impl Into<String>) -> Self {
        Self { check: check.into(), verdict: Verdict::Ok, finding: finding.into(), mend: None }
    }

    pub(super) fn warn(self, mend: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warning, mend: Some(mend.into()), ..self }
    }

    pub(super) fn problem(self, mend: impl Into<String>) -> Self {
        Self { verdict: Verdict::Problem, mend: Some(mend.into()), ..self }
    }

    /// A question to Redis that was not answered.
    pub(super) fn failed(check: impl Into<String>, error: &control::Error) -> Self {
        Check::ok(check, chain(error)).problem(error.hint())
    }
}

/// A line a check.
pub(super) fn table(checks: &[Check]) -> Table {
    let mut table = Table::new(["VERDICT", "CHECK", "FINDING"].map(|name| (name, Side::Left)));
    for check in checks {
        let (word, style) = match check.verdict {
            Verdict::Ok => ("ok", GOOD),
            Verdict::Warning => ("warning", DOUBTFUL),
            Verdict::Problem => ("problem", BAD),
        };
        let mend = check.mend.as_ref().map(|mend| format!(" (hint: {mend})")).unwrap_or_default();
        let finding = format!("{}{mend}", check.finding);
        table.row([(word.to_owned(), style), (check.check.clone(), PLAIN), (finding, PLAIN)]);
    }
    table
}
