//! The projection, a plugin as a Rust function: a chain over each partition's events, which it keeps in its memory for as
//! long as its instance lives, as the SDK's cache does; counts of keys; the last payload of each key.

use std::collections::BTreeMap;
use std::sync::Arc;

use lantern::event::{Batch, Event};
use lantern::lane::Overlay;
use lantern::op::{CellRef, Query, Refused, Value, Verb, Write};
use lantern::projection::{Description, Kind, LaneId, Ordering, View};
use lantern::sandbox::{Failure, Instance, Module, Reason, Unstarted, ViewError, Views};

use super::fold::{format_link, is_totalled, link, parse_link};
use super::log::topic;
use super::schedule::Shape;
use super::store::LineCells;

/// The views, by index. Every second revision does without the last one.
pub const CHAIN: u32 = 0;
pub const COUNTS: u32 = 1;
pub const LAST: u32 = 2;
pub const TOTALS: u32 = 3;

/// Whether a revision has the view of totals.
pub fn has_totals(revision: u32) -> bool {
    revision % 2 == 1
}

/// What the plugin of a revision says of itself.
pub fn description(shape: &Shape, revision: u32) -> Description {
    let view = |name: &str, kind, keyed| View { name: name.into(), kind, keyed, capacity: 0 };
    let mut views = vec![
        view("chain", Kind::Table, false),
        view("counts", Kind::Counters, false),
        view("last", Kind::Value, true),
        view("totals", Kind::Table, false),
    ];
    views.truncate(if has_totals(revision) { 4 } else { 3 });
    Description {
        name: "p".into(),
        revision,
        topics: (0..shape.topics).map(topic).collect(),
        ordering: if shape.global { Ordering::Global } else { Ordering::Partition },
        views,
    }
}

/// The plugin of a revision.
#[derive(Clone)]
pub struct Plugin(Arc<Description>);

impl Plugin {
    pub fn new(shape: &Shape, revision: u32) -> Plugin {
        Plugin(Arc::new(description(shape, revision)))
    }
}

pub struct Running {
    revision: u32,
    topics: Vec<Arc<str>>,
    /// The last link of each partition's chain, as far as this instance has made or read it.
    links: BTreeMap<String, (u64, u64)>,
    failed: bool,
}

impl Module for Plugin {
    type Views = Overlay<LineCells>;
    type Instance = Running;

    fn description(&self) -> &Description {
        &self.0
    }

    fn digest(&self) -> &str {
        "model"
    }

    fn instantiate(&self, _lane: &LaneId, topics: &[Arc<str>]) -> Result<Running, Unstarted> {
        let (revision, topics) = (self.0.revision, topics.to_vec());
        Ok(Running { revision, topics, links: BTreeMap::new(), failed: false })
    }
}

impl Instance for Running {
    type Views = Overlay<LineCells>;

    fn apply(
        &mut self,
        batch: &Batch,
        mut views: Box<Overlay<LineCells>>,
    ) -> (Box<Overlay<LineCells>>, Result<(), Failure>) {
        assert!(!self.failed, "an instance that has failed is never used again");
        let applied = batch.iter().try_for_each(|event| self.apply_one(&event, &mut views));
        let failure = applied.err().map(|error| match error {
            ViewError::Refused(refused) => Failure::Event(None, Reason::Refused(refused)),
            ViewError::Unavailable(source) => Failure::Unavailable(source),
        });
        self.failed = failure.is_some();
        (views, failure.map_or(Ok(()), Err))
    }
}

impl Running {
    fn apply_one(&mut self, event: &Event<'_>, views: &mut Overlay<LineCells>) -> Result<(), ViewError> {
        let name = format!("{}/{}", self.topics[event.topic as usize], event.partition);
        let before = match self.links.get(&name) {
            Some(link) => Some(*link),
            None => {
                text(views.read(Query::Hget, &cell(CHAIN, b"", name.as_bytes()))?).as_deref().and_then(parse_link)
            }
        };
        let link = link(self.revision, before, event.offset, event.key, event.payload);
        write(views, Verb::Hset, cell(CHAIN, b"", name.as_bytes()), format_link(link).as_bytes())?;
        self.links.insert(name, link);
        let Some(key) = event.key else { return Ok(()) };
        write(views, Verb::Hincrby, cell(COUNTS, b"", key), &1i64.to_le_bytes())?;
        match event.payload {
            Some(payload) => write(views, Verb::Set, cell(LAST, key, b""), payload)?,
            None => write(views, Verb::Del, cell(LAST, key, b""), b"")?,
        }
        if is_totalled(event.offset) && has_totals(self.revision) {
            let count = text(views.read(Query::Hget, &cell(COUNTS, b"", key))?).unwrap_or_default();
            write(views, Verb::Hset, cell(TOTALS, b"", key), count.as_bytes())?;
        }
        Ok(())
    }
}

fn cell<'a>(view: u32, key: &'a [u8], member: &'a [u8]) -> CellRef<'a> {
    CellRef { view, key, member }
}

fn write(views: &mut Overlay<LineCells>, verb: Verb, cell: CellRef<'_>, value: &[u8]) -> Result<(), Refused> {
    let CellRef { view, key, member } = cell;
    views.write(&Write { verb, view, key, member, value })
}

fn text(value: Option<Value>) -> Option<String> {
    match value {
        Some(Value::Bytes(bytes)) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        _ => None,
    }
}
