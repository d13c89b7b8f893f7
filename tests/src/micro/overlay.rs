//! What a plugin's reads and writes cost in the lane, by the layer that has the cell.

use std::sync::Arc;

use lantern::benching::Layers;
use lantern::op::{CellRef, Query};
use lantern::projection::Kind;
use lantern::sandbox::Views;

use super::{Case, ITEMS, Ready, names, put, view};

/// A batch that writes each cell once, and reads of cells that each layer has.
pub const CASES: &[Case] = &[
    Case { name: "overlay/write", start: || start(|_| {}, write) },
    Case { name: "overlay/read of the batch", start: || start(write, read) },
    Case {
        name: "overlay/read of pending",
        start: || {
            let prepare = |prepared: &mut Prepared| {
                write(prepared);
                prepared.layers.keep().expect("the view takes documents");
            };
            start(prepare, read)
        },
    },
    Case {
        name: "overlay/read in flight",
        start: || {
            let prepare = |prepared: &mut Prepared| {
                write(prepared);
                prepared.layers.keep().expect("the view takes documents");
                prepared.layers.send();
            };
            start(prepare, read)
        },
    },
    Case { name: "overlay/prefetch", start: || start(|_| {}, fetch) },
    Case { name: "overlay/prefetch of the cache", start: || start(fetch, fetch) },
    Case { name: "overlay/read of the cache", start: || start(fetch, read) },
    Case {
        name: "overlay/settle of cached cells",
        start: || {
            let prepare = |prepared: &mut Prepared| {
                fetch(prepared);
                write(prepared);
                prepared.layers.keep().expect("the view takes documents");
                prepared.layers.send();
            };
            start(prepare, |prepared| prepared.layers.settle())
        },
    },
];

struct Prepared {
    layers: Layers,
    names: Vec<String>,
}

/// Brings fresh layers to a state by `prepare`, and measures `work` on them.
fn start(prepare: fn(&mut Prepared), work: fn(&mut Prepared)) -> Ready {
    let input = move || {
        let views = Arc::from([view(Kind::Table, false)]);
        let mut prepared = Prepared { layers: Layers::new(views), names: names(ITEMS) };
        prepare(&mut prepared);
        (prepared, work)
    };
    Ready::new(input, |(mut prepared, work)| {
        work(&mut prepared);
        prepared
    })
}

fn write(prepared: &mut Prepared) {
    for name in &prepared.names {
        prepared.layers.overlay().write(&put(name)).expect("the view takes documents");
    }
}

fn read(prepared: &mut Prepared) {
    for name in &prepared.names {
        let value = prepared.layers.overlay().read(Query::Hget, &cell(name)).expect("the view is a table");
        assert!(value.is_some(), "the cell is known");
    }
}

fn fetch(prepared: &mut Prepared) {
    let cells: Vec<_> = prepared.names.iter().map(|name| cell(name)).collect();
    prepared.layers.overlay().prefetch(&cells).expect("the store answers");
}

fn cell(name: &str) -> CellRef<'_> {
    CellRef { view: 0, key: b"", member: name.as_bytes() }
}
