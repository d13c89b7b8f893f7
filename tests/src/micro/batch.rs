//! What it costs to gather events in a batch, and to merge partitions by time.

use std::collections::BTreeMap;

use lantern::event::{Batch, Event, TopicPartition, encode_header};
use lantern::source::memory::MemoryLog;

use super::{Case, ITEMS, Ready};
use crate::bank::Bank;

/// Events that are at hand, and events of one partition and of four.
pub const CASES: &[Case] = &[
    Case {
        name: "batch/push",
        start: || {
            let input = || (events(ITEMS, 0), Batch::default());
            Ready::new(input, |(events, mut batch)| {
                events.iter().for_each(|event| batch.push(&event));
                (events, batch)
            })
        },
    },
    Case { name: "batch/merge of 1", start: || merge(1) },
    Case { name: "batch/merge of 4", start: || merge(4) },
];

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

/// Merges topics whose events happened at the same times.
fn merge(topics: u32) -> Ready {
    let at = |topic: u32| (topic, TopicPartition::new(format!("topic-{topic}"), 0));
    let all: Vec<_> = (0..topics).map(at).collect();
    let partition = |(_, at): &(u32, TopicPartition)| (at.clone(), events(ITEMS / topics as usize, 0));
    let log = MemoryLog::new(all.iter().map(partition).collect::<BTreeMap<_, _>>());
    Ready::new(move || (log.clone(), all.clone()), |(log, all)| log.merged(&all))
}
