//! What a reader sees of a cutover who reads all the time: the old views or the new ones, never a mixture and never a hole.

use std::time::Duration;

use lantern_tests::bank::openings;
use lantern_tests::reader::per_mille;
use lantern_tests::{Reader, Source};

use crate::story::{BankStory, note};

const ACCOUNTS: u64 = 100_000;
/// The longest pause of a reader around a cutover: what the issue says, or twice as long as elsewhere on a machine that is
/// busy with other tests.
const PAUSE_MAX: Duration = Duration::from_millis(5);

#[test]
fn each_reading_is_wholly_old_or_wholly_new() {
    let story = BankStory::told_in(Source::log(), 8, openings(ACCOUNTS, 8).collect());
    story.deploy("balances", &[]);
    let mut host = story.host().start();
    story.expect_exact(&mut host);

    let reader = Reader::start(&story.redis, ACCOUNTS);
    story.deploy("balances-v2", &[]);
    host.until("the new views are live", || story.is_live(2));
    story.operator().does(&["rollback", "balances"]);
    story.operator().does(&["rollback", "balances"]);
    story.expect_revised(&mut host);

    let readings = reader.stop();
    assert_eq!(readings.torn, [""; 0], "what was read in one MULTI belongs together");
    let (old, new) = (readings.of(1), readings.of(2));
    assert!(old > 0 && new > 0, "{old} readings were old and {new} new");
    assert_eq!(old + new, readings.count(), "every reading was of one or the other");
    assert_eq!(readings.changes().len(), 3, "the reader has seen each of the three cutovers");
    let (around, elsewhere) = (readings.longest_pause_around_cutovers(), readings.pauses_elsewhere());
    let longest = elsewhere.last().copied().unwrap_or_default();
    note(&format!(
        "{ACCOUNTS} accounts, {} readings: the longest pause around three cutovers was {around:.1?}; elsewhere {longest:.1?} (p99.9 {:.1?})",
        readings.count(),
        per_mille(&elsewhere, 999),
    ));
    assert!(around < PAUSE_MAX.max(2 * longest), "{around:?} around cutovers, {longest:?} elsewhere");
    assert_eq!(host.terminate(), Some(0));
}
