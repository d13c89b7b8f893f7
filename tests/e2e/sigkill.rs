//! Killed twenty times at random moments and started again each time: nothing is lost, nothing is doubled.

use lantern_tests::Source;
use lantern_tests::bank::Bank;
use lantern_tests::random::Random;

use crate::story::BankStory;

const KILLS: usize = 20;

#[test]
fn twenty_kills_leave_no_trace_on_the_embedded_log() {
    twenty_kills_leave_no_trace(Source::log(), 1);
}

#[test]
fn twenty_kills_leave_no_trace_on_kafka() {
    twenty_kills_leave_no_trace(Source::kafka(), 2);
}

fn twenty_kills_leave_no_trace(source: Source, seed: u64) {
    let mut story = BankStory::told_by(source, &Bank { seed, ..Bank::default() });
    // Small batches, so that many commits lie between two kills.
    let run = story.run_on(&story.url_of_short_sessions()).batch_events(10);
    let mut random = Random::new(seed);
    let mut moments: Vec<u64> = (0..KILLS).map(|_| random.below(story.events.len() as u64 * 8 / 10)).collect();
    moments.sort_unstable();

    for moment in moments {
        let mut host = run.start();
        host.until(&format!("{moment} events are applied"), || story.is_past(moment));
        host.kill();
        story.expect_views_at_checkpoint();
    }
    // Whatever the last one had come to, there is more to do.
    story.append(Bank { seed: seed + 10, events: 1_000, ..Bank::default() }.events().collect());

    let mut host = run.start();
    story.expect_exact(&mut host);
    assert_eq!(host.terminate(), Some(0));
}
