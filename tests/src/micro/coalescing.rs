//! What it costs to make one change of many writes.

use std::sync::Arc;

use lantern::op::{Changes, Write};
use lantern::projection::{Kind, View};

use super::{Case, ITEMS, Ready, add, names, put, view};

/// Writes to few cells, to many, to many structures; and batches that are put together.
pub const CASES: &[Case] = &[
    Case { name: "coalescing/few cells", start: || start(Kind::Counters, false, 10) },
    Case { name: "coalescing/many cells", start: || start(Kind::Table, false, ITEMS) },
    Case { name: "coalescing/many structures", start: || start(Kind::Table, true, ITEMS) },
    Case { name: "coalescing/append", start: || append(Kind::Table) },
    Case { name: "coalescing/append of increments", start: || append(Kind::Counters) },
];

#[derive(Clone)]
struct Writes {
    views: Arc<[View]>,
    cells: Arc<[String]>,
}

/// Writes that go round so many cells.
fn start(kind: Kind, keyed: bool, cells: usize) -> Ready {
    let writes = Writes { views: Arc::from([view(kind, keyed)]), cells: names(cells).into() };
    Ready::new(move || writes.clone(), |writes| writes.made(0, ITEMS))
}

/// A batch behind another, of whose cells it writes half again.
fn append(kind: Kind) -> Ready {
    let writes = Writes { views: Arc::from([view(kind, false)]), cells: names(ITEMS + ITEMS / 2).into() };
    let input = move || {
        let (pending, batch) = (writes.made(0, ITEMS), writes.made(ITEMS / 2, ITEMS));
        (writes.views.clone(), pending, batch)
    };
    Ready::new(input, |(views, mut pending, batch)| {
        pending.append(&views, batch).expect("the view takes what was written");
        pending
    })
}

impl Writes {
    /// What so many writes come to, from that cell on.
    fn made(&self, first: usize, count: usize) -> Changes {
        let view = &self.views[0];
        let mut changes = Changes::new(1);
        for name in self.cells.iter().cycle().skip(first).take(count) {
            let write = if view.kind == Kind::Counters { add(name) } else { put(name) };
            let write = if view.keyed { Write { key: name.as_bytes(), ..write } } else { write };
            changes.write(&self.views, &write).expect("the view takes it");
        }
        changes
    }
}
