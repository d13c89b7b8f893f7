//! Comparing a view with what it should be, so that a failure shows the few rows that differ and not all of them.

use std::collections::BTreeMap;
use std::fmt::{Debug, Write};

const SHOWN: usize = 5;

/// Passes if both are the same; else tells how many rows differ and shows the first of them.
pub fn same<V: Debug + PartialEq>(
    view: &str,
    expected: &BTreeMap<String, V>,
    seen: &BTreeMap<String, V>,
) -> Result<(), String> {
    let missing = expected.iter().filter(|(key, value)| seen.get(*key) != Some(value)).map(|(key, _)| key);
    let surplus = seen.keys().filter(|key| !expected.contains_key(*key));
    let differing: Vec<&String> = missing.chain(surplus).collect();
    if differing.is_empty() {
        return Ok(());
    }
    let mut text = format!("{view}: {} rows differ of {}", differing.len(), expected.len());
    for key in differing.into_iter().take(SHOWN) {
        let _ = write!(text, "\n  {key}: expected {:?}, seen {:?}", expected.get(key), seen.get(key));
    }
    Err(text)
}
