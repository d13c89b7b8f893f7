//! What a test has to say beside whether it holds: that it was not run, or what it has measured.

use std::io::{Write, stderr};

/// Says it, also when the test passes.
pub fn note(text: &str) {
    // Not by `eprintln!`, which the test runner hides when a test passes.
    let _ = writeln!(stderr(), "{text}");
}
