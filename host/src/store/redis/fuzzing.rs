//! What of the store the fuzz targets reach: lanes' hashes, and the fields of others.

use redis::Value;

use super::keys;
use super::lane::{LaneHash, format_mark};

/// A lane's hash, whose fields and values are lines in turn. Whether it is one.
pub(crate) fn lane(text: &str) -> bool {
    let reply = |lines: Vec<String>| {
        Value::Array(lines.into_iter().map(|line| Value::BulkString(line.into_bytes())).collect())
    };
    let Some(lane) = LaneHash::parse(reply(text.lines().map(str::to_owned).collect())) else { return false };
    let marks = lane.checkpoint.iter().flat_map(|(at, mark)| [keys::partition(at), format_mark(mark)]);
    let again = LaneHash::parse(reply(marks.collect())).expect("what was written can be read");
    assert_eq!(again.checkpoint, lane.checkpoint);
    true
}

/// A field that names a partition, or a lane that can't go on.
pub(crate) fn fields(text: &str) {
    if let Some(at) = keys::parse_partition(text) {
        assert_eq!(keys::parse_partition(&keys::partition(&at)), Some(at));
    }
    if let Some(at) = keys::parse_fault(text) {
        assert_eq!(keys::parse_fault(&keys::fault(&at)), Some(at));
    }
}
