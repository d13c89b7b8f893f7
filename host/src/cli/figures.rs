//! Numbers and times as people read them.

use std::time::{Duration, UNIX_EPOCH};

/// What stands for a number that is not known.
const UNKNOWN: &str = "?";

/// A number with its thousands set apart.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}

/// A number that may not be known.
pub(super) fn perhaps(number: Option<u64>) -> String {
    number.map_or_else(|| UNKNOWN.to_owned(), grouped)
}

/// Events a second.
pub(super) fn rate(events_per_second: f64) -> String {
    format!("{}/s", grouped(events_per_second.round() as u64))
}

/// A time that has passed or will, in its two largest units.
pub(super) fn span(seconds: f64) -> String {
    if seconds < 10.0 {
        return format!("{} s", (seconds * 10.0).round() / 10.0);
    }
    if seconds < 60.0 {
        return format!("{} s", seconds.round());
    }
    let text = humantime::format_duration(Duration::from_secs(seconds.round() as u64)).to_string();
    text.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

/// A moment in UTC, to the second: milliseconds since the Unix epoch as RFC 3339.
pub(super) fn moment(milliseconds: i64) -> String {
    let since = Duration::from_millis(milliseconds.max(0).unsigned_abs());
    humantime::format_rfc3339_seconds(UNIX_EPOCH + since).to_string()
}

/// The part of a digest that people compare.
pub(super) fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_thousands_apart() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn says_a_time_in_its_largest_units() {
        let spans = [0.0, 0.26, 9.97, 59.4, 61.0, 90_061.0].map(span);
        assert_eq!(spans, ["0 s", "0.3 s", "10 s", "59 s", "1m 1s", "1day 1h"]);
    }

    #[test]
    fn says_a_moment_in_utc() {
        assert_eq!(moment(1_700_000_000_999), "2023-11-14T22:13:20Z");
    }
}
