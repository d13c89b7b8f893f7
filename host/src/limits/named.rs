//! The limits by name: what operators write, what records keep, what people read.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::Limits;

/// What was set, by the limit's name: bytes, milliseconds or a count. What is not named is as by default.
pub type Settings = BTreeMap<String, u64>;

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Written as `64MiB`.
    Bytes,
    /// Written as `500ms`.
    Time,
    /// Written as a number.
    Count,
}

/// A limit that can be set for a projection.
#[derive(Debug)]
pub struct Limit {
    /// How operators call it.
    pub name: &'static str,
    /// What can be set, in bytes, milliseconds or numbers.
    range: RangeInclusive<u64>,
    field: fn(&mut Limits) -> Field<'_>,
}

/// Where it stands among the limits.
enum Field<'a> {
    Bytes(&'a mut usize),
    Time(&'a mut Duration),
    Count(&'a mut usize),
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const SECOND: u64 = 1_000;
const HOUR: u64 = 3_600 * SECOND;
/// The most of what is counted.
const MANY: u64 = 1_000_000_000;

/// The most elements that the tables of a plugin may be allowed.
pub(crate) const TABLE_ELEMENTS_MAX: usize = 1_000_000;

/// All limits that can be set for a projection, in the order in which people are shown them.
pub static LIMITS: [Limit; 18] = [
    limit("memory", 64 * KIB..=4 * GIB, |l| Field::Bytes(&mut l.memory_bytes_max)),
    limit("table-elements", 1..=TABLE_ELEMENTS_MAX as u64, |l| Field::Count(&mut l.table_elements_max)),
    limit("instances", 1..=10_000, |l| Field::Count(&mut l.parts_max)),
    limit("event-time", 1..=HOUR, |l| Field::Time(&mut l.event_time_max)),
    limit("batch-time", 10..=HOUR, |l| Field::Time(&mut l.batch_time_max)),
    limit("event-ops", 1..=MANY, |l| Field::Count(&mut l.event_ops_max)),
    limit("batch-ops", 1..=MANY, |l| Field::Count(&mut l.batch_ops_max)),
    limit("event-bytes", 1..=GIB, |l| Field::Bytes(&mut l.event_bytes_max)),
    limit("batch-bytes", 1..=GIB, |l| Field::Bytes(&mut l.batch_bytes_max)),
    limit("key-size", 1..=64 * MIB, |l| Field::Bytes(&mut l.key_bytes_max)),
    // Redis takes 512 MiB at most.
    limit("value-size", 1..=256 * MIB, |l| Field::Bytes(&mut l.value_bytes_max)),
    limit("call-size", KIB..=GIB, |l| Field::Bytes(&mut l.call_bytes_max)),
    limit("log-lines", 0..=MANY, |l| Field::Count(&mut l.log_lines_max)),
    limit("log-bytes", 0..=GIB, |l| Field::Bytes(&mut l.log_bytes_max)),
    limit("log-line-size", 1..=MIB, |l| Field::Bytes(&mut l.log_line_bytes_max)),
    limit("component-size", 1..=GIB, |l| Field::Bytes(&mut l.component_bytes_max)),
    // The system counts whole seconds.
    limit("compile-time", SECOND..=HOUR, |l| Field::Time(&mut l.compile_time_max)),
    limit("compile-memory", 8 * MIB..=64 * GIB, |l| Field::Bytes(&mut l.compile_bytes_max)),
];

const fn limit(name: &'static str, range: RangeInclusive<u64>, field: fn(&mut Limits) -> Field<'_>) -> Limit {
    Limit { name, range, field }
}

impl Limits {
    /// The defaults, with what was set in their place. A name that a later version has set is passed over, and a value that only
    /// another version takes is brought into the range.
    pub fn of(settings: &Settings) -> Self {
        let mut limits = Self::default();
        for (name, value) in settings {
            if let Some(limit) = Limit::find(name) {
                let value = value.clamp(limit.range.start(), limit.range.end());
                match (limit.field)(&mut limits) {
                    Field::Bytes(field) | Field::Count(field) => {
                        *field = usize::try_from(*value).unwrap_or(usize::MAX);
                    }
                    Field::Time(field) => *field = Duration::from_millis(*value),
                }
            }
        }
        limits
    }
}

impl Limit {
    /// The limit of this name.
    pub fn find(name: &str) -> Option<&'static Limit> {
        LIMITS.iter().find(|limit| limit.name == name)
    }

    /// What it counts.
    pub fn unit(&self) -> Unit {
        match (self.field)(&mut Limits::default()) {
            Field::Bytes(_) => Unit::Bytes,
            Field::Time(_) => Unit::Time,
            Field::Count(_) => Unit::Count,
        }
    }

    /// What it is: bytes, milliseconds or a number.
    pub fn value(&self, limits: &Limits) -> u64 {
        match (self.field)(&mut limits.clone()) {
            Field::Bytes(value) | Field::Count(value) => *value as u64,
            Field::Time(value) => u64::try_from(value.as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// Reads what a person has written. The error says what could be written.
    pub fn parse(&self, text: &str) -> Result<u64, String> {
        let (value, such_as) = match self.unit() {
            Unit::Bytes => (bytes(text), "a size such as 64MiB"),
            Unit::Time => (milliseconds(text), "a time such as 500ms"),
            Unit::Count => (text.parse().ok(), "a number such as 1000"),
        };
        let value = value.ok_or_else(|| format!("`{text}` is not {such_as}"))?;
        if self.range.contains(&value) {
            return Ok(value);
        }
        let (least, most) = (self.text(*self.range.start()), self.text(*self.range.end()));
        Err(format!("`{}` may be from {least} to {most}", self.name))
    }

    /// How people write a value of it.
    pub fn text(&self, value: u64) -> String {
        match self.unit() {
            Unit::Bytes => size(value),
            Unit::Time => humantime::format_duration(Duration::from_millis(value)).to_string().replace(' ', ""),
            Unit::Count => value.to_string(),
        }
    }
}

/// How people write so many bytes: `64MiB`, and `65B` where no larger unit fits.
pub(crate) fn size(bytes: u64) -> String {
    let units = [(GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")];
    let unit = units.iter().find(|(size, _)| bytes > 0 && bytes.is_multiple_of(*size));
    unit.map_or_else(|| format!("{bytes}B"), |(size, name)| format!("{}{name}", bytes / size))
}

/// Bytes as people write them: `65536`, `64KiB`, `64 kB`.
fn bytes(text: &str) -> Option<u64> {
    let units = [
        ("", 1),
        ("b", 1),
        ("kib", KIB),
        ("mib", MIB),
        ("gib", GIB),
        ("kb", 1_000),
        ("mb", 1_000_000),
        ("gb", 1_000_000_000),
    ];
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = unit.trim_start().to_ascii_lowercase();
    let (_, size) = units.into_iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(size)
}

/// Milliseconds, of which there are whole ones.
fn milliseconds(text: &str) -> Option<u64> {
    let time = humantime::parse_duration(text).ok()?;
    let whole = u64::try_from(time.as_millis()).ok()?;
    (Duration::from_millis(whole) == time).then_some(whole)
}
