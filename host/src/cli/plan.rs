//! What a deployment comes to, in a line for people. Pure functions.

use super::figures::{grouped, span};
use super::prepare::Prepared;
use crate::control::{Built, Deployment, Kind};

/// What a deployment comes to.
pub(super) fn line(prepared: &Prepared) -> String {
    let (plan, before) = (&prepared.plan, prepared.before());
    let after = &plan.after;
    let latest = after.next().or_else(|| after.live().map(|live| (after.live, live)));
    let Some((number, latest)) = latest else { return plan.kind.word().to_owned() };
    match plan.kind {
        Kind::Nothing => "nothing to do".to_owned(),
        Kind::Settings => plan.changes.join(", "),
        Kind::Swap => format!("swap in place at the checkpoint, same revision{}", of_next(after)),
        Kind::New => {
            let begin = if latest.starts.is_empty() {
                replaying(prepared.replay, None, None, "to apply")
            } else {
                "from the next event on".to_owned()
            };
            format!("new (revision {}, topics {}): {begin}", latest.revision, latest.topics.join(", "))
        }
        Kind::Rebuild => {
            let revision = before.and_then(Deployment::live).map_or(latest.revision, |live| live.revision);
            let rate = latest.rebuild.as_ref().and_then(|rebuild| rebuild.rate);
            format!(
                "rebuild as generation {number} ({}): {}",
                revisions(revision, latest.revision),
                replaying(prepared.replay, prepared.built(), rate, "to replay"),
            )
        }
    }
}

/// What changes from what to what, a line each, where [`line`] does not say that.
pub(super) fn details(prepared: &Prepared) -> impl Iterator<Item = &String> {
    let plan = &prepared.plan;
    plan.changes.iter().filter(|_| matches!(plan.kind, Kind::Swap | Kind::Rebuild))
}

/// From which revision to which.
pub(super) fn revisions(from: u32, to: u32) -> String {
    if from == to { format!("revision {to}") } else { format!("revision {from} → {to}") }
}

/// How many events are to be applied, and how long that may take by what it took the last time.
pub(super) fn replaying(events: Option<u64>, built: Option<Built>, rate: Option<u64>, what: &str) -> String {
    let Some(events) = events else { return format!("how many events there are {what} is not known") };
    let limited = rate.map_or(0.0, |rate| events as f64 / rate as f64);
    let took = built.filter(|built| built.events > 0 && built.milliseconds > 0);
    let seconds = took.map(|built| events as f64 * built.milliseconds as f64 / 1000.0 / built.events as f64);
    let count = grouped(events);
    match seconds.map(|seconds| seconds.max(limited)).or(Some(limited).filter(|limited| *limited > 0.0)) {
        Some(seconds) => format!("{count} events {what}, about {}", span(seconds.max(0.1))),
        None if events == 0 || what == "to apply" => format!("{count} events {what}"),
        None => format!("{count} events {what}; how long that takes is not known yet"),
    }
}

/// Names the generation that is meant, if it is not the live one.
fn of_next(after: &Deployment) -> String {
    after.next().map(|(number, _)| format!(", of generation {number}, which is not live yet")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_how_long_it_may_take() {
        let built = Some(Built { events: 1_000_000, milliseconds: 5_000 });
        let cases = [
            ((Some(1_204_000), built, None), "1,204,000 events to replay, about 6 s"),
            ((Some(1_204_000), built, Some(1_000)), "1,204,000 events to replay, about 20m 4s"),
            ((Some(12), None, None), "12 events to replay; how long that takes is not known yet"),
            ((Some(120), None, Some(10)), "120 events to replay, about 12 s"),
            ((Some(0), None, None), "0 events to replay"),
            ((None, built, None), "how many events there are to replay is not known"),
        ];
        for ((events, built, rate), expected) in cases {
            assert_eq!(replaying(events, built, rate, "to replay"), expected);
        }
    }

    #[test]
    fn names_revisions() {
        assert_eq!([revisions(1, 2), revisions(2, 2)], ["revision 1 → 2", "revision 2"]);
    }
}
