//! Documents of about 1 KB, each written again and again, and now and then deleted.

use lantern_tests::Event;
use lantern_tests::event::EPOCH_MS;
use lantern_tests::random::Random;
use serde_json::json;

const DOCUMENTS: u64 = 20_000;
const BODY_BYTES: usize = 850;

/// One event of so many is a tombstone.
const TOMBSTONE_EVERY: u64 = 100;

const WORDS: [&str; 8] = ["projection", "event", "lantern", "partition", "offset", "commit", "view", "batch"];

/// So many events, each keyed by its document.
pub fn events(events: u64, partitions: u32) -> impl Iterator<Item = Event> {
    let mut random = Random::new(2);
    (0..events).map(move |version| {
        let id = format!("doc-{}", random.below(DOCUMENTS));
        let event = match random.below(TOMBSTONE_EVERY) {
            0 => Event::tombstone(&id, partitions),
            _ => Event::keyed(&id, partitions, document(&id, version, &mut random)),
        };
        event.at(EPOCH_MS + version as i64)
    })
}

fn document(id: &str, version: u64, random: &mut Random) -> String {
    let mut word = || WORDS[random.below(WORDS.len() as u64) as usize];
    let (title, tags) = (format!("The {} of the {}", word(), word()), [word(), word(), word()]);
    let mut body = String::with_capacity(BODY_BYTES + 16);
    while body.len() < BODY_BYTES {
        body.push_str(word());
        body.push(' ');
    }
    let author = format!("author-{}", version % 97);
    json!({ "id": id, "version": version, "title": title, "author": author, "tags": tags, "body": body })
        .to_string()
}
