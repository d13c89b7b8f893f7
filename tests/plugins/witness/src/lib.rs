//! A projection that writes down each event just as it saw it, so that a test can see that nothing was changed on the way.

use lantern_sdk::prelude::*;

/// Bytes that are shown as they are, unless the event has a header `whole`.
const SHOWN: usize = 1000;

/// What was seen of an event. Bytes that are no text are shown in hexadecimal digits, and many of them by their number and
/// a digest.
#[derive(Serialize, Deserialize)]
struct Seen {
    key: Option<String>,
    headers: Vec<(String, Option<String>)>,
    timestamp: Option<i64>,
    payload: Option<String>,
}

struct Witness {
    /// By `<partition>@<offset>`.
    events: Table<Seen>,
}

impl Projection for Witness {
    const NAME: &'static str = "witness";
    const TOPICS: &'static [&'static str] = &["witnessed"];

    fn new(views: &mut Views) -> Self {
        Self { events: views.table("events") }
    }

    fn apply(&mut self, event: &Event<'_>) -> Result<()> {
        let is_whole = event.headers().any(|(name, _)| name == b"whole");
        let seen = Seen {
            key: event.key().map(text),
            headers: event.headers().map(|(name, value)| (text(name), value.map(text))).collect(),
            timestamp: event.timestamp(),
            payload: event.payload().map(if is_whole { whole } else { text }),
        };
        self.events.set(format!("{}@{}", event.partition(), event.offset()), seen);
        Ok(())
    }
}

fn text(bytes: &[u8]) -> String {
    if bytes.len() > SHOWN { format!("{} bytes, {:016x}", bytes.len(), digest(bytes)) } else { whole(bytes) }
}

fn whole(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().fold("0x".to_owned(), |text, byte| format!("{text}{byte:02x}")),
    }
}

/// FNV-1a.
fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

export!(Witness);
