//! A record that can be read leads by every step to one that can be read.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::control::{Built, Change, Deployment, Entry, Rebuild, Recorded, steps};

/// When the steps are made, in milliseconds since the Unix epoch.
const NOW: i64 = 1_700_000_000_000;

/// Makes every step from a record, and sees what follows from it.
pub(super) fn all(before: &Deployment) {
    let recorded =
        |deployment: &Deployment| Arc::new(Recorded { deployment: deployment.clone(), text: String::new() });
    let change = |before: Option<&Deployment>, after: Option<&Deployment>| {
        let (before, after) = (before.map(recorded), after.cloned());
        Change { before, after, reached: None, entry: Entry::default() }.effects()
    };
    change(None, Some(before));
    change(Some(before), None);
    for after in after(before) {
        change(Some(before), Some(&after));
        let text = serde_json::to_string(&after).expect("a record is plain data");
        assert_eq!(Deployment::read(&text), Ok(after));
    }
    for (number, generation) in &before.generations {
        before.projection(*number, generation);
        before.unlike_topics(before.live, *number);
    }
}

/// The records to which the steps lead that can be made.
fn after(before: &Deployment) -> Vec<Deployment> {
    let rebuild = |in_place| {
        let again = steps::again(before, Rebuild::default())?;
        steps::rebuild(before, again, in_place, NOW).ok()
    };
    let whole = [
        steps::pause(before).ok(),
        steps::resume(before).ok(),
        steps::retire(before),
        steps::undeploy(before, true).ok(),
        steps::undeploy(before, false).ok(),
        rebuild(false),
        rebuild(true),
        steps::cut_over(before, NOW).ok(),
        steps::hold(before, None, None).ok(),
        steps::promote(before, NOW).ok(),
        steps::cancel(before).ok(),
        steps::rollback(before, NOW).ok(),
        steps::moved(before, NOW).ok(),
        Some(steps::identify(before, &BTreeMap::new())),
    ];
    let of_one = before.generations.keys().flat_map(|number| {
        let built = Built { events: 1, milliseconds: 1 };
        [
            steps::fail(before, *number, "it has failed".into()).ok(),
            steps::move_in(before, *number).ok(),
            Some(steps::built(before, *number, built)),
            Some(steps::freeze(before, *number, Some((*number, BTreeMap::new())))),
            Some(steps::swept(before, *number)),
            Some(steps::kept_since(before, *number, NOW)),
        ]
    });
    whole.into_iter().chain(of_one).flatten().collect()
}
