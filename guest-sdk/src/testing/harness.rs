//! A projection on views in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde_json::Value;

use super::memory::{Memory, Structure};
use super::{Config, Failure, LogLine, TestEvent, set_config, take_lines};
use crate::Projection;
use crate::batch::Batch;
use crate::runner::Runner;

/// Runs a projection as the host does: a batch takes effect as a whole or not at all, and after a
/// failure a fresh instance goes on.
///
/// Views are looked up by their Redis name without the projection's prefix: `<name>`, or
/// `<name>:<key>` in a keyed view. One that holds nothing is empty.
pub struct Harness<P> {
    config: Rc<Config>,
    memory: Rc<Memory>,
    runner: Runner<P>,
    next_offset: u64,
    lines: Vec<LogLine>,
}

impl<P: Projection> Default for Harness<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Projection> Harness<P> {
    /// A projection that has seen nothing, and for which nothing is set.
    pub fn new() -> Self {
        Self::with_config::<String, String>([])
    }

    /// A projection that has seen nothing, and for which these values are set by name, as
    /// [`config`](crate::config()) reads them.
    pub fn with_config<N: Into<String>, V: Into<String>>(config: impl IntoIterator<Item = (N, V)>) -> Self {
        take_lines();
        let config = config.into_iter().map(|(name, value)| (name.into(), value.into()));
        let (config, memory) = (Rc::new(config.collect()), Rc::default());
        Self { runner: start(&config, &memory), config, memory, next_offset: 0, lines: Vec::new() }
    }

    /// Apply one event.
    ///
    /// # Errors
    ///
    /// When the projection can't.
    pub fn apply(&mut self, event: TestEvent) -> Result<(), Failure> {
        self.batch([event])
    }

    /// Apply some events, at least one, in one batch.
    ///
    /// # Errors
    ///
    /// When the projection can't apply one of them. Then nothing is written.
    pub fn batch(&mut self, events: impl IntoIterator<Item = TestEvent>) -> Result<(), Failure> {
        let mut batch = Batch::default();
        for event in events {
            event.append_to(&mut batch, P::TOPICS, self.next_offset);
            self.next_offset += 1;
        }
        let before = self.memory.structures();
        set_config(&self.config);
        let applied = self.runner.apply(&batch);
        self.lines.extend(take_lines());
        if applied.is_err() {
            self.memory.restore(before);
            self.restart();
        }
        applied
    }

    /// Drop the instance and go on with a fresh one, as the host does at any time. What was not in
    /// a view is gone.
    pub fn restart(&mut self) {
        self.runner = start(&self.config, &self.memory);
    }

    /// The documents of a table by id.
    pub fn table(&self, view: &str) -> BTreeMap<String, Value> {
        match self.memory.structure(view) {
            Some(Structure::Table(fields)) => {
                fields.iter().map(|(id, document)| (text(id), json(document))).collect()
            }
            other => none_but(other, view, "a table"),
        }
    }

    /// The counters by field.
    pub fn counters(&self, view: &str) -> BTreeMap<String, i64> {
        match self.memory.structure(view) {
            Some(Structure::Counters(fields)) => {
                fields.iter().map(|(field, value)| (text(field), *value)).collect()
            }
            other => none_but(other, view, "counters"),
        }
    }

    /// The members of a ranking with their scores, lowest first.
    pub fn ranking(&self, view: &str) -> Vec<(String, f64)> {
        match self.memory.structure(view) {
            Some(Structure::Ranking(members)) => {
                let mut ranked: Vec<_> = members.iter().map(|(member, score)| (text(member), *score)).collect();
                ranked.sort_by(|(_, one), (_, other)| one.total_cmp(other));
                ranked
            }
            other => none_but(other, view, "a ranking"),
        }
    }

    /// The members of a set.
    pub fn set(&self, view: &str) -> BTreeSet<String> {
        match self.memory.structure(view) {
            Some(Structure::Set(members)) => members.iter().map(|member| text(member)).collect(),
            other => none_but(other, view, "a set"),
        }
    }

    /// The entries of a list, newest first.
    pub fn list(&self, view: &str) -> Vec<String> {
        match self.memory.structure(view) {
            Some(Structure::List(entries)) => entries.iter().map(|entry| text(entry)).collect(),
            other => none_but(other, view, "a list"),
        }
    }

    /// The document of a value.
    pub fn value(&self, view: &str) -> Option<Value> {
        match self.memory.structure(view) {
            Some(Structure::Value(document)) => Some(json(&document)),
            other => none_but(other, view, "a value"),
        }
    }

    /// What the projection has logged.
    pub fn log(&self) -> &[LogLine] {
        &self.lines
    }
}

/// Check that the views do not depend on where batches end and instances change: apply the events
/// in one batch, then in others with a fresh instance for each, and compare.
///
/// # Panics
///
/// If they do, or an event can't be applied.
pub fn same_views_for_any_batches<P: Projection>(events: &[TestEvent]) {
    let views = |batch_events: usize| {
        let mut harness = Harness::<P>::new();
        for batch in events.chunks(batch_events) {
            if let Err(failure) = harness.batch(batch.iter().cloned()) {
                panic!("event {} of a batch: {}", failure.event, failure.message);
            }
            harness.restart();
        }
        harness.memory.structures()
    };
    let in_one_batch = views(events.len());
    for batch_events in [1, 2, 7] {
        assert_eq!(
            views(batch_events),
            in_one_batch,
            "batches of {batch_events} (left) lead to other views than one batch (right)"
        );
    }
}

fn start<P: Projection>(config: &Rc<Config>, memory: &Rc<Memory>) -> Runner<P> {
    set_config(config);
    let runner = Runner::new(Rc::clone(memory) as _);
    memory.declare(runner.views().declared());
    runner
}

fn none_but<T: Default>(found: Option<Structure>, view: &str, expected: &str) -> T {
    match found {
        None => T::default(),
        Some(other) => panic!("`{view}` is not {expected} but {other:?}"),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn json(document: &[u8]) -> Value {
    serde_json::from_slice(document).expect("the SDK writes documents as JSON")
}
