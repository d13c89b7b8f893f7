//! What a projection is: what its plugin says of itself, and the names it goes by. Plain data.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Longest name of a projection or a view, in bytes.
pub const NAME_BYTES_MAX: usize = 64;

/// What kind of Redis structure a view is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A hash of documents.
    Table,
    /// A hash of 64-bit integers.
    Counters,
    /// A sorted set.
    Ranking,
    /// A set.
    Set,
    /// A capped list, newest first.
    List,
    /// A string per key.
    Value,
}

/// One view of a projection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Its name, unique in the projection.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Whether it has a structure for each key.
    pub keyed: bool,
    /// For a list, how many entries are kept; 0 otherwise.
    pub capacity: u32,
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Table => "table",
            Kind::Counters => "set of counters",
            Kind::Ranking => "ranking",
            Kind::Set => "set",
            Kind::List => "list",
            Kind::Value => "value",
        };
        write!(f, "a {}{kind}", if self.keyed { "keyed " } else { "" })
    }
}

/// Which events meet in one lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ordering {
    /// Those of one partition number, of all topics.
    Partition,
    /// All.
    Global,
}

/// What a plugin says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The name it suggests.
    pub name: String,
    /// The number by which its author asks for a rebuild.
    pub revision: u32,
    /// The topics it reads unless told otherwise.
    pub topics: Vec<String>,
    /// Which events meet in one lane.
    pub ordering: Ordering,
    /// Its views; writes name them by index.
    pub views: Vec<View>,
}

impl Description {
    /// What breaks the contract's rules for a description, if anything does.
    pub fn fault(&self) -> Option<String> {
        let name_fault = name_fault(&self.name).map(|fault| format!("name `{}` {fault}", self.name));
        let view_fault = || self.views.iter().enumerate().find_map(|(i, view)| self.view_fault(i, view));
        let topic_twice = || {
            let twice = (1..self.topics.len()).find(|&i| self.topics[..i].contains(&self.topics[i]))?;
            Some(format!("topic `{}` is named twice", self.topics[twice]))
        };
        name_fault
            .or_else(|| (self.revision == 0).then(|| "revision is 0; the first one is 1".to_owned()))
            .or_else(|| self.topics.is_empty().then(|| "it names no topic".to_owned()))
            .or_else(|| self.topics.iter().any(String::is_empty).then(|| "a topic has no name".to_owned()))
            .or_else(topic_twice)
            .or_else(|| self.views.is_empty().then(|| "it has no view".to_owned()))
            .or_else(view_fault)
    }

    fn view_fault(&self, index: usize, view: &View) -> Option<String> {
        let name = &view.name;
        if let Some(fault) = name_fault(name) {
            return Some(format!("view name `{name}` {fault}"));
        }
        if self.views[..index].iter().any(|earlier| earlier.name == *name) {
            return Some(format!("view `{name}` is declared twice"));
        }
        if (view.kind == Kind::List) != (view.capacity > 0) {
            return Some(format!(
                "view `{name}` is {view} of capacity {}; lists have one, others none",
                view.capacity
            ));
        }
        (view.kind == Kind::Value && !view.keyed).then(|| format!("view `{name}` is a value but not keyed"))
    }
}

/// What is wrong with the name of a projection or a view, if anything is.
pub fn name_fault(name: &str) -> Option<&'static str> {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    if name.is_empty() {
        Some("is empty")
    } else if name == "lantern" {
        Some("is Lantern's own")
    } else if name.len() > NAME_BYTES_MAX {
        Some("is longer than 64 bytes")
    } else if !name.bytes().all(legal) {
        Some("may only have lower-case letters, digits, `-` and `_`")
    } else {
        None
    }
}

/// One generation of a projection as it is to run.
#[derive(Clone, Debug, PartialEq)]
pub struct Projection {
    /// The name it is deployed under.
    pub name: Arc<str>,
    /// Which build of its views this is, from 1.
    pub generation: u64,
    /// When it was begun, as its record says: so it is not taken for another that had its number before.
    pub begun: i64,
    /// Whether readers read this generation.
    pub live: bool,
    /// Before each view's name in its Redis key: that of the projection if it is live, else a hidden one.
    pub prefix: Arc<str>,
    /// The topics it reads, in the order of its description.
    pub topics: Arc<[Arc<str>]>,
    /// Its views.
    pub views: Arc<[View]>,
    /// Which events meet in one lane.
    pub ordering: Ordering,
}

impl Projection {
    /// The Redis key of a view, or of one structure of a keyed view.
    pub fn key(&self, view: u32, key: &[u8]) -> Vec<u8> {
        let view = &self.views[view as usize];
        let mut name = Vec::with_capacity(self.prefix.len() + view.name.len() + 1 + key.len());
        name.extend_from_slice(self.prefix.as_bytes());
        name.extend_from_slice(view.name.as_bytes());
        if view.keyed {
            name.push(b':');
            name.extend_from_slice(key);
        }
        name
    }
}

/// Which events a lane takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Share {
    /// The partitions of this number.
    Partition(u32),
    /// All partitions.
    Whole,
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Share::Partition(partition) => write!(f, "{partition}"),
            Share::Whole => f.write_str("all"),
        }
    }
}

/// Names a lane: projection, generation, share.
#[derive(Clone, Debug)]
pub struct LaneId {
    /// The projection's name.
    pub projection: Arc<str>,
    /// The generation.
    pub generation: u64,
    /// Which events it takes.
    pub share: Share,
}

impl fmt::Display for LaneId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (generation {}, partition {})", self.projection, self.generation, self.share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn description() -> Description {
        let view = View { name: "accounts".into(), kind: Kind::Table, keyed: false, capacity: 0 };
        Description {
            name: "balances".into(),
            revision: 1,
            topics: vec!["account-events".into()],
            ordering: Ordering::Partition,
            views: vec![view],
        }
    }

    #[test]
    fn finds_the_fault_of_a_description() {
        type Spoil = fn(&mut Description);
        let cases: [(Spoil, &str); 8] = [
            (
                |d| d.name = "Balances".into(),
                "name `Balances` may only have lower-case letters, digits, `-` and `_`",
            ),
            (|d| d.revision = 0, "revision is 0; the first one is 1"),
            (|d| d.topics.clear(), "it names no topic"),
            (|d| d.topics.push("account-events".into()), "topic `account-events` is named twice"),
            (|d| d.views.clear(), "it has no view"),
            (|d| d.views.push(d.views[0].clone()), "view `accounts` is declared twice"),
            (
                |d| d.views[0].kind = Kind::List,
                "view `accounts` is a list of capacity 0; lists have one, others none",
            ),
            (|d| d.views[0].kind = Kind::Value, "view `accounts` is a value but not keyed"),
        ];
        assert_eq!(description().fault(), None);
        for (spoil, fault) in cases {
            let mut description = description();
            spoil(&mut description);
            assert_eq!(description.fault().as_deref(), Some(fault));
        }
    }
}
