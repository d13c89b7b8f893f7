//! Views of the pages of a site, keyed by visitor, over some hundred hours of event time.

use lantern_tests::Event;
use lantern_tests::event::EPOCH_MS;
use lantern_tests::random::Random;

const PAGES: u64 = 5_000;
const VISITORS: u64 = 50_000;

/// Event time from one event to the next: a million of them take about four days.
const STEP_MS: i64 = 360;

const SITES: [&str; 4] = ["search.example", "news.example", "mail.example", "friends.example"];

/// So many events.
pub fn events(events: u64, partitions: u32) -> impl Iterator<Item = Event> {
    let mut random = Random::new(3);
    (0..events).map(move |number| {
        let visitor = format!("visitor-{}", random.below(VISITORS));
        // The product of two makes few pages popular, and most of them not.
        let page = (random.unit() * random.unit() * PAGES as f64) as u64;
        let site = SITES[random.below(SITES.len() as u64) as usize];
        let duration_ms = random.below(60_000);
        let payload = format!(
            r#"{{"type":"PageViewed","page":"/articles/{page}","visitor":"{visitor}","referrer":"https://{site}/{number}","duration_ms":{duration_ms}}}"#
        );
        Event::keyed(&visitor, partitions, payload).at(EPOCH_MS + number as i64 * STEP_MS)
    })
}
