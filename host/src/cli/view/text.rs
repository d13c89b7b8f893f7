//! Records of views as text and as JSON, by the kind of the view. Pure functions.

use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};

use crate::cli::figures::grouped;
use crate::cli::table::{FAINT, PLAIN, STRONG, Side, Table, printable, wants_colour};
use crate::projection::{Kind, View};
use crate::store::redis::Record;

/// A table of views: each with its Redis key and how many elements or keys it has.
pub(super) fn views(views: &[(&View, String, u64)]) -> Vec<String> {
    use Side::{Left, Right};
    let mut table = Table::new([("NAME", Left), ("KIND", Left), ("COUNT", Right), ("KEY", Left)]);
    for (view, key, count) in views {
        let kind = view.to_string().trim_start_matches("a ").to_owned();
        let count = grouped(*count) + if view.keyed { " keys" } else { "" };
        table.row([(view.name.clone(), STRONG), (kind, PLAIN), (count, PLAIN), (key.clone(), FAINT)]);
    }
    table.lines(wants_colour())
}

/// Records, a line each.
pub(super) fn records(view: &View, records: &[Record]) -> Vec<String> {
    let is_number = matches!(view.kind, Kind::Counters | Kind::Ranking);
    let text = |text: &Option<String>| printable(text.as_deref().unwrap_or_default());
    let cells: Vec<(String, String)> = records.iter().map(|r| (text(&r.name), text(&r.value))).collect();
    let names = cells.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let values = cells.iter().map(|(_, value)| value.chars().count()).max().unwrap_or(0);
    let line = |(name, value): &(String, String)| match (name.as_str(), value.as_str()) {
        ("", value) => value.to_owned(),
        (name, "") => name.to_owned(),
        (name, value) if is_number => format!("{name:<names$}  {value:>values$}"),
        (name, value) => format!("{name:<names$}  {value}"),
    };
    cells.iter().map(line).collect()
}

pub(super) fn records_as_json(
    projection: &str,
    view: &View,
    key: &str,
    records: &[Record],
) -> impl std::fmt::Display {
    let value_name = if view.kind == Kind::Ranking { "score" } else { "value" };
    let record = |record: &Record| {
        let name = record.name.iter().map(|name| ("id", as_json(view.kind, name, false)));
        let value = record.value.iter().map(|value| (value_name, as_json(view.kind, value, true)));
        let fields = name.chain(value).map(|(field, value)| format!("\"{field}\":{value}"));
        format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
    };
    let head = json!({ "projection": projection, "view": view.name, "kind": view.kind, "key": key }).to_string();
    let records: Vec<_> = records.iter().map(record).collect();
    format!("{},\"records\":[{}]}}", head.trim_end_matches('}'), records.join(","))
}

/// A document or number as it stands there, if it is JSON; else a text.
fn as_json(kind: Kind, text: &str, is_value: bool) -> Box<RawValue> {
    let raw = RawValue::from_string(text.trim().to_owned()).ok().filter(|_| is_value && kind != Kind::Set);
    raw.or_else(|| to_raw_value(text).ok()).unwrap_or_else(|| RawValue::NULL.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn view(kind: Kind) -> View {
        View { name: "v".into(), kind, keyed: false, capacity: 0 }
    }

    fn record(name: Option<&str>, value: Option<&str>) -> Record {
        Record { name: name.map(str::to_owned), value: value.map(str::to_owned) }
    }

    #[test]
    fn numbers_stand_below_each_other() {
        let found = [record(Some("acc-1"), Some("70")), record(Some("b"), Some("1005"))];
        assert_eq!(records(&view(Kind::Ranking), &found), ["acc-1    70", "b      1005"]);
        assert_eq!(records(&view(Kind::Table), &found), ["acc-1  70", "b      1005"]);
        assert_eq!(records(&view(Kind::Set), &[record(Some("ada"), None)]), ["ada"]);
        assert_eq!(records(&view(Kind::List), &[record(None, Some("newest"))]), ["newest"]);
    }

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(printable("a\u{1b}[2J\nb é"), "a\\u{1b}[2J\\nb é");
    }

    #[test]
    fn documents_stay_as_they_are() {
        let found = [record(Some("1"), Some(r#"{"z":1,"a":1.50}"#)), record(Some("2"), Some("no json"))];
        let text = records_as_json("p", &view(Kind::Table), "p:v", &found).to_string();
        let parsed: Value = serde_json::from_str(&text).unwrap();
        assert!(
            text.ends_with(r#""records":[{"id":"1","value":{"z":1,"a":1.50}},{"id":"2","value":"no json"}]}"#)
        );
        assert_eq!((parsed["projection"].as_str(), parsed["kind"].as_str()), (Some("p"), Some("table")));
    }

    #[test]
    fn a_score_that_json_lacks_is_a_text() {
        let text =
            records_as_json("p", &view(Kind::Ranking), "p:v", &[record(Some("7"), Some("inf"))]).to_string();
        assert!(text.ends_with(r#""records":[{"id":"7","score":"inf"}]}"#), "{text}");
    }
}
