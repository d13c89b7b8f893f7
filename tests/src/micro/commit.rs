//! What it costs to make of a commit the bytes that go to Redis.

use std::rc::Rc;
use std::sync::Arc;

use lantern::benching::Encoder;
use lantern::event::TopicPartition;
use lantern::op::{Changes, Write};
use lantern::projection::{Kind, Ordering, Projection, Share};
use lantern::store::{Checkpoint, Commit, Mark};

use super::{Case, ITEMS, Ready, add, names, put, view};

/// Documents in one hash, increments, and documents in a hash each.
pub const CASES: &[Case] = &[
    Case { name: "commit/documents", start: || start(Kind::Table, false) },
    Case { name: "commit/increments", start: || start(Kind::Counters, false) },
    Case { name: "commit/structures", start: || start(Kind::Table, true) },
];

fn start(kind: Kind, keyed: bool) -> Ready {
    let topic: Arc<str> = "account-events".into();
    let projection = Projection {
        name: "balances".into(),
        generation: 1,
        begun: 0,
        live: true,
        prefix: "balances:".into(),
        topics: [topic.clone()].into(),
        views: [view(kind, keyed)].into(),
        ordering: Ordering::Partition,
    };
    let mut changes = Changes::new(1);
    for name in &names(ITEMS) {
        let write = if kind == Kind::Counters { add(name) } else { put(name) };
        let write = if keyed { Write { key: name.as_bytes(), ..write } } else { write };
        changes.write(&projection.views, &write).expect("the view takes it");
    }
    let mark = Mark { next: 123_456, newest: 1_700_000_000_000 };
    let checkpoint = Checkpoint::from([(TopicPartition::new(topic, 3), mark)]);
    let commit = Commit { changes: Arc::new(changes), checkpoint, letters: Vec::new() };
    let input = Rc::new((Encoder::new(projection, Share::Partition(3)), commit));
    Ready::new(move || input.clone(), |input| input.0.bytes(&input.1))
}
