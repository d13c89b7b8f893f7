//! Where lines are printed while others, below them, are drawn anew.

use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::cli::Printer;

/// The terminal, for all who print there at once. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Screen {
    drawn: MultiProgress,
    printer: Arc<Mutex<Printer>>,
}

impl Screen {
    /// A line that is drawn anew, below all that is printed. Nothing without a terminal.
    pub(super) fn line(&self) -> anyhow::Result<ProgressBar> {
        Ok(self.drawn.add(ProgressBar::new_spinner().with_style(ProgressStyle::with_template("{msg}")?)))
    }

    /// Prints a line of data.
    pub(super) fn out(&self, line: impl Display) {
        self.print(|printer| printer.out(line));
    }

    /// Prints a line of talk.
    pub(super) fn note(&self, line: impl Display) {
        self.print(|printer| printer.note(line));
    }

    /// Prints what is wrong, and what to do about it. That is no end here.
    pub(super) fn error(&self, error: impl Into<anyhow::Error>) {
        let error = error.into();
        self.print(|printer| printer.error(&error));
    }

    /// Lets something print.
    pub(super) fn print<R>(&self, print: impl FnOnce(&mut Printer) -> R) -> R {
        let mut printer = self.printer.lock().unwrap_or_else(PoisonError::into_inner);
        self.drawn.suspend(|| print(&mut printer))
    }
}
