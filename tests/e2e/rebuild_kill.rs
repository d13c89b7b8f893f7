//! Killed at ten moments of two rebuilds, those of the cutovers among them: each goes on where it was and ends right.

use lantern_tests::bank::{Bank, BankViews};
use lantern_tests::host::Run;
use lantern_tests::random::Random;
use lantern_tests::{Host, Source};

use crate::story::BankStory;

/// Kills at random moments of each rebuild; two more follow, before the cutover and behind it.
const KILLS: usize = 3;

#[test]
fn ten_kills_leave_no_trace_on_rebuilds() {
    let bank = Bank { events: 20_000, ..Bank::default() };
    let mut story = BankStory::told_by(Source::log(), &bank);
    story.deploy("balances", &[]);
    // Small batches, so that many commits lie between two kills.
    let run = story.host().batch_events(10);
    let mut host = run.start();
    story.expect_exact(&mut host);

    let mut random = Random::new(1);
    story.deploy("balances-v2", &[]);
    let mut host = killed_on_the_way(&mut story, &run, host, 2, &mut random);
    story.expect_revised(&mut host);
    story.operator().does(&["rebuild", "balances"]);
    let mut host = killed_on_the_way(&mut story, &run, host, 3, &mut random);
    story.expect_revised(&mut host);

    // The one before is kept and stands still; of the first nothing is left.
    let hidden = |generation: u64| {
        let prefix = format!("lantern:views:balances:{generation}:");
        story.redis.keys().iter().filter(|key| key.starts_with(&prefix)).count()
    };
    host.until("the first generation is removed", || match (hidden(1), hidden(2)) {
        (0, 2) => Ok(()),
        (first, second) => Err(format!("{first} keys of generation 1, {second} of generation 2")),
    });
    let (built, accounts) = (story.built(2), story.redis.hash("lantern:views:balances:2:accounts"));
    story.append(Bank { events: 1_000, seed: 2, ..bank }.events().collect());
    story.expect_revised(&mut host);
    assert_eq!((story.built(1), story.built(2)), (0, built), "lanes of the past write nothing");
    assert!(accounts == story.redis.hash("lantern:views:balances:2:accounts"), "nor into their views");

    story.operator().does(&["rollback", "balances"]);
    host.until("the old generation is live", || story.is_live(2));
    story.expect_revised(&mut host);
    assert_eq!(host.terminate(), Some(0));
}

fn killed_on_the_way(
    story: &mut BankStory,
    run: &Run,
    mut host: Host,
    generation: u64,
    random: &mut Random,
) -> Host {
    let events = story.events.len() as u64;
    let mut moments: Vec<u64> = (0..KILLS).map(|_| random.below(events * 9 / 10)).collect();
    moments.push(events * 99 / 100);
    moments.sort_unstable();
    for moment in moments {
        host.until(&format!("{moment} events are rebuilt"), || {
            story.is_built(generation, moment).or_else(|seen| story.is_live(generation).map_err(|_| seen))
        });
        host.kill();
        let built = story.built(generation);
        assert!(built >= moment, "{built} of {moment} events are left");
        expect_readable(story);
        // Life goes on, so there is something to catch up with.
        story.append(Bank { events: 100, seed: moment, ..Bank::default() }.events().collect());
        host = run.start();
    }
    host.until("it cuts over", || story.is_live(generation));
    host.kill();
    assert_eq!(story.is_live(generation), Ok(()));
    run.start()
}

/// The views must be of one generation, and just what the checkpoints beside them say.
#[track_caller]
fn expect_readable(story: &BankStory) {
    let views = BankViews::fold(story.applied());
    let views = if story.is_live(1).is_ok() { views } else { views.revised("EUR") };
    views.balances_hold(&story.redis).unwrap_or_else(|difference| panic!("{difference}"));
}
