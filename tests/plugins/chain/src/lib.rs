//! A projection that feels every mistake: for each partition, a hash over all its events in their order, each with its
//! offset. An event that is lost, doubled or out of order changes it for ever.

use lantern_sdk::prelude::*;

#[derive(Default, Serialize, Deserialize)]
struct Link {
    events: u64,
    /// Offset of the newest event.
    newest: u64,
    /// In hexadecimal digits, for readers whose numbers are floating.
    hash: String,
}

struct Chain {
    /// By partition.
    links: Table<Link>,
}

impl Projection for Chain {
    const NAME: &'static str = "chain";
    const TOPICS: &'static [&'static str] = &["events"];

    fn new(views: &mut Views) -> Self {
        Self { links: views.table("links") }
    }

    fn apply(&mut self, event: &Event<'_>) -> Result<()> {
        let mut link = self.links.get_or_default(event.partition().to_string())?;
        let parts = [event.key().unwrap_or_default(), event.payload().unwrap_or_default()];
        link.hash = format!("{:016x}", hash(&link.hash, event.offset(), parts));
        link.newest = event.offset();
        link.events += 1;
        Ok(())
    }
}

/// FNV-1a.
fn hash(before: &str, offset: u64, parts: [&[u8]; 2]) -> u64 {
    let bytes = before.bytes().chain(offset.to_le_bytes()).chain(parts.concat());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

export!(Chain);
