//! Micro-benchmarks: one part of the host each, in memory, on the same input in every run. `tests/benches/micro.rs` takes their time, and
//! `instructions` counts what the processor does in them.

pub mod batch;
pub mod boundary;
pub mod coalescing;
pub mod commit;
pub mod overlay;

use std::any::Any;
use std::fmt;

use lantern::op::{Verb, Write};
use lantern::projection::{Kind, View};

/// What one run does so many times: it takes events, or writes, or reads cells.
pub const ITEMS: usize = 1000;

/// One benchmark.
pub struct Case {
    /// What it is about, and what it does, such as `overlay/write`.
    pub name: &'static str,
    /// Makes it ready.
    pub start: fn() -> Ready,
}

/// A benchmark that gives runs, each with an input of its own.
pub struct Ready(Box<dyn FnMut() -> Run>);

/// What is measured. What it gives is to be dropped when the measurement is over.
pub type Run = Box<dyn FnOnce() -> Box<dyn Any>>;

/// Those whose instructions are counted.
pub fn counted() -> impl Iterator<Item = &'static Case> {
    [overlay::CASES, coalescing::CASES, commit::CASES, batch::CASES, boundary::EMPTY].into_iter().flatten()
}

impl Ready {
    /// One that measures `work` on what `input` gives.
    fn new<I: 'static, O: 'static>(mut input: impl FnMut() -> I + 'static, work: fn(I) -> O) -> Ready {
        Ready(Box::new(move || {
            let input = input();
            Box::new(move || Box::new(work(input)))
        }))
    }

    /// The next run.
    pub fn run(&mut self) -> Run {
        (self.0)()
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// A view of this kind.
fn view(kind: Kind, keyed: bool) -> View {
    View { name: "accounts".to_owned(), kind, keyed, capacity: 0 }
}

/// The names of so many cells.
fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("acc-{number:08}")).collect()
}

/// A document as plugins write them.
const DOCUMENT: &[u8] = br#"{"account":"acc-00000123","owner":"Grace","currency":"EUR","balance":12345678,"events":12,"updated":"2026-01"}"#;

/// A write of a document to the first view.
fn put(member: &str) -> Write<'_> {
    Write { verb: Verb::Hset, view: 0, key: b"", member: member.as_bytes(), value: DOCUMENT }
}

/// An increment in the first view.
fn add(member: &str) -> Write<'_> {
    const ONE: [u8; 8] = 1i64.to_le_bytes();
    Write { verb: Verb::Hincrby, view: 0, key: b"", member: member.as_bytes(), value: &ONE }
}
