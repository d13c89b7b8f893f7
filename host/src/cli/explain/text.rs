//! The events that changed a record, as text and as JSON. Pure functions.

use serde_json::{Value as Json, json};

use super::Args;
use crate::cli::figures::{grouped, moment};
use crate::cli::table::{FAINT, STRONG, paint, printable, wants_colour};
use crate::op::Value;
use crate::replay::{Change, Changed, Seen, Watch, cell, differences, text};

/// Characters of a value that are shown.
const VALUE_MAX: usize = 200;

/// What is explained, as its reader names it.
pub(super) fn subject(args: &Args) -> String {
    let parts = [Some(&args.name), Some(&args.view), args.key.as_ref(), args.id.as_ref()];
    printable(&parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" "))
}

pub(super) fn lines(args: &Args, watch: &Watch, seen: &Seen, events: u64) -> Vec<String> {
    let colour = wants_colour();
    let shown = match seen.latest.len() as u64 {
        all if all == seen.count => String::new(),
        some => format!("; the last {}:", grouped(some)),
    };
    let made = format!("{} of {} events changed it{shown}", grouped(seen.count), grouped(events));
    let mut lines = vec![format!("{}: {made}", paint(subject(args), STRONG, colour))];
    for change in &seen.latest {
        let time = if change.timestamp < 0 { "no time".to_owned() } else { moment(change.timestamp) };
        let name = change.event_type.as_deref().map(printable).unwrap_or_default();
        let head = format!("{}  {}  {name}", paint(time, FAINT, colour), change.event);
        lines.push(head.trim_end().to_owned());
        lines.extend(change.cleared.then(|| "  all that it held is removed".to_owned()));
        change.cells.iter().for_each(|cell| lines.extend(changed(cell, watch.member.is_none())));
    }
    lines
}

/// What became of one thing, a line for each field that differs.
fn changed(changed: &Changed, is_named: bool) -> Vec<String> {
    let [before, after] = [&changed.before, &changed.after].map(|value| value.as_ref().map(cell));
    let name = changed.member.as_ref().filter(|_| is_named).map(|member| printable(&text(member)) + " ");
    let name = name.unwrap_or_default();
    if let (Some(before @ Json::Object(_)), Some(after @ Json::Object(_))) = (&before, &after) {
        let line = |difference: crate::replay::Difference| {
            let place = printable(&difference.path.join("."));
            format!("  {name}{place}  {} → {}", short(&difference.expected), short(&difference.found))
        };
        let lines: Vec<_> = differences(before, after).into_iter().map(line).collect();
        if !lines.is_empty() {
            return lines;
        }
    }
    vec![format!("  {name}{} → {}", short(&before), short(&after))]
}

fn short(value: &Option<Json>) -> String {
    let Some(value) = value else { return "nothing".to_owned() };
    let text = printable(&value.to_string());
    match text.char_indices().nth(VALUE_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

pub(super) fn json(args: &Args, watch: &Watch, seen: &Seen, events: u64) -> Json {
    let value = |value: &Option<Value>| value.as_ref().map(cell);
    let change = |change: &Change| {
        let time = (change.timestamp >= 0).then(|| moment(change.timestamp));
        let cells = change.cells.iter().map(|cell| {
            let id = cell.member.as_ref().filter(|member| !member.is_empty()).map(|member| text(member));
            json!({ "id": id, "before": value(&cell.before), "after": value(&cell.after) })
        });
        json!({
            "event": change.event.to_string(),
            "timestamp": change.timestamp,
            "time": time,
            "type": change.event_type,
            "key": change.key.as_ref().map(|key| text(key)),
            "cleared": change.cleared,
            "changed": cells.collect::<Vec<_>>(),
        })
    };
    json!({
        "projection": args.name,
        "view": args.view,
        "kind": watch.kind,
        "key": args.key,
        "id": args.id,
        "events": events,
        "count": seen.count,
        "changes": seen.latest.iter().map(change).collect::<Vec<_>>(),
    })
}
