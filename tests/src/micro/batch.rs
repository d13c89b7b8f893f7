//! What it costs to gather events in a batch, and to merge partitions by time.

use std::collections::BTreeMap;

use lantern::event::{Batch, BatchLimits, Event, TopicPartition, encode_header};
use lantern::source::memory::MemoryLog;
use lantern::source::{Reader, Source, Start};
use tokio::runtime::Builder;

use super::{Case, ITEMS, Ready};
use crate::bank::Bank;

/// Events that are at hand, and events of one partition and of four.
pub const CASES: &[Case] = &[
    Case {
        name: "batch/push",
        start: || {
            Ready::new(
                || (events(ITEMS, 0), used()),
                |(events, mut batch)| {
                    events.iter().for_each(|event| batch.push(&event));
                    (events, batch)
                },
            )
        },
    },
    Case { name: "batch/merge of 1", start: || merge(1) },
    Case { name: "batch/merge of 4", start: || merge(4) },
];

const LIMITS: BatchLimits = BatchLimits { events_max: ITEMS, bytes_max: usize::MAX };

/// Events of some 200 bytes, with a key and two headers.
pub(super) fn events(count: usize, partition: u32) -> Batch {
    let bank = Bank { events: count as u64, payload_bytes_min: 208, ..Bank::default() };
    let mut headers = Vec::new();
    encode_header(&mut headers, b"source", Some(b"mobile"));
    encode_header(&mut headers, b"trace", Some(b"0123456789abcdef"));
    let mut batch = Batch::default();
    for (offset, event) in (0..).zip(bank.events()) {
        batch.push(&Event {
            topic: 0,
            partition,
            offset,
            timestamp: event.timestamp,
            key: event.key.as_deref(),
            headers: &headers,
            payload: event.payload.as_deref(),
        });
    }
    batch
}

/// A batch that has had as many events before, as a lane's has.
fn used() -> Batch {
    let mut batch = events(ITEMS, 0);
    batch.clear();
    batch
}

/// Merges topics whose events happened at the same times.
fn merge(topics: u32) -> Ready {
    let start = |topic: u32| {
        let at = TopicPartition::new(format!("topic-{topic}"), 0);
        Start { at, topic, next: None, id: None }
    };
    let starts: Vec<_> = (0..topics).map(start).collect();
    let partition = |start: &Start| (start.at.clone(), events(ITEMS / topics as usize, 0));
    let log = MemoryLog::new(starts.iter().map(partition).collect::<BTreeMap<_, _>>());
    let runtime = Builder::new_current_thread().build().expect("a runtime without drivers needs nothing");
    let input = move || {
        let reader = runtime.block_on(log.open(starts.clone())).expect("memory has no faults");
        (reader, used())
    };
    Ready::new(input, |(mut reader, mut batch)| {
        reader.fill(&mut batch, &LIMITS).expect("memory has no faults");
        (reader, batch)
    })
}
