//! What happens, when, in one line each; and what should not have happened.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// A diary that all parts of a run write to.
#[derive(Clone)]
pub struct Diary {
    started: Instant,
    /// Whether every line is shown at once.
    live: bool,
    pages: Arc<Mutex<Pages>>,
}

#[derive(Default)]
struct Pages {
    lines: Vec<String>,
    findings: Vec<String>,
}

impl Diary {
    /// An empty one.
    pub fn new(live: bool) -> Diary {
        Diary { started: Instant::now(), live, pages: Arc::default() }
    }

    /// Writes down what happens.
    pub fn note(&self, text: &str) {
        let line = format!("{:8.2} s  {text}", self.started.elapsed().as_secs_f64());
        #[expect(clippy::print_stderr, reason = "talk goes to stderr")]
        if self.live {
            eprintln!("{line}");
        }
        self.with(|pages| pages.lines.push(line));
    }

    /// Writes down what must not happen.
    pub fn find(&self, text: String) {
        self.note(&format!("FOUND: {text}"));
        self.with(|pages| pages.findings.push(text));
    }

    /// All that must not have happened.
    pub fn findings(&self) -> Vec<String> {
        self.with(|pages| pages.findings.clone())
    }

    /// All lines, for those who did not see them.
    pub fn text(&self) -> String {
        self.with(|pages| pages.lines.join("\n"))
    }

    fn with<T>(&self, act: impl FnOnce(&mut Pages) -> T) -> T {
        act(&mut self.pages.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
