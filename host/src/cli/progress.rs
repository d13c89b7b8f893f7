//! `--wait`: shows how a generation comes about, until readers read it. On a terminal as a bar, elsewhere a line for every
//! tenth and every change of state.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::{MissedTickBehavior, interval};

use super::closing::say;
use super::figures::{grouped, perhaps, rate, span};
use super::operate::Operator;
use super::report::{Phase, Projection, Report, State, collect};
use super::{Printer, UserError};
use crate::app::AnySource;
use crate::control::{Deployment, HostReport};

/// How often it looks anew.
const EVERY: Duration = Duration::from_millis(250);

/// What is waited for.
struct Goal {
    name: String,
    generation: u64,
    /// Whether it is enough that the generation is held.
    hold: bool,
}

/// How it stands.
#[derive(Debug, PartialEq)]
enum Standing {
    Going(Progress),
    Done(String),
    Failed(String),
}

/// How far it has come.
#[derive(Clone, Debug, Default, PartialEq)]
struct Progress {
    state: &'static str,
    applied: Option<u64>,
    total: Option<u64>,
    events_per_second: f64,
    eta_seconds: Option<u64>,
}

/// Waits for what was just written down to become so. Ctrl-C ends the waiting, not the work.
pub(super) async fn wait(
    operator: &Operator,
    source: Option<&AnySource>,
    after: &Deployment,
    printer: &mut Printer,
) -> anyhow::Result<()> {
    let (generation, hold) = match after.next() {
        Some((number, next)) => (number, next.rebuild.as_ref().is_some_and(|rebuild| rebuild.hold)),
        None => (after.live, false),
    };
    let goal = Goal { name: after.name.clone(), generation, hold };
    tokio::select! {
        ended = watch(operator, source, &goal, printer) => match ended? {
            Ok(done) => say(&goal.name, done, printer),
            Err(why) => {
                let hint = format!("see lantern status {0}, and lantern history {0}", goal.name);
                return Err(UserError::failure(format!("projection `{}`: {why}", goal.name), hint).into());
            }
        },
        signalled = tokio::signal::ctrl_c() => {
            signalled?;
            printer.note(format_args!("no longer watching; the work goes on: lantern status {}", goal.name));
        }
    }
    Ok(())
}

async fn watch(
    operator: &Operator,
    source: Option<&AnySource>,
    goal: &Goal,
    printer: &mut Printer,
) -> anyhow::Result<Result<String, String>> {
    let mut show = Show::new(goal)?;
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match collect(operator, source, Some(&goal.name)).await.map(|report| judge(goal, &report)) {
            Ok(Standing::Going(progress)) => show.update(goal, &progress, printer),
            Ok(Standing::Done(done)) => return Ok(Ok(done)),
            Ok(Standing::Failed(why)) => return Ok(Err(why)),
            Err(gone) if gone.exit_code() != 1 => return Err(gone.into()),
            // Whoever waits for a long work does not give up because Redis is away for a moment.
            Err(away) => show.say(&away.to_string(), printer),
        }
    }
}

/// Says how it stands, by what is known now.
fn judge(goal: &Goal, report: &Report) -> Standing {
    let Some(projection) = report.projections.first() else {
        return Standing::Failed("it is no longer deployed".to_owned());
    };
    let number = goal.generation;
    if projection.state == State::Undeploying {
        return Standing::Failed("it is being undeployed".to_owned());
    }
    if projection.state == State::Paused {
        return Standing::Failed("it is paused".to_owned());
    }
    if let Some(why) = stopped(goal, &report.hosts) {
        return Standing::Failed(format!("generation {number} stopped: {why}"));
    }
    if projection.generation == number {
        return match (projection.state, &projection.error) {
            (State::Stopped, Some(why)) => Standing::Failed(format!("it stopped: {why}")),
            (State::Building | State::Retrying, _) => Standing::Going(first_build(projection, &report.hosts)),
            _ => Standing::Done(format!("generation {number} is live")),
        };
    }
    let Some(rebuild) = projection.rebuild.as_ref().filter(|rebuild| rebuild.generation == number) else {
        return Standing::Failed(format!("generation {number} was given up"));
    };
    let finding = rebuild.finding.clone();
    let state = match (rebuild.state, finding) {
        (Phase::Failed, finding) => {
            let why = finding.unwrap_or_else(|| "it is not known why".to_owned());
            return Standing::Failed(format!("generation {number} could not be built: {why}"));
        }
        (Phase::Held, Some(finding)) => {
            return Standing::Failed(format!("generation {number} is held: {finding}"));
        }
        (Phase::Held, None) if goal.hold => {
            return Standing::Done(format!("generation {number} is held: lantern promote {}", goal.name));
        }
        (Phase::Held, None) => "held",
        _ if report.hosts.is_empty() => "no host is alive",
        (Phase::Waiting, _) => "waits for other rebuilds",
        (Phase::Building, _) => "building",
        (Phase::Comparing, _) => "compared with the live generation",
        (Phase::Moving, _) => "taking the live one's place",
    };
    Standing::Going(Progress {
        state,
        applied: rebuild.applied,
        total: rebuild.total,
        events_per_second: rebuild.events_per_second,
        eta_seconds: rebuild.eta_seconds,
    })
}

/// Why no host can run the generation, if a host says so.
fn stopped(goal: &Goal, hosts: &[HostReport]) -> Option<String> {
    let key = format!("{}:{}", goal.name, goal.generation);
    hosts.iter().find_map(|host| host.stopped.get(&key).cloned())
}

/// How far a generation has come that readers read already.
fn first_build(projection: &Projection, hosts: &[HostReport]) -> Progress {
    let total: Option<u64> = projection.lanes.iter().map(|lane| lane.end).sum();
    let total = total.filter(|_| !projection.lanes.is_empty());
    let eta = projection.lag.filter(|_| projection.events_per_second > 0.0);
    Progress {
        state: match projection.state {
            _ if hosts.is_empty() => "no host is alive",
            State::Retrying => "retrying",
            _ => "building",
        },
        applied: total.zip(projection.lag).map(|(total, lag)| total.saturating_sub(lag)),
        total,
        events_per_second: projection.events_per_second,
        eta_seconds: eta.map(|lag| (lag as f64 / projection.events_per_second).ceil() as u64),
    }
}

impl Progress {
    /// In tenths of all there is, if that is known.
    fn tenths(&self) -> Option<u64> {
        let (applied, total) = self.applied.zip(self.total).filter(|(_, total)| *total > 0)?;
        Some(applied.min(total) * 10 / total)
    }

    fn text(&self) -> String {
        let mut text = format!("{} of {} events", perhaps(self.applied), perhaps(self.total));
        if self.events_per_second > 0.0 {
            text += &format!(", {}", rate(self.events_per_second));
        }
        if let Some(seconds) = self.eta_seconds {
            text += &format!(", {} left", span(seconds as f64));
        }
        text
    }
}

/// How progress is shown.
enum Show {
    Bar(ProgressBar),
    /// The last state and tenth that were told.
    Lines(Option<(&'static str, Option<u64>)>, String),
}

impl Show {
    fn new(goal: &Goal) -> anyhow::Result<Self> {
        if !std::io::stderr().is_terminal() {
            return Ok(Show::Lines(None, String::new()));
        }
        let bar = ProgressBar::new(0).with_style(ProgressStyle::with_template("{prefix}  {bar:24}  {msg}")?);
        Ok(Show::Bar(bar.with_prefix(format!("{} generation {}", goal.name, goal.generation))))
    }

    fn update(&mut self, goal: &Goal, progress: &Progress, printer: &mut Printer) {
        match self {
            Show::Bar(bar) => {
                // A bar of no length would be full.
                bar.set_length(progress.total.unwrap_or(0).max(1));
                bar.set_position(progress.applied.unwrap_or(0));
                bar.set_message(format!("{}: {}", progress.state, progress.text()));
            }
            Show::Lines(told, _) => {
                let now = Some((progress.state, progress.tenths()));
                if *told != now {
                    *told = now;
                    let (name, number) = (&goal.name, goal.generation);
                    let tenths = progress.tenths().map(|tenths| format!(" {} %", grouped(tenths * 10)));
                    let state = format!("{}{}", progress.state, tenths.unwrap_or_default());
                    printer.note(format_args!("{name}: generation {number}: {state}, {}", progress.text()));
                }
            }
        }
    }

    /// Says something else, once.
    fn say(&mut self, text: &str, printer: &mut Printer) {
        match self {
            Show::Bar(bar) => bar.set_message(text.to_owned()),
            Show::Lines(told, said) if said != text => {
                text.clone_into(said);
                *told = None;
                printer.note(text);
            }
            Show::Lines(..) => {}
        }
    }
}

#[cfg(test)]
mod tests;
