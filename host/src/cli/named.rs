//! `--projection NAME=FILE.wasm[:TOPIC,…]`, shared by the commands that run projections.

use std::path::PathBuf;

use crate::app::Named;
use crate::projection::name_fault;

/// How a projection is written.
const FORM: &str = "write NAME=FILE.wasm or NAME=FILE.wasm:TOPIC,TOPIC";

pub(super) fn parse(text: &str) -> Result<Named, String> {
    let (name, rest) = text.split_once('=').ok_or_else(|| format!("it has no `=`; {FORM}"))?;
    if let Some(fault) = name_fault(name) {
        return Err(format!("the name `{name}` {fault}; {FORM}"));
    }
    // A path may have colons; topics follow the last one behind the file's ending.
    let (file, topics) = match rest.rsplit_once(".wasm:") {
        Some((file, topics)) => (format!("{file}.wasm"), Some(topics)),
        None => (rest.to_owned(), None),
    };
    if file.is_empty() {
        return Err(format!("it names no file; {FORM}"));
    }
    let topics: Option<Vec<String>> = topics.map(|topics| topics.split(',').map(str::to_owned).collect());
    if topics.as_ref().is_some_and(|topics| topics.iter().any(String::is_empty)) {
        return Err(format!("a topic has no name; {FORM}"));
    }
    Ok(Named { name: name.to_owned(), file: PathBuf::from(file), topics })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Result<(String, String, Option<Vec<String>>), String> {
        parse(text).map(|n| (n.name, n.file.display().to_string(), n.topics))
    }

    #[test]
    fn topics_follow_the_file() {
        assert_eq!(parts("b=a:b/x.wasm"), Ok(("b".into(), "a:b/x.wasm".into(), None)));
        let topics = Some(vec!["t".to_owned(), "u".to_owned()]);
        assert_eq!(parts("b=x.wasm:t,u"), Ok(("b".into(), "x.wasm".into(), topics)));
    }

    #[test]
    fn says_what_is_wrong() {
        assert!(parts("x.wasm").unwrap_err().starts_with("it has no `=`"));
        assert!(parts("B=x.wasm").unwrap_err().starts_with("the name `B` may only have"));
        assert!(parts("b=x.wasm:t,").unwrap_err().starts_with("a topic has no name"));
        assert!(parts("b=").unwrap_err().starts_with("it names no file"));
    }
}
