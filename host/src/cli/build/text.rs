//! What was built, as text for people. Pure functions.

use std::path::Path;

use super::Built;
use crate::app::Plugin;
use crate::cli::figures::{grouped, short};
use crate::cli::inspect::views;
use crate::cli::table::{STRONG, paint, printable};
use crate::projection::Ordering;

/// How wide what a line is about is.
const WIDTH: usize = 12;

/// What was built; a file in the folder `here` is named without it.
pub(super) fn lines(built: &Built, here: &Path, colour: bool) -> Vec<String> {
    let Plugin { bytes, digest, description } = &built.plugin;
    let file = built.file.strip_prefix(here).unwrap_or(&built.file);
    let mut lines = vec![paint(file.display(), STRONG, colour)];
    let mut fact = |what: &str, value: &str| lines.push(format!("  {what:WIDTH$}{}", printable(value)));
    fact("size", &format!("{} bytes", grouped(bytes.len() as u64)));
    fact("module", short(digest));
    fact("projection", &format!("{}, revision {}", description.name, description.revision));
    fact("topics", &description.topics.join(", "));
    if description.ordering == Ordering::Global {
        fact("in order", "all, of all topics");
    }
    lines.push(String::new());
    lines.extend(views(description).lines(colour).into_iter().map(|line| format!("  {line}")));
    lines
}
