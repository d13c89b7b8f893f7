//! A projection that writes down each event just as it saw it, so that a test can see that nothing was changed on the way.

use lantern_sdk::prelude::*;

/// What was seen of an event. Bytes are shown as text.
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
        let seen = Seen {
            key: event.key().map(text),
            headers: event.headers().map(|(name, value)| (text(name), value.map(text))).collect(),
            timestamp: event.timestamp(),
            payload: event.payload().map(text),
        };
        self.events.set(format!("{}@{}", event.partition(), event.offset()), seen);
        Ok(())
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

export!(Witness);
