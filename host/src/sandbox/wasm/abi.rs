//! The contract's types as they cross the boundary. One for one what `wit/projection.wit` declares.

// The cases of these enums are made from their numbers, by the derived `Lift`.
#![allow(dead_code)]

use wasmtime::component::{ComponentType, Lift, Lower};

use crate::event::{Batch, Columns};
use crate::projection;

/// The version of the contract that this host speaks. Plugins of every compatible version run: wasmtime links
/// `0.1.0` to `0.1.1` by the rules of semantic versions.
pub(super) const VERSION: &str = "0.1.1";
/// What a plugin exports.
pub(super) const PROJECTION: &str = "lantern:projection/projection";
/// What a plugin may import.
pub(super) const IMPORTS: [&str; 4] = [
    "lantern:projection/views",
    "lantern:projection/log",
    "lantern:projection/config",
    "lantern:projection/types",
];

#[derive(ComponentType, Lower, Clone, Copy)]
#[component(record)]
pub(super) struct BatchRecord<'a> {
    events: &'a [u64],
    ends: &'a [u32],
    data: &'a [u8],
}

impl<'a> From<&'a Batch> for BatchRecord<'a> {
    fn from(batch: &'a Batch) -> Self {
        let Columns { events, ends, data } = batch.columns();
        Self { events, ends, data }
    }
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(super) struct FailureRecord {
    pub(super) event: u32,
    pub(super) message: String,
}

#[derive(ComponentType, Lift, Clone, Copy, PartialEq)]
#[component(enum)]
#[repr(u8)]
pub(super) enum Level {
    #[component(name = "trace")]
    Trace,
    #[component(name = "debug")]
    Debug,
    #[component(name = "info")]
    Info,
    #[component(name = "warn")]
    Warn,
    #[component(name = "error")]
    Error,
    #[component(name = "fatal")]
    Fatal,
}

#[derive(ComponentType, Lift, Clone, Copy)]
#[component(enum)]
#[repr(u8)]
pub(super) enum Kind {
    #[component(name = "table")]
    Table,
    #[component(name = "counters")]
    Counters,
    #[component(name = "ranking")]
    Ranking,
    #[component(name = "set")]
    Set,
    #[component(name = "list")]
    List,
    #[component(name = "value")]
    Value,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(super) struct View {
    name: String,
    kind: Kind,
    keyed: bool,
    capacity: u32,
}

#[derive(ComponentType, Lift, Clone, Copy)]
#[component(enum)]
#[repr(u8)]
pub(super) enum Ordering {
    #[component(name = "partition")]
    Partition,
    #[component(name = "global")]
    Global,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(super) struct Description {
    name: String,
    revision: u32,
    topics: Vec<String>,
    ordering: Ordering,
    views: Vec<View>,
}

impl From<Description> for projection::Description {
    fn from(description: Description) -> Self {
        Self {
            name: description.name,
            revision: description.revision,
            topics: description.topics,
            ordering: match description.ordering {
                Ordering::Partition => projection::Ordering::Partition,
                Ordering::Global => projection::Ordering::Global,
            },
            views: description.views.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<View> for projection::View {
    fn from(view: View) -> Self {
        let kind = match view.kind {
            Kind::Table => projection::Kind::Table,
            Kind::Counters => projection::Kind::Counters,
            Kind::Ranking => projection::Kind::Ranking,
            Kind::Set => projection::Kind::Set,
            Kind::List => projection::Kind::List,
            Kind::Value => projection::Kind::Value,
        };
        Self { name: view.name, kind, keyed: view.keyed, capacity: view.capacity }
    }
}
