//! Names that a projection and a crate can both have, and what they are called in Rust.

use crate::cli::kit;
use crate::projection::name_fault;

/// Words that no crate may be named by.
const WORDS: [&str; 54] = [
    "abstract", "alloc", "as", "async", "await", "become", "box", "break", "const", "continue", "core", "crate",
    "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let",
    "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static",
    "std", "struct", "super", "test", "trait", "true", "try", "type", "typeof", "unsafe", "use", "virtual",
    "where", "while", "yield",
];

/// Types that the template uses.
const TYPES: [&str; 14] = [
    "Event",
    "Failure",
    "Harness",
    "Option",
    "PageEvent",
    "Projection",
    "Ranking",
    "Result",
    "Some",
    "String",
    "Table",
    "TestEvent",
    "Views",
    "Visitor",
];

/// What is wrong with the name of a new project, if anything is.
pub(super) fn fault(name: &str) -> Option<&'static str> {
    let as_crate = name.replace('-', "_");
    name_fault(name).or_else(|| match () {
        () if !name.starts_with(|first: char| first.is_ascii_lowercase()) => Some("begins with no letter"),
        () if WORDS.contains(&as_crate.as_str()) => Some("is a word of Rust, or a crate of its own"),
        () if kit::needs(&as_crate) => Some("is that of a crate that it needs"),
        () => None,
    })
}

/// The name as that of a type: `page-visits` is `PageVisits`.
pub(super) fn as_type(name: &str) -> String {
    let capital = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
    let words = name.split(['-', '_']).filter(|word| !word.is_empty());
    let text: String = words.map(capital).collect();
    if TYPES.contains(&text.as_str()) { text + "Projection" } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_types() {
        let types = ["visits", "page-visits", "a__b-", "top10", "table"].map(as_type);
        assert_eq!(types, ["Visits", "PageVisits", "AB", "Top10", "TableProjection"]);
    }

    #[test]
    fn what_rust_would_refuse_is_refused() {
        assert!(WORDS.is_sorted());
        for name in [
            "",
            "lantern",
            "_x",
            "-x",
            "self",
            "test",
            "std",
            "serde",
            "lantern-sdk",
            "lantern_sdk",
            "serde-json",
            "é",
        ] {
            assert!(fault(name).is_some(), "{name}");
        }
        for name in ["visits", "a", "self-service", "v2_x"] {
            assert_eq!(fault(name), None, "{name}");
        }
    }
}
