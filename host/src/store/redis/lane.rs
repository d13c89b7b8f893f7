//! A lane's hash in Redis, as read and as expected.

use std::collections::BTreeMap;

use redis::Value;

use super::keys;
use crate::store::{Checkpoint, Mark};

/// What a lane's hash says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct LaneHash {
    pub(super) epoch: u64,
    pub(super) owner: String,
    pub(super) checkpoint: Checkpoint,
    pub(super) broken: Option<String>,
    /// Commits and settlements that have changed the lane's dead letters: so that one is seen that changed nothing else.
    pub(super) letter_changes: u64,
}

impl LaneHash {
    /// Reads the reply of HGETALL. None if a field is not in our format.
    pub(super) fn parse(reply: Value) -> Option<Self> {
        let fields: BTreeMap<String, String> = redis::from_redis_value(reply).ok()?;
        let mut lane = LaneHash::default();
        for (field, value) in fields {
            match field.as_str() {
                keys::EPOCH => lane.epoch = value.parse().ok()?,
                keys::OWNER => lane.owner = value,
                keys::BROKEN => lane.broken = Some(value),
                keys::LETTERS => lane.letter_changes = value.parse().ok()?,
                _ => drop(lane.checkpoint.insert(keys::parse_partition(&field)?, parse_mark(&value)?)),
            }
        }
        Some(lane)
    }
}

/// A mark as a lane's hash has it: next offset, space, newest event time.
pub(super) fn format_mark(mark: &Mark) -> String {
    format!("{} {}", mark.next, mark.newest)
}

fn parse_mark(text: &str) -> Option<Mark> {
    let (next, newest) = text.split_once(' ')?;
    Some(Mark { next: next.parse().ok()?, newest: newest.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::TopicPartition;

    fn reply(fields: &[&str]) -> Value {
        Value::Array(fields.iter().map(|f| Value::BulkString(f.as_bytes().to_vec())).collect())
    }

    #[test]
    fn reads_its_own_format() {
        let mark = Mark { next: 42, newest: -1 };
        let lane = reply(&["epoch", "3", "owner", "7-ab", "letters", "5", "a/topic/12", &format_mark(&mark)]);
        let expected = LaneHash {
            epoch: 3,
            owner: "7-ab".into(),
            checkpoint: [(TopicPartition::new("a/topic", 12), mark)].into(),
            broken: None,
            letter_changes: 5,
        };
        assert_eq!(LaneHash::parse(lane), Some(expected));
        assert_eq!(LaneHash::parse(reply(&[])), Some(LaneHash::default()));
    }

    #[test]
    fn refuses_what_it_did_not_write() {
        for fields in [["epoch", "three"], ["topic/1", "42"], ["colour", "red"]] {
            assert_eq!(LaneHash::parse(reply(&fields)), None, "{fields:?}");
        }
    }
}
