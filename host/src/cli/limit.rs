//! `--limit NAME=VALUE`, and the same in a manifest: what a plugin may use, as people write it.

use super::operate::nearest;
use crate::limits::{LIMITS, Limit};

/// `NAME=VALUE`, or `NAME=` for the default.
pub(super) fn parse(text: &str) -> Result<(String, Option<u64>), String> {
    let (name, value) = text.split_once('=').ok_or("it has no `=`; write NAME=VALUE")?;
    let limit = find(name)?;
    let value = if value.is_empty() { None } else { Some(limit.parse(value)?) };
    Ok((name.to_owned(), value))
}

/// The value of a limit.
pub(super) fn value(name: &str, text: &str) -> Result<u64, String> {
    find(name)?.parse(text)
}

fn find(name: &str) -> Result<&'static Limit, String> {
    Limit::find(name).ok_or_else(|| {
        let names: Vec<String> = LIMITS.iter().map(|limit| limit.name.to_owned()).collect();
        let all = names.join(", ");
        match nearest(name, &names) {
            Some(other) => format!("there is no limit `{name}`; did you mean `{other}`? The limits are {all}"),
            None => format!("there is no limit `{name}`; the limits are {all}"),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_limit() {
        assert_eq!(parse("memory=64MiB"), Ok(("memory".to_owned(), Some(64 << 20))));
        assert_eq!(parse("event-time=500ms"), Ok(("event-time".to_owned(), Some(500))));
        assert_eq!(parse("event-time="), Ok(("event-time".to_owned(), None)));
        assert_eq!(parse("memory"), Err("it has no `=`; write NAME=VALUE".to_owned()));
        assert_eq!(parse("memory=much"), Err("`much` is not a size such as 64MiB".to_owned()));
    }

    #[test]
    fn an_unknown_name_is_answered_with_all_that_there_are() {
        let fault = parse("memroy=64MiB").unwrap_err();
        let start = "there is no limit `memroy`; did you mean `memory`? The limits are memory, table-elements, ";
        assert!(fault.starts_with(start) && fault.ends_with(", compile-memory"), "{fault}");
        let fault = parse("=1").unwrap_err();
        assert!(fault.starts_with("there is no limit ``; the limits are memory, "), "{fault}");
    }
}
