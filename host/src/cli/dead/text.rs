//! Dead letters as text for people, and as JSON. Pure functions.

use serde_json::{Value, json};

use super::choice::Found;
use crate::cli::figures::{grouped, moment, short};
use crate::cli::table::{DOUBTFUL, FAINT, PLAIN, STRONG, Side, Table, printable};
use crate::letter::{Bytes, Letter, PARKED};

/// Characters of a key and of a message in a table.
const KEY_SHOWN: usize = 24;
const MESSAGE_SHOWN: usize = 80;

pub(super) fn table(letters: &[&Found]) -> Table {
    let columns = ["EVENT", "KEY", "REASON", "SET ASIDE", "MESSAGE"].map(|name| (name, Side::Left));
    let mut table = Table::new(columns);
    for Found { letter, .. } in letters {
        let style = if letter.reason == PARKED { FAINT } else { DOUBTFUL };
        let key = letter.key.as_ref().map(bytes).unwrap_or_else(|| "-".to_owned());
        table.row([
            (letter.reference().to_string(), STRONG),
            (cut(&key, KEY_SHOWN), PLAIN),
            (letter.reason.clone(), style),
            (moment(letter.time), FAINT),
            (cut(&letter.message, MESSAGE_SHOWN), PLAIN),
        ]);
    }
    table
}

/// All of a letter, if so many wait behind it.
pub(super) fn full(letter: &Letter, behind: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = |name: &str, text: &str| lines.push(format!("{name:10} {}", printable(text)));
    line("event", &letter.reference().to_string());
    line("key", &letter.key.as_ref().map(bytes).unwrap_or_else(|| "none".to_owned()));
    line("time", &if letter.timestamp < 0 { "none".to_owned() } else { moment(letter.timestamp) });
    for (name, value) in &letter.headers {
        let value = value.as_ref().map(bytes).unwrap_or_else(|| "none".to_owned());
        line("header", &format!("{}: {value}", bytes(name)));
    }
    line(
        "payload",
        &match (&letter.payload, letter.left_out) {
            (_, Some(size)) => format!("{} bytes, which are in the topic only", grouped(size)),
            (Some(payload), None) => bytes(payload),
            (None, None) => "none".to_owned(),
        },
    );
    line("reason", &letter.reason);
    line("message", &letter.message);
    letter.backtrace.iter().for_each(|frame| line("", &format!("in {frame}")));
    line("module", &format!("{}, revision {}", short(&letter.module), letter.revision));
    line("set aside", &moment(letter.time));
    if behind > 0 {
        line("behind it", &format!("{} of its key", grouped(behind as u64)));
    }
    lines
}

/// What a list says of a letter.
pub(super) fn line_as_json(letter: &Letter) -> Value {
    json!({
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "key": letter.key,
        "reason": letter.reason,
        "message": letter.message,
        "parked_behind": letter.parked_behind,
        "module": letter.module,
        "time": moment(letter.time),
    })
}

/// All of a letter, if so many wait behind it.
pub(super) fn as_json(letter: &Letter, behind: usize) -> Value {
    let mut json = line_as_json(letter);
    json["timestamp"] = Some(letter.timestamp).filter(|time| *time >= 0).into();
    json["headers"] = json!(letter.headers);
    json["payload"] = json!(letter.payload);
    json["payload_bytes_left_out"] = letter.left_out.into();
    json["backtrace"] = json!(letter.backtrace);
    json["revision"] = letter.revision.into();
    json["behind"] = behind.into();
    json
}

/// Bytes for people: as text, or in hexadecimal digits.
pub(super) fn bytes(bytes: &Bytes) -> String {
    match std::str::from_utf8(&bytes.0) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.0.iter().fold("0x".to_owned(), |text, byte| format!("{text}{byte:02x}")),
    }
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
