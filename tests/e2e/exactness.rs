//! 100,000 events on 8 partitions: the views are what an independent fold says, whatever the source and the batch size.

use lantern_tests::artefacts::plugin;
use lantern_tests::bank::{Bank, BankViews};
use lantern_tests::{RedisServer, Source};

use crate::story::BankStory;

#[test]
fn views_equal_the_fold_of_the_embedded_log() {
    views_equal_the_fold(Source::log());
}

#[test]
fn views_equal_the_fold_of_kafka() {
    views_equal_the_fold(Source::kafka());
}

fn views_equal_the_fold(source: Source) {
    let mut story = BankStory::told_by(source, &Bank::default());
    let expected = BankViews::fold(&story.events);
    for batch_events in [1, 7, 100, 1000] {
        story.redis = RedisServer::start();
        let run = story.run().batch_events(batch_events);
        let mut host = run.projection("leaderboard", &plugin("leaderboard"), &[&story.topic]).start();

        host.until("both have caught up", || {
            story.caught_up("balances").and_then(|()| story.caught_up("leaderboard"))
        });
        let views = expected.balances_hold(&story.redis).and_then(|()| expected.leaderboard_holds(&story.redis));
        views.unwrap_or_else(|difference| panic!("at {batch_events} events a batch: {difference}"));
        assert_eq!(host.terminate(), Some(0));
    }
}
