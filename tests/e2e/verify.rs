//! `--verify`: the new views are compared with the live ones at the same offsets, and take their place only if they are the
//! same.

use lantern_tests::Source;
use lantern_tests::bank::{Bank, BankViews};

use crate::deployed::REFUSED;
use crate::story::BankStory;

/// How often events come while the two are compared.
const BURSTS: u64 = 200;

#[test]
fn the_same_logic_cuts_over_while_events_flow() {
    let bank = Bank { events: 20_000, ..Bank::default() };
    let mut story = BankStory::told_by(Source::log(), &bank);
    story.deploy("balances", &[]);
    let mut host = story.host().batch_events(10).start();
    story.expect_exact(&mut host);

    story.operator().does(&["rebuild", "balances", "--verify"]);
    // The source may be faster than a rebuild on a busy machine, so some time it falls silent.
    let mut seeds = 2..=BURSTS;
    host.until("it cuts over", || {
        let more = seeds.next().map(|seed| Bank { events: 100, seed, ..bank.clone() }.events().collect());
        more.into_iter().for_each(|events| story.append(events));
        story.is_live(2)
    });
    story.expect_exact(&mut host);
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn a_changed_value_is_held_with_the_finding() {
    let mut story = BankStory::told_by(Source::log(), &Bank { events: 5_000, ..Bank::default() });
    story.deploy("balances-v2", &[]);
    let mut host = story.host().start();
    story.expect_revised(&mut host);

    // What is set applies to new accounts only, until all of them are built anew.
    story.deploy("balances-v2", &["--set", "currency=CHF"]);
    let held = story.operator().tries(&["rebuild", "balances", "--verify", "--wait"]);
    assert!(held.stderr.contains("0 missing, 0 extra") && held.stderr.contains("CHF"), "{held:?}");
    assert_eq!(held.code, Some(1), "{held:?}");
    assert_eq!(story.is_live(1), Ok(()));
    story.expect_revised(&mut host);
    let refused = story.operator().tries(&["promote", "balances"]);
    assert_eq!(refused.code, Some(REFUSED), "{refused:?}");
    assert!(refused.stderr.contains("--anyway"), "{refused:?}");

    // While it is held, both follow.
    story.append(Bank { events: 1_000, seed: 2, ..Bank::default() }.events().collect());
    host.until("the held one follows", || story.is_built(2, story.events.len() as u64));
    story.operator().does(&["promote", "balances", "--anyway"]);
    host.until("the new views are live", || story.is_live(2));
    host.until("balances has caught up", || story.caught_up("balances"));
    let views = BankViews::fold(&story.events).revised("CHF");
    assert_eq!(views.balances_hold(&story.redis), Ok(()));
    assert_eq!(host.terminate(), Some(0));
}
