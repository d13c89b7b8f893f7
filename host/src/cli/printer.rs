//! The one way to the terminal: data to stdout, talk to stderr.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::fmt::Display;
use std::io::{self, Write};

use super::UserError;

/// Prints lines. A reader that has gone away (`| head`) is no error; a full disk is.
#[derive(Debug, Default)]
pub(crate) struct Printer {
    /// The first error of stdout. Nothing more is printed there after it.
    failed: Option<io::Error>,
}

impl Printer {
    /// A line of data.
    pub(crate) fn out(&mut self, line: impl Display) {
        if self.failed.is_none() {
            self.failed = writeln!(io::stdout(), "{line}").err();
        }
    }

    /// A line of talk.
    pub(crate) fn note(&mut self, line: impl Display) {
        let _ = writeln!(io::stderr(), "{line}");
    }

    /// Whether nobody reads what is printed any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.failed.is_some()
    }

    /// What kept data from being printed, if something did and it was not its reader who went away.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        match self.failed.take().map_or_else(|| io::stdout().flush(), Err) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            finished => finished,
        }
    }

    /// An error, with its causes and its hint.
    pub(crate) fn error(&mut self, error: &anyhow::Error) {
        self.note(format_args!("error: {error:#}"));
        if let Some(error) = error.downcast_ref::<UserError>() {
            self.note(format_args!("hint: {}", error.hint()));
        }
    }
}
