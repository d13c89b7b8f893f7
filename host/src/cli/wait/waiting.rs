//! Looks at the checkpoints that readers see, again and again, until they are where they should be.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::cli::operate::{Operator, failure};
use crate::cli::report::{State, judge, share};
use crate::cli::{Printer, UserError};
use crate::control::{Deployment, Error, HostReport, Registry};
use crate::event::TopicPartition;

/// Pauses between two looks at the checkpoints: at first, at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(200));
/// How often it looks whether the projection can still go on.
const LOOK: Duration = Duration::from_millis(500);
/// A host's report says of this command's start and later if so many came since.
const REPORTS: u64 = 2;

/// Where checkpoints are, or are to be at least.
pub(super) type Goal = BTreeMap<TopicPartition, u64>;

/// What is waited for.
pub(super) struct Waiting<'a> {
    operator: &'a Operator,
    name: &'a str,
    left: Goal,
    seen: Goal,
    /// Whether offsets that no event has need not be passed.
    has_gaps: bool,
    /// The number of each host's report when the waiting began.
    reports: Option<BTreeMap<String, u64>>,
}

impl<'a> Waiting<'a> {
    pub(super) fn new(operator: &'a Operator, name: &'a str, left: Goal, has_gaps: bool) -> Self {
        Self { operator, name, left, seen: Goal::new(), has_gaps, reports: None }
    }

    /// Where the checkpoints were when they were last seen.
    pub(super) fn reached(self) -> Goal {
        self.seen
    }

    /// Returns when nothing is left to wait for, or it cannot come any more. While Redis is away, it waits on.
    pub(super) async fn until_reached(&mut self, printer: &mut Printer) -> Result<(), UserError> {
        let (mut pause, most) = PAUSE;
        let mut look_at = Instant::now();
        while !self.left.is_empty() {
            patient(self.read_checkpoints().await)?;
            if !self.left.is_empty() && Instant::now() >= look_at {
                self.look(printer).await?;
                look_at = Instant::now() + LOOK;
            } else if !self.left.is_empty() {
                sleep(pause).await;
                pause = (pause * 3 / 2).min(most);
            }
        }
        Ok(())
    }

    async fn read_checkpoints(&mut self) -> Result<(), Error> {
        let partitions: Vec<_> = self.left.keys().cloned().collect();
        let marks = self.operator.registry.readers_marks(self.name, &partitions).await?;
        let seen = partitions.into_iter().zip(marks).filter_map(|(at, mark)| Some((at, mark?)));
        self.seen.extend(seen);
        let seen = &self.seen;
        self.left.retain(|at, goal| seen.get(at).is_none_or(|next| next < goal));
        Ok(())
    }

    /// Looks whether the projection can go on, and whether what is left are but gaps.
    async fn look(&mut self, printer: &mut Printer) -> Result<(), UserError> {
        let Some(snapshot) = patient(self.operator.registry.load().await)? else { return Ok(()) };
        let Some(hosts) = patient(self.operator.registry.hosts().await)? else { return Ok(()) };
        let Some(recorded) = snapshot.deployments.get(self.name) else {
            return self.operator.find(self.name).await.map(drop);
        };
        match judge(&recorded.deployment, &snapshot, &hosts) {
            (State::Stopped, why) => {
                let message = format!("projection `{}` is stopped: {}", self.name, why.unwrap_or_default());
                return Err(UserError::failure(message, format!("`lantern status {}` shows where", self.name)));
            }
            (State::Undeploying, _) => {
                let message = format!("projection `{}` is being undeployed", self.name);
                return Err(UserError::failure(message, "`lantern list` shows what is deployed"));
            }
            (State::Paused, _) if self.reports.is_none() => {
                printer.note(format_args!("it is paused (hint: lantern resume {})", self.name));
            }
            _ => {}
        }
        if hosts.is_empty() && self.reports.is_none() {
            printer.note("no host is alive: nothing moves (hint: lantern run)");
        }
        let numbers = || hosts.iter().map(|host| (host.id.clone(), host.number)).collect();
        let first = self.reports.get_or_insert_with(numbers);
        if self.has_gaps {
            let deployment = &recorded.deployment;
            self.left.retain(|at, _| !hosts.iter().any(|host| is_at_end(deployment, at, host, first)));
        }
        Ok(())
    }

    /// What to say when the time is over.
    pub(super) fn out_of_time(&self, after: Duration) -> UserError {
        let name = self.name;
        let text = |(at, goal): (&TopicPartition, &u64)| match self.seen.get(at) {
            Some(next) => format!("{at} is at {next} of {goal}"),
            None => format!("{at} has no checkpoint yet, and is to come to {goal}"),
        };
        let stands: Vec<_> = self.left.iter().map(text).collect();
        let after = humantime::format_duration(after);
        let message = format!("projection `{name}` has not come so far in {after}: {}", stands.join(", "));
        UserError::failure(
            message,
            format!("`lantern status {name}` shows what it is doing; --timeout waits longer"),
        )
    }
}

/// Whether a host says, since the waiting began, that nothing is left in a partition.
fn is_at_end(
    deployment: &Deployment,
    at: &TopicPartition,
    host: &HostReport,
    first: &BTreeMap<String, u64>,
) -> bool {
    let is_new = host.number >= first.get(&host.id).copied().unwrap_or(0) + REPORTS;
    let share = deployment.live().map(|live| share(live.ordering, at.partition).to_string());
    let lanes = host.lanes.iter().filter(|lane| lane.projection == deployment.name);
    let mut own = lanes.filter(|lane| lane.generation == deployment.live && Some(&lane.share) == share.as_ref());
    is_new && own.any(|lane| lane.at_end && lane.retrying.is_none())
}

/// None if Redis is away: it may come back.
fn patient<T>(answer: Result<T, Error>) -> Result<Option<T>, UserError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(Error::Unavailable { .. }) => Ok(None),
        Err(error) => Err(failure(&error)),
    }
}
