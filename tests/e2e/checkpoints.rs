//! Freshness is readable: the checkpoint and the newest event time of each partition are one HGETALL away.

use std::collections::BTreeMap;

use lantern_tests::Source;
use lantern_tests::bank::Bank;
use lantern_tests::event::by_partition;

use crate::story::BankStory;

#[test]
fn readers_see_how_far_a_projection_is() {
    let story = BankStory::told_by(Source::log(), &Bank { events: 1_000, partitions: 3, ..Bank::default() });
    let mut host = story.run().start();
    story.expect_exact(&mut host);

    let mut expected = BTreeMap::from([("generation".to_owned(), "1".to_owned())]);
    for (partition, events) in by_partition(&story.events, 3).iter().enumerate() {
        let newest = events.iter().map(|event| event.timestamp).max().expect("1,000 events reach every partition");
        expected.insert(format!("{}/{partition}", story.topic), events.len().to_string());
        expected.insert(format!("{}/{partition}/time", story.topic), newest.to_string());
    }
    assert_eq!(story.redis.hash("lantern:checkpoints:balances"), expected);
}
