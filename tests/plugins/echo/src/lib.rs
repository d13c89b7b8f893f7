//! The least that a plugin can do with a batch, written against the bare contract: it looks at every part of every
//! event and, in odd partitions, writes one document for each. The benchmark measures the boundary by it.

// There is nothing here to be tested natively, and no host to link to.
#![cfg(target_arch = "wasm32")]

use std::cell::RefCell;
use std::hint::black_box;

use lantern_sdk::guest::bindings::lantern::projection::{types, views};
use lantern_sdk::guest::{Batch, Description, Failure, Guest, bindings};

const MEMBER: &[u8] = b"acc-00000123";
const DOCUMENT: &[u8] = br#"{"account":"acc-00000123","owner":"Grace","currency":"EUR","balance":12345678,"events":12,"updated":"2026-01-12T10:20:30Z"}"#;

const NO_VALUE: u32 = u32::MAX;

struct Echo;

bindings::export_component!(Echo with_types_in bindings);

impl Guest for Echo {
    fn describe() -> Description {
        let view =
            types::View { name: "documents".to_owned(), kind: types::Kind::Table, keyed: false, capacity: 0 };
        Description {
            name: "echo".to_owned(),
            revision: 1,
            topics: vec!["events".to_owned()],
            ordering: types::Ordering::Partition,
            views: vec![view],
        }
    }

    fn apply(batch: Batch) -> Result<(), Failure> {
        let (events, ends) = (batch.events.as_chunks::<3>().0, batch.ends.as_chunks::<3>().0);
        let answers = events.first().is_some_and(|[place, ..]| place >> 32 & 1 == 1);
        let mut start = 0;
        let mut seen = 0;
        OUTBOX.with_borrow_mut(|outbox| {
            outbox.heads.clear();
            outbox.data.clear();
            for ([place, offset, time], [key, headers, payload]) in events.iter().zip(ends) {
                let part = |from: u32, to: u32| &batch.data[from as usize..to as usize];
                let parts = part(start, *key).len() + part(*headers, *payload).len();
                seen += place + offset + time + parts as u64 + header_bytes(part(*key, *headers));
                start = *payload;
                if answers {
                    outbox.push();
                }
            }
            if answers {
                views::write(&outbox.heads, &outbox.data);
            }
        });
        black_box(seen);
        Ok(())
    }
}

thread_local! {
    static OUTBOX: RefCell<Outbox> = const { RefCell::new(Outbox { heads: Vec::new(), data: Vec::new() }) };
}

struct Outbox {
    heads: Vec<u32>,
    data: Vec<u8>,
}

impl Outbox {
    /// Adds `hset documents MEMBER DOCUMENT`; verb, view and key are zero.
    fn push(&mut self) {
        let start = self.data.len() as u32;
        self.data.extend_from_slice(MEMBER);
        let member = self.data.len() as u32;
        self.data.extend_from_slice(DOCUMENT);
        self.heads.extend_from_slice(&[0, start, member, self.data.len() as u32]);
    }
}

/// Bytes of all names and values.
fn header_bytes(mut headers: &[u8]) -> u64 {
    let mut sum = 0;
    while let Some((lengths, rest)) = headers.split_at_checked(8) {
        let length =
            |at: usize| u32::from_le_bytes([lengths[at], lengths[at + 1], lengths[at + 2], lengths[at + 3]]);
        let value = Some(length(4)).filter(|length| *length != NO_VALUE).unwrap_or_default();
        let (name, value) = (&rest[..length(0) as usize], &rest[length(0) as usize..][..value as usize]);
        sum += (name.len() + value.len()) as u64;
        headers = &rest[name.len() + value.len()..];
    }
    sum
}
