//! The suites: what each measures and how much of it, one after the other in one run.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::ensure;
use clap::ValueEnum;

use crate::report::{self, note};
use crate::results::{Results, Row};
use crate::workload::Workload;
use crate::{about, cutover, goals, idle, latency, live, rounds, scaling, start};

/// The rows that have the same numbers and stand in one table
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Suite {
    /// The race: every contender from an empty Redis through a whole topic
    Rebuild,
    /// What comes as fast as it goes, and is applied meanwhile
    Live,
    /// From the acknowledgement of an event until it can be read
    Latency,
    /// 1 to 100 projections on one topic
    Projections,
    /// 1 to 64 partitions
    Partitions,
    /// Ten thousand to ten million keys
    Keys,
    /// 1 to 3 hosts
    Hosts,
    /// A hundred projections while nothing happens
    Idle,
    /// A host's first commit
    Start,
    /// A deployment, until it is live
    Deploy,
    /// How long a reader waits when a new generation takes its place
    Cutover,
}

/// What is to be measured, and what becomes of it.
pub struct Plan {
    /// Only these; all, if there are none.
    pub only: Vec<Suite>,
    /// Take minutes instead of an hour.
    pub quick: bool,
    /// So many rounds of the race.
    pub rounds: usize,
    /// So many events in the race, and at most about as many in every other suite.
    pub events: u64,
    /// So many events for the naive contender.
    pub events_slow: u64,
    /// Where the results are kept, if they are.
    pub file: Option<PathBuf>,
    /// Pass over suites that the file has already.
    pub missing: bool,
}

/// What is measured at once and kept together: a suite, or one workload of the race, which takes long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    suite: Suite,
    workload: Option<Workload>,
}

/// Plays the suites of a plan, shows them and the verdict, and keeps the results of each part.
pub fn play(plan: &Plan) -> anyhow::Result<()> {
    let mut about = about::here();
    about.push(("amount".to_owned(), plan.amount()));
    let mut results = Results { about, rows: Vec::new() };
    if let Some(file) = plan.file.as_ref().filter(|file| file.exists()) {
        results = results.on(Results::read(file)?)?;
    }
    for part in Suite::value_variants().iter().flat_map(|suite| suite.parts()) {
        let is_wanted = plan.only.is_empty() || plan.only.contains(&part.suite);
        if !is_wanted || (plan.missing && results.rows.iter().any(|row| part.has(row))) {
            continue;
        }
        let began = Instant::now();
        let rows = part.measure(plan)?;
        note(&format!("{} took {:.0} s", part.name(), began.elapsed().as_secs_f64()));
        report::print(&rows);
        results.take(part, rows);
        plan.file.as_ref().map_or(Ok(()), |file| results.write(file))?;
    }
    goals::print(&results);
    Ok(())
}

impl Plan {
    /// How much is measured, so that a short try is never taken for the whole, nor mixed with it.
    fn amount(&self) -> String {
        let how = if self.quick { "quick" } else { "full" };
        let (rounds, events) = (self.rounds, self.events);
        format!(
            "{how}, {rounds} rounds of the race with {events} events, `balances` with {}",
            self.events_balances()
        )
    }

    /// Events of the workload that goals are of: so many that a turn is not mostly the start of a process.
    fn events_balances(&self) -> u64 {
        self.events * if self.quick { 1 } else { 4 }
    }
}

impl Suite {
    /// Under which its rows stand.
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// Whose row that is, if it is still known.
    pub fn of(row: &Row) -> Option<Suite> {
        Suite::value_variants().iter().copied().find(|suite| suite.name() == row.suite)
    }

    fn parts(self) -> Vec<Part> {
        let part = |workload| Part { suite: self, workload };
        match self {
            Suite::Rebuild => Workload::value_variants().iter().copied().map(Some).map(part).collect(),
            _ => vec![part(None)],
        }
    }
}

impl Part {
    fn name(self) -> String {
        self.workload.map_or_else(|| self.suite.name(), |workload| format!("{}: {workload}", self.suite.name()))
    }

    /// Whether the row is its.
    fn has(self, row: &Row) -> bool {
        row.suite == self.suite.name() && self.workload.is_none_or(|workload| row.case == workload.to_string())
    }

    /// Where its rows stand among all.
    fn place(row: &Row) -> usize {
        let parts = Suite::value_variants().iter().flat_map(|suite| suite.parts());
        parts.enumerate().find(|(_, part)| part.has(row)).map_or(usize::MAX, |(place, _)| place)
    }

    fn measure(self, plan: &Plan) -> anyhow::Result<Vec<Row>> {
        let rounds = if plan.quick { 1 } else { 5 };
        let (starts, seconds) = if plan.quick { (3, 10) } else { (10, 30) };
        let events = plan.events.min(if plan.quick { 200_000 } else { 1_000_000 }) as usize;
        match self.suite {
            Suite::Rebuild => rebuild(plan, self.workload),
            Suite::Live => live::measure(if plan.quick { 3 } else { 5 }, events),
            Suite::Latency if plan.quick => latency::measure(3, 2),
            Suite::Latency => latency::measure(5, 5),
            Suite::Projections => scaling::projections::measure(rounds, 2 * events),
            Suite::Partitions => scaling::partitions::measure(rounds, events),
            Suite::Keys => {
                // Ten million, or a million in a quick run.
                let accounts = events as u64 * if plan.quick { 5 } else { 10 };
                scaling::keys::measure(rounds, 2 * events as u64, if plan.quick { 5 } else { 10 }, accounts)
            }
            Suite::Hosts => scaling::hosts::measure(rounds, events),
            Suite::Idle => idle::measure(rounds, Duration::from_secs(seconds)),
            Suite::Start => start::measure(starts),
            Suite::Deploy => start::deploy(starts),
            Suite::Cutover => {
                let accounts: &[u64] = if plan.quick { &[100_000] } else { &[100_000, 1_000_000] };
                cutover::measure(accounts, rounds)
            }
        }
    }
}

fn rebuild(plan: &Plan, workload: Option<Workload>) -> anyhow::Result<Vec<Row>> {
    rounds::play(&rounds::Plan {
        workloads: workload.into_iter().collect(),
        contenders: Vec::new(),
        rounds: plan.rounds,
        events: if workload == Some(Workload::Balances) { plan.events_balances() } else { plan.events },
        events_short: plan.events_slow.min(plan.events),
    })
}

impl Results {
    /// These results on top of others, which must be of the same machine, versions and amount. What only one of them says of
    /// itself is a difference, too.
    fn on(self, older: Results) -> anyhow::Result<Results> {
        let mut about = self.about;
        let other_than_date = |about: &[(String, String)]| {
            about.iter().filter(|(name, _)| name != about::DATE).cloned().collect::<BTreeSet<_>>()
        };
        let (now, then) = (other_than_date(&about), other_than_date(&older.about));
        let differing: Vec<_> = now.symmetric_difference(&then).collect();
        ensure!(differing.is_empty(), "what the file has was measured otherwise: {differing:?} differ");
        let date = |about: &[(String, String)]| about.iter().position(|(name, _)| name == about::DATE);
        if let Some((now, then)) = date(&about).zip(date(&older.about)) {
            let (now, then) = (&mut about[now].1, &older.about[then].1);
            *now = if then.contains(&**now) { then.clone() } else { format!("{then}, {now}") };
        }
        Ok(Results { about, rows: older.rows })
    }

    /// Puts the rows of a part in their place, instead of those that were there.
    fn take(&mut self, part: Part, rows: Vec<Row>) {
        self.rows.retain(|row| !part.has(row));
        self.rows.extend(rows);
        self.rows.sort_by_key(Part::place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(suite: Suite, case: &str) -> Row {
        Row::new(&suite.name(), case, "Lantern", Vec::new())
    }

    #[test]
    fn a_run_goes_on_with_the_results_of_another() {
        let about = |date: &str| vec![("date".to_owned(), date.to_owned()), ("Redis".to_owned(), "7".to_owned())];
        let older = Results {
            about: about("2026-01-01"),
            rows: vec![row(Suite::Rebuild, "counters"), row(Suite::Idle, "old")],
        };
        let mut both = Results { about: about("2026-01-02"), rows: Vec::new() }.on(older).unwrap();
        let part = |suite, workload| Part { suite, workload };
        both.take(part(Suite::Live, None), vec![row(Suite::Live, "new")]);
        both.take(part(Suite::Idle, None), vec![row(Suite::Idle, "new")]);
        both.take(part(Suite::Rebuild, Some(Workload::Documents)), vec![row(Suite::Rebuild, "documents")]);
        both.take(part(Suite::Rebuild, Some(Workload::Balances)), vec![row(Suite::Rebuild, "balances")]);
        assert_eq!(both.about[0].1, "2026-01-01, 2026-01-02");
        let cases: Vec<_> = both.rows.iter().map(|row| format!("{} {}", row.suite, row.case)).collect();
        let expected = ["rebuild balances", "rebuild documents", "rebuild counters", "live new", "idle new"];
        assert_eq!(cases, expected);
    }

    #[test]
    fn results_of_two_machines_do_not_mix() {
        let of = |redis: &str| Results { about: vec![("Redis".to_owned(), redis.to_owned())], rows: Vec::new() };
        assert!(of("7").on(of("7")).is_ok());
        assert!(of("7").on(of("8")).is_err());
        assert!(of("7").on(Results::default()).is_err(), "who does not say it may be another");
        assert!(Results::default().on(of("7")).is_err());
    }
}
