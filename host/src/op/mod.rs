//! What a plugin asks of its views: writes and reads as they come, and the coalesced [`Changes`] that a commit carries.
//!
//! Plain data and pure functions; nothing here knows a store or a sandbox.

mod changes;
mod slot;

use std::fmt;

use crate::limits::size;
use crate::projection::{Kind, View};
pub use changes::{Cell, Changes, Structure};

/// The most that one commit may add to a number, up or down, or give a counter that it has removed before. With
/// [`COUNTER_MAX`] it keeps Redis's 64-bit counters from an overflow, which would fail in the middle of a transaction.
pub const INCREMENT_MAX: u64 = 1 << 56;

/// A counter beyond this, up or down, stops the lane that finds it so.
pub const COUNTER_MAX: u64 = 1 << 62;

/// The writing verbs, numbered as in the contract's `verb`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // each is the Redis command of that name
pub enum Verb {
    Hset,
    Hdel,
    Hincrby,
    Zadd,
    Zincrby,
    Zrem,
    Sadd,
    Srem,
    Lpush,
    Set,
    Del,
}

impl Verb {
    const ALL: [Verb; 11] = [
        Verb::Hset,
        Verb::Hdel,
        Verb::Hincrby,
        Verb::Zadd,
        Verb::Zincrby,
        Verb::Zrem,
        Verb::Sadd,
        Verb::Srem,
        Verb::Lpush,
        Verb::Set,
        Verb::Del,
    ];

    /// The verb with this number in the contract.
    pub fn from_number(number: u8) -> Option<Verb> {
        Verb::ALL.get(usize::from(number)).copied()
    }

    /// Whether a view of this kind has the verb.
    fn suits(self, view: &View) -> bool {
        match self {
            Verb::Hset => view.kind == Kind::Table,
            Verb::Hdel => matches!(view.kind, Kind::Table | Kind::Counters),
            Verb::Hincrby => view.kind == Kind::Counters,
            Verb::Zadd | Verb::Zincrby | Verb::Zrem => view.kind == Kind::Ranking,
            Verb::Sadd | Verb::Srem => view.kind == Kind::Set,
            Verb::Lpush => view.kind == Kind::List,
            Verb::Set => view.kind == Kind::Value,
            Verb::Del => view.keyed,
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format!("{self:?}").to_ascii_lowercase())
    }
}

/// The reading verbs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // each is the Redis command of that name
pub enum Query {
    Hget,
    Zscore,
    Sismember,
    Get,
    /// Any of them.
    Prefetch,
}

impl Query {
    /// Why a plugin may not ask this of that cell, if it may not.
    pub fn check(self, views: &[View], cell: &CellRef<'_>) -> Result<(), Refused> {
        let view = views.get(cell.view as usize).ok_or(Refused::NoSuchView(cell.view))?;
        let suits = match self {
            Query::Hget => matches!(view.kind, Kind::Table | Kind::Counters),
            Query::Zscore => view.kind == Kind::Ranking,
            Query::Sismember => view.kind == Kind::Set,
            Query::Get => view.kind == Kind::Value,
            Query::Prefetch => view.kind != Kind::List,
        };
        let verb = || format!("{self:?}").to_ascii_lowercase();
        if !suits {
            return Err(Refused::WrongKind { view: view.name.clone(), kind: view.to_string(), verb: verb() });
        }
        if cell.key.is_empty() == view.keyed {
            return Err(Refused::Key { view: view.name.clone(), verb: verb(), keyed: view.keyed });
        }
        Ok(())
    }
}

/// One write as the plugin gave it.
#[derive(Clone, Copy, Debug)]
pub struct Write<'a> {
    /// What to do.
    pub verb: Verb,
    /// Index of the view in the projection's description.
    pub view: u32,
    /// Which structure of a keyed view; empty otherwise.
    pub key: &'a [u8],
    /// The field or member; empty if the verb has none.
    pub member: &'a [u8],
    /// The value; a number as 8 little-endian bytes.
    pub value: &'a [u8],
}

/// One cell of a view: a field of a hash, a member of a sorted set or set, or the whole of a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CellRef<'a> {
    /// Index of the view.
    pub view: u32,
    /// Which structure of a keyed view; empty otherwise.
    pub key: &'a [u8],
    /// The field or member; empty for a string.
    pub member: &'a [u8],
}

/// What a cell holds, as read.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A document, a counter as decimal text, or a string.
    Bytes(Box<[u8]>),
    /// A score.
    Score(f64),
    /// A member of a set, which has nothing but its presence.
    Member,
}

impl Value {
    /// Bytes that it takes, for bounding a cache.
    pub fn bytes(&self) -> usize {
        match self {
            Value::Bytes(bytes) => bytes.len(),
            Value::Score(_) | Value::Member => 0,
        }
    }
}

/// Why a write or read is refused. It is the plugin's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The description has no view of this index.
    #[error("there is no view number {0}")]
    NoSuchView(u32),
    /// There is no verb of this number.
    #[error("there is no verb number {0}")]
    NoSuchVerb(u8),
    /// The view's kind does not have the verb.
    #[error("view `{view}` is {kind}, which has no `{verb}`")]
    WrongKind {
        /// The view's name.
        view: String,
        /// What it is.
        kind: String,
        /// What was asked of it.
        verb: String,
    },
    /// A key is given where none belongs, or missing where one is needed.
    #[error("view `{view}` is {}keyed, but `{verb}` names {} key", if *keyed { "" } else { "not " }, if *keyed { "no" } else { "a" })]
    Key {
        /// The view's name.
        view: String,
        /// What was asked of it.
        verb: String,
        /// Whether the view is keyed.
        keyed: bool,
    },
    /// A number that isn't one: not eight bytes, or a score that is NaN.
    #[error("`{verb}` on view `{view}` has no valid number")]
    Number {
        /// The view's name.
        view: String,
        /// What was asked of it.
        verb: String,
    },
    /// Increments of one commit that add up to more than [`INCREMENT_MAX`], or a sum beyond 64 bits.
    #[error("the increments of `{member}` in view `{view}` are too large")]
    Overflow {
        /// The view's name.
        view: String,
        /// The field or member.
        member: String,
    },
    /// More bytes than the plugin may write.
    #[error("{what} of {actual} bytes is more than the limit `{name}` of {}", size(*limit as u64))]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size in bytes.
        actual: usize,
        /// How operators call the limit.
        name: &'static str,
        /// The limit in bytes.
        limit: usize,
    },
    /// More reads and writes than the plugin may make.
    #[error("{what} makes more reads and writes than the limit `{name}` of {limit}")]
    TooMany {
        /// Who makes them.
        what: &'static str,
        /// How operators call the limit.
        name: &'static str,
        /// The limit.
        limit: usize,
    },
    /// The columns of a block of writes do not fit each other.
    #[error("a block of writes is malformed: {0}")]
    Malformed(&'static str),
}

impl Kind {
    /// A number as a cell of such a view holds it.
    pub fn number(self, number: i64) -> Value {
        match self {
            Kind::Ranking => Value::Score(number as f64),
            _ => Value::Bytes(number.to_string().into_bytes().into()),
        }
    }
}

impl Value {
    /// The number that this holds, and `delta` more. None if that exceeds 64 bits, or this holds no number.
    pub fn plus(&self, delta: i64) -> Option<Value> {
        match self {
            Value::Bytes(text) => {
                let number: i64 = std::str::from_utf8(text).ok()?.parse().ok()?;
                Some(Value::Bytes(number.checked_add(delta)?.to_string().into_bytes().into()))
            }
            Value::Score(score) => Some(Value::Score(score + delta as f64)),
            Value::Member => None,
        }
    }
}

fn check(view: &View, write: &Write<'_>) -> Result<(), Refused> {
    if !write.verb.suits(view) {
        return Err(Refused::WrongKind {
            view: view.name.clone(),
            kind: view.to_string(),
            verb: write.verb.to_string(),
        });
    }
    if write.key.is_empty() == view.keyed {
        return Err(Refused::Key { view: view.name.clone(), verb: write.verb.to_string(), keyed: view.keyed });
    }
    match write.verb {
        Verb::Hincrby | Verb::Zincrby => eight(view, write).map(drop),
        Verb::Zadd if f64::from_le_bytes(eight(view, write)?).is_nan() => Err(not_a_number(view, write)),
        _ => Ok(()),
    }
}

fn eight(view: &View, write: &Write<'_>) -> Result<[u8; 8], Refused> {
    write.value.try_into().map_err(|_| not_a_number(view, write))
}

fn not_a_number(view: &View, write: &Write<'_>) -> Refused {
    Refused::Number { view: view.name.clone(), verb: write.verb.to_string() }
}
