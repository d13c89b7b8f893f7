//! Views as JSON, as people write down what they expect, and how two such trees differ.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value as Json, json};

use crate::op::Value;
use crate::projection::{Kind, View};
use crate::store::memory::Held;

/// All views by name: a table as an object of documents by id, counters and rankings as objects of numbers, a set as a
/// sorted array, a list as an array with the newest entry first. Of a keyed view, an object of these by key; of values, an
/// object of documents by key. A document that is JSON stands there as it is, other text as a string, and what is no text as
/// `{"base64": …}`.
pub fn views(views: &[View], structures: &BTreeMap<Vec<u8>, Held>) -> Json {
    let tree = views.iter().map(|view| (view.name.clone(), tree(view, structures)));
    Json::Object(tree.collect())
}

fn tree(view: &View, structures: &BTreeMap<Vec<u8>, Held>) -> Json {
    if !view.keyed {
        let empty = Held::default();
        return structure(view.kind, structures.get(view.name.as_bytes()).unwrap_or(&empty));
    }
    let start = format!("{}:", view.name).into_bytes();
    let of_view = structures.range(start.clone()..).take_while(|(name, _)| name.starts_with(&start));
    let entry = |(name, held): (&Vec<u8>, &Held)| (text(&name[start.len()..]), structure(view.kind, held));
    Json::Object(of_view.map(entry).collect())
}

fn structure(kind: Kind, held: &Held) -> Json {
    let cells = || held.cells.iter().map(|(name, value)| (text(name), cell(value)));
    match kind {
        Kind::Table | Kind::Counters | Kind::Ranking => Json::Object(cells().collect()),
        Kind::Set => held.cells.keys().map(|member| text(member)).collect(),
        Kind::List => held.entries.iter().map(|entry| document(entry)).collect(),
        Kind::Value => held.cells.values().next().map_or(Json::Null, cell),
    }
}

/// What a cell holds, as JSON: a document or a number as it is; of a member of a set, which has nothing else, `true`.
pub fn cell(value: &Value) -> Json {
    match value {
        Value::Bytes(bytes) => document(bytes),
        Value::Score(score) if score.fract() == 0.0 && score.abs() < 2f64.powi(53) => json!(*score as i64),
        Value::Score(score) if score.is_finite() => json!(score),
        Value::Score(score) => json!(score.to_string()),
        Value::Member => Json::Bool(true),
    }
}

fn document(bytes: &[u8]) -> Json {
    let Ok(text) = str::from_utf8(bytes) else { return json!({ "base64": BASE64_STANDARD.encode(bytes) }) };
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

/// A name as text, of which what is no text has its bytes escaped, as in `\xff`.
pub fn text(bytes: &[u8]) -> String {
    let chunks = bytes.utf8_chunks();
    let escaped = |bytes: &[u8]| bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect::<String>();
    chunks.map(|chunk| chunk.valid().to_owned() + &escaped(chunk.invalid())).collect()
}

/// One place at which two trees differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The view's name, and what leads from there to the place: key, id, field.
    pub path: Vec<String>,
    /// What is expected there, if anything is.
    pub expected: Option<Json>,
    /// What is there, if anything is.
    pub found: Option<Json>,
}

/// All places at which the trees differ, as deep as both have objects.
pub fn differences(expected: &Json, found: &Json) -> Vec<Difference> {
    let mut differences = Vec::new();
    compare(&mut Vec::new(), Some(expected), Some(found), &mut differences);
    differences
}

fn compare(
    path: &mut Vec<String>,
    expected: Option<&Json>,
    found: Option<&Json>,
    differences: &mut Vec<Difference>,
) {
    match (expected, found) {
        (Some(expected), Some(found)) if expected == found => {}
        (Some(Json::Object(expected)), Some(Json::Object(found))) => {
            for name in names(expected, found) {
                path.push(name.clone());
                compare(path, expected.get(name), found.get(name), differences);
                path.pop();
            }
        }
        (expected, found) => {
            let (expected, found) = (expected.cloned(), found.cloned());
            differences.push(Difference { path: path.clone(), expected, found });
        }
    }
}

/// The names that either has, each once and in order.
fn names<'a>(one: &'a Map<String, Json>, other: &'a Map<String, Json>) -> impl Iterator<Item = &'a String> {
    let mut names: Vec<&String> = one.keys().chain(other.keys()).collect();
    names.sort();
    names.dedup();
    names.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(name: &str, kind: Kind, keyed: bool) -> View {
        View { name: name.into(), kind, keyed, capacity: 0 }
    }

    fn held(cells: &[(&[u8], Value)]) -> Held {
        let cells = cells.iter().map(|(name, value)| ((*name).into(), value.clone())).collect();
        Held { cells, entries: Vec::new() }
    }

    fn bytes(text: &[u8]) -> Value {
        Value::Bytes(text.into())
    }

    #[test]
    fn views_stand_there_as_people_write_them() {
        let declared = [
            view("accounts", Kind::Table, false),
            view("best", Kind::Ranking, true),
            view("latest", Kind::Value, true),
            view("seen", Kind::Set, false),
            view("news", Kind::List, false),
        ];
        let news = Held { entries: vec![b"new".as_slice().into(), b"1".as_slice().into()], ..Held::default() };
        let structures = BTreeMap::from([
            (b"accounts".to_vec(), held(&[(b"a", bytes(b"{\"b\":1}")), (b"\xff", bytes(b"\xfe"))])),
            (b"best:x".to_vec(), held(&[(b"m", Value::Score(2.0)), (b"n", Value::Score(0.5))])),
            (b"latest:k".to_vec(), held(&[(b"", bytes(b"text"))])),
            (b"seen".to_vec(), held(&[(b"a", Value::Member)])),
            (b"news".to_vec(), news),
        ]);
        assert_eq!(
            views(&declared, &structures),
            json!({
                "accounts": { "a": { "b": 1 }, "\\xff": { "base64": "/g==" } },
                "best": { "x": { "m": 2, "n": 0.5 } },
                "latest": { "k": "text" },
                "seen": ["a"],
                "news": ["new", 1],
            })
        );
    }

    #[test]
    fn differences_are_as_deep_as_objects_go() {
        let expected = json!({ "t": { "a": { "n": 1, "m": 2 }, "gone": {} } });
        let found = json!({ "t": { "a": { "n": 1, "m": 3 }, "new": [1] } });
        let shown = differences(&expected, &found);
        let shown: Vec<_> =
            shown.iter().map(|d| (d.path.join("/"), d.expected.clone(), d.found.clone())).collect();
        assert_eq!(
            shown,
            [
                ("t/a/m".into(), Some(json!(2)), Some(json!(3))),
                ("t/gone".into(), Some(json!({})), None),
                ("t/new".into(), None, Some(json!([1]))),
            ]
        );
    }
}
