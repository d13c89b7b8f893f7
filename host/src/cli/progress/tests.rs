//! When the waiting ends, and how.

use super::*;
use crate::cli::report::Rebuild;
use crate::limits;

fn report(state: State, generation: u64, rebuild: Option<Rebuild>) -> Report {
    let projection = Projection {
        name: "balances".into(),
        state,
        error: None,
        revision: 1,
        generation,
        module: "m".into(),
        topics: Vec::new(),
        lag: None,
        lag_seconds: None,
        events_per_second: 0.0,
        dead_letters: 0,
        limits: limits::Settings::new(),
        as_of: std::collections::BTreeMap::new(),
        limits_set: limits::Settings::new(),
        lanes: Vec::new(),
        rebuild,
        skipped: 0,
    };
    Report { projections: vec![projection], hosts: vec![HostReport::default()], away: None, unwilling: None }
}

fn rebuild(state: Phase, finding: Option<&str>) -> Option<Rebuild> {
    Some(Rebuild {
        generation: 2,
        state,
        applied: Some(350),
        total: Some(1_000),
        events_per_second: 65.0,
        eta_seconds: Some(10),
        finding: finding.map(str::to_owned),
    })
}

/// How the waiting for generation 2 stands.
fn judged(hold: bool, report: &Report) -> String {
    match judge(&Goal { name: "balances".into(), generation: 2, hold }, report) {
        Standing::Going(progress) => format!("… {}, {}", progress.state, progress.text()),
        Standing::Done(done) => format!("✓ {done}"),
        Standing::Failed(why) => format!("✗ {why}"),
    }
}

#[test]
fn the_waiting_ends_when_it_is_so_or_can_not_be() {
    use State::{Live, Paused, Rebuilding, Stopped};
    let progress = "350 of 1,000 events, 65/s, 10 s left";
    let cases = [
        (false, report(Rebuilding, 1, rebuild(Phase::Building, None)), format!("… building, {progress}")),
        (
            false,
            report(Rebuilding, 1, rebuild(Phase::Waiting, None)),
            format!("… waits for other rebuilds, {progress}"),
        ),
        (false, report(Live, 2, None), "✓ generation 2 is live".into()),
        (
            true,
            report(Rebuilding, 1, rebuild(Phase::Held, None)),
            "✓ generation 2 is held: lantern promote balances".into(),
        ),
        (
            false,
            report(Rebuilding, 1, rebuild(Phase::Held, Some("1 missing"))),
            "✗ generation 2 is held: 1 missing".into(),
        ),
        (
            true,
            report(Rebuilding, 1, rebuild(Phase::Held, Some("1 missing"))),
            "✗ generation 2 is held: 1 missing".into(),
        ),
        (
            false,
            report(Live, 1, rebuild(Phase::Failed, Some("no"))),
            "✗ generation 2 could not be built: no".into(),
        ),
        (false, report(Live, 1, None), "✗ generation 2 was given up".into()),
        (false, report(Live, 3, None), "✗ generation 2 was given up".into()),
        (false, report(Paused, 1, rebuild(Phase::Building, None)), "✗ it is paused".into()),
        // That the live generation has stopped does not stop the one that is to replace it.
        (false, report(Stopped, 1, rebuild(Phase::Building, None)), format!("… building, {progress}")),
    ];
    for (hold, report, expected) in cases {
        assert_eq!(judged(hold, &report), expected);
    }
}

#[test]
fn a_generation_that_no_host_can_run() {
    let mut report = report(State::Rebuilding, 1, rebuild(Phase::Building, None));
    report.hosts[0].stopped.insert("balances:2".into(), "its module cannot be loaded".into());
    assert_eq!(judged(false, &report), "✗ generation 2 stopped: its module cannot be loaded");
    report.hosts.clear();
    assert_eq!(judged(false, &report), "… no host is alive, 350 of 1,000 events, 65/s, 10 s left");
}

#[test]
fn a_tenth_is_told_once() {
    let at = |applied, total| Progress { applied, total, ..Progress::default() }.tenths();
    assert_eq!(
        [at(Some(0), Some(10)), at(Some(19), Some(100)), at(Some(11), Some(10))],
        [Some(0), Some(1), Some(10)]
    );
    assert_eq!([at(None, Some(10)), at(Some(0), Some(0))], [None, None]);
}
