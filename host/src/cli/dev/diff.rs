//! What has changed in views, as text for people. Pure functions.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::content::{Content, Entries};
use crate::cli::figures::grouped;
use crate::cli::table::{BAD, BUSY, FAINT, GOOD, STRONG, paint, printable};

/// Entries that are shown, of all views together.
const SHOWN: usize = 20;

/// The longest value that is shown as a whole.
const VALUE_CHARS: usize = 120;

/// What has become of an entry.
#[derive(Clone, Copy)]
enum Change<'a> {
    Added(&'a str),
    Changed(&'a str, &'a str),
    Removed(&'a str),
}

/// What has changed, view by view; at most so many lines that they can be read at a glance.
pub(super) fn lines(before: &Content, after: &Content, colour: bool) -> Vec<String> {
    let none = Entries::All(BTreeMap::new());
    let mut lines = Vec::new();
    let (mut shown, mut more) = (0, 0);
    let gone = before.keys().filter(|title| !after.contains_key(*title));
    for title in after.keys().chain(gone) {
        let (before, after) = (before.get(title).unwrap_or(&none), after.get(title).unwrap_or(&none));
        let (Entries::All(before), Entries::All(after)) = (before, after) else {
            lines.push(format!("{}: {} entries, too many to compare", title, grouped(count(after))));
            continue;
        };
        let changes = changes(before, after);
        if changes.is_empty() {
            continue;
        }
        lines.push(format!("{}: {}", paint(printable(title), STRONG, colour), summary(&changes)));
        let room = changes.len().min(SHOWN - shown);
        let width = changes[..room].iter().map(|(name, _)| printable(name).chars().count()).max().unwrap_or(0);
        lines.extend(changes[..room].iter().map(|(name, change)| line(name, *change, width, colour)));
        shown += room;
        more += changes.len() - room;
    }
    if more > 0 {
        lines.push(paint(format!("  and {} more", grouped(more as u64)), FAINT, colour));
    }
    lines
}

fn count(entries: &Entries) -> u64 {
    match entries {
        Entries::All(all) => all.len() as u64,
        Entries::TooMany(count) => *count,
    }
}

fn changes<'a>(
    before: &'a BTreeMap<String, String>,
    after: &'a BTreeMap<String, String>,
) -> Vec<(&'a str, Change<'a>)> {
    let now = after.iter().filter_map(|(name, value)| match before.get(name) {
        None => Some((name.as_str(), Change::Added(value))),
        Some(was) if was != value => Some((name.as_str(), Change::Changed(was, value))),
        Some(_) => None,
    });
    let gone = before.iter().filter(|(name, _)| !after.contains_key(*name));
    let mut all: Vec<_> = now.chain(gone.map(|(name, was)| (name.as_str(), Change::Removed(was)))).collect();
    all.sort_by_key(|(name, _)| *name);
    all
}

fn summary(changes: &[(&str, Change<'_>)]) -> String {
    let count = |is: fn(&Change<'_>) -> bool, what: &str| {
        let count = changes.iter().filter(|(_, change)| is(change)).count();
        (count > 0).then(|| format!("{} {what}", grouped(count as u64)))
    };
    let counts = [
        count(|change| matches!(change, Change::Added(_)), "added"),
        count(|change| matches!(change, Change::Changed(..)), "changed"),
        count(|change| matches!(change, Change::Removed(_)), "removed"),
    ];
    counts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn line(name: &str, change: Change<'_>, width: usize, colour: bool) -> String {
    let (sign, style, text) = match change {
        Change::Added(is) => ("+", GOOD, cut(is)),
        Change::Changed(was, is) => ("~", BUSY, difference(was, is)),
        Change::Removed(was) => ("-", BAD, cut(was)),
    };
    let line = format!("{sign} {:width$}  {text}", printable(name));
    format!("  {}", paint(line.trim_end(), style, colour))
}

/// What is different in a value: of two documents just the fields that are.
fn difference(was: &str, is: &str) -> String {
    let document = |text: &str| serde_json::from_str::<Map<String, Value>>(text).ok();
    let Some((was_fields, is_fields)) = document(was).zip(document(is)) else {
        return format!("{} → {}", cut(was), cut(is));
    };
    let now = is_fields.iter().filter_map(|(field, is)| match was_fields.get(field) {
        None => Some(format!("+{field} {is}")),
        Some(was) if was != is => Some(format!("{field} {was} → {is}")),
        Some(_) => None,
    });
    let gone = was_fields.iter().filter(|(field, _)| !is_fields.contains_key(*field));
    let fields: Vec<_> = now.chain(gone.map(|(field, was)| format!("-{field} {was}"))).collect();
    match fields.is_empty() {
        true => format!("{} → {}", cut(was), cut(is)),
        false => cut(&fields.join(", ")),
    }
}

/// A value as far as it is shown.
fn cut(text: &str) -> String {
    let text = printable(text);
    match text.char_indices().nth(VALUE_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(entries: &[(&str, &str)]) -> Entries {
        Entries::All(entries.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
    }

    fn content<const N: usize>(views: [(&str, Entries); N]) -> Content {
        views.map(|(title, entries)| (title.to_owned(), entries)).into()
    }

    #[test]
    fn shows_what_was_added_changed_and_removed() {
        let before = content([
            ("v:pages (a ranking)", view(&[("/home", "4"), ("/old", "1"), ("/same", "2")])),
            ("v:gone (a set)", view(&[("x", "")])),
            ("v:same (a table)", view(&[("1", "{}")])),
        ]);
        let after = content([
            ("v:pages (a ranking)", view(&[("/home", "8"), ("/a", "1"), ("/same", "2")])),
            ("v:same (a table)", view(&[("1", "{}")])),
        ]);
        let expected = [
            "v:pages (a ranking): 1 added, 1 changed, 1 removed",
            "  + /a     1",
            "  ~ /home  4 → 8",
            "  - /old   1",
            "v:gone (a set): 1 removed",
            "  - x",
        ];
        assert_eq!(lines(&before, &after, false), expected);
        assert_eq!(lines(&after, &after, false), [""; 0]);
    }

    #[test]
    fn of_documents_the_fields_are_shown_that_differ() {
        assert_eq!(
            difference(r#"{"a":1,"b":"x","c":0}"#, r#"{"a":2,"b":"x","d":null}"#),
            "a 1 → 2, +d null, -c 0"
        );
        assert_eq!(difference(r#"{"a":1}"#, r#"{"a": 1}"#), r#"{"a":1} → {"a": 1}"#);
        assert_eq!(difference("1", "{}"), "1 → {}");
    }

    #[test]
    fn a_long_difference_is_cut() {
        let long = "x".repeat(VALUE_CHARS + 1);
        let entries = |count: usize| Entries::All((0..count).map(|n| (format!("{n:03}"), long.clone())).collect());
        let lines = lines(&content([]), &content([("a", entries(25)), ("b", entries(2))]), false);
        assert_eq!(lines.len(), 1 + SHOWN + 1 + 1);
        assert_eq!(lines[1], format!("  + 000  {}…", "x".repeat(VALUE_CHARS)));
        assert_eq!(lines[SHOWN + 1..], ["b: 2 added", "  and 7 more"]);
        let many = content([("a", Entries::TooMany(1_000_000))]);
        assert_eq!(super::lines(&many, &many, false), ["a: 1,000,000 entries, too many to compare"]);
    }
}
