//! The one way to the terminal: data to stdout, talk to stderr.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::fmt::Display;
use std::io::{self, Write};

use super::UserError;

/// Prints lines. A reader that has gone away (`| head`) is no error.
#[derive(Debug, Default)]
pub(crate) struct Printer {}

impl Printer {
    /// A line of data.
    pub(crate) fn out(&mut self, line: impl Display) {
        let _ = writeln!(io::stdout(), "{line}");
    }

    /// A line of talk.
    pub(crate) fn note(&mut self, line: impl Display) {
        let _ = writeln!(io::stderr(), "{line}");
    }

    /// An error, with its causes and its hint.
    pub(crate) fn error(&mut self, error: &anyhow::Error) {
        self.note(format_args!("error: {error:#}"));
        if let Some(error) = error.downcast_ref::<UserError>() {
            self.note(format_args!("hint: {}", error.hint()));
        }
    }
}
