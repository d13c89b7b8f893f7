//! What a host does for all beside running lanes: rebuilds go their way, what nobody needs is removed, the host's report
//! is renewed. Every step is made by compare-and-set, so it does no harm if several hosts do the same.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::desired::Desired;
use super::drive::{Step, arrived, progress, step, too_many};
use super::keeper::Keeper;
use super::roster::Roster;
use crate::control::{Built, Error, HostReport, LaneReport, Outcome, Recorded, Refusal, Registry, Stage, steps};
use crate::event::TopicPartition;
use crate::lane::State;
use crate::source::Group;

/// How often the host tells that it lives, and looks what is to be removed.
const EVERY: Duration = Duration::from_secs(1);

/// Chunks of a cutover that are moved before the host looks after everything else again.
const CHUNKS_AT_ONCE: usize = 50;

/// What a host remembers between its turns.
pub(super) struct Upkeep {
    host: String,
    told_at: Option<Instant>,
    /// How many reports were made.
    told: u64,
    /// What each lane had committed when that was told.
    committed: BTreeMap<String, u64>,
}

impl Upkeep {
    pub(super) fn new(host: String) -> Self {
        Self { host, told_at: None, told: 0, committed: BTreeMap::new() }
    }

    pub(super) async fn turn<C: Registry, G: Group>(
        &mut self,
        keeper: &Keeper<C>,
        registry: &C,
        roster: &Roster,
        desired: &Desired,
        group: Option<&G>,
    ) -> Result<(), Error> {
        let led = roster.led();
        for recorded in keeper.snapshot().deployments.values() {
            let name = &recorded.deployment.name;
            if recorded.deployment.moving.is_some() {
                move_on(keeper, registry, recorded).await?;
                continue;
            }
            fail(keeper, recorded).await?;
            // One that stands still has no lane, so nobody leads it, and everyone looks after it.
            if let Some((number, next)) = recorded.deployment.next()
                && (next.frozen || led.contains(&(name.clone(), number)))
            {
                rebuild(keeper, registry, recorded).await?;
            }
        }
        if self.told_at.is_some_and(|at| at.elapsed() < EVERY) {
            return Ok(());
        }
        let report = self.report(roster, desired);
        self.told_at = Some(Instant::now());
        registry.beat(&report).await?;
        if let Some(group) = group {
            group.report(offsets(roster));
        }
        for recorded in keeper.snapshot().deployments.values() {
            if led.contains(&(recorded.deployment.name.clone(), recorded.deployment.live)) {
                note_built(keeper, registry, recorded).await?;
            }
            remove(keeper, registry, recorded).await?;
        }
        Ok(())
    }

    fn report(&mut self, roster: &Roster, desired: &Desired) -> HostReport {
        let seconds = self.told_at.map_or(EVERY, |at| at.elapsed()).as_secs_f64();
        let mut committed = BTreeMap::new();
        let mut lanes = Vec::new();
        for (key, _, status) in roster.statuses() {
            let name = key.to_string();
            let before = self.committed.get(&name).copied().unwrap_or(0);
            let events = status.committed.saturating_sub(before);
            committed.insert(name, status.committed);
            lanes.push(LaneReport {
                projection: key.projection.clone(),
                generation: key.generation,
                share: key.share().to_string(),
                retrying: match status.state {
                    State::Retrying(reason) => Some(reason),
                    _ => None,
                },
                at_end: status.at_end,
                events_per_second: events as f64 / seconds,
                skipped: status.skipped,
            });
        }
        self.committed = committed;
        self.told += 1;
        let stopped = desired.stopped.iter().map(|((projection, generation), stop)| {
            let reason = format!("{} (hint: {})", crate::lane::chain(stop), stop.hint());
            let noted = matches!(stop, super::Stop::Noted(_));
            (!noted).then(|| (format!("{projection}:{generation}"), reason))
        });
        HostReport {
            id: self.host.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            number: self.told,
            lanes,
            stopped: stopped.flatten().collect(),
            waiting: desired.waiting.iter().map(|(name, number)| format!("{name}:{number}")).collect(),
        }
    }
}

/// What lag tools are shown: of all live projections that read a partition, the one that has come least far.
fn offsets(roster: &Roster) -> BTreeMap<TopicPartition, u64> {
    let mut offsets: BTreeMap<TopicPartition, u64> = BTreeMap::new();
    for (_, plan, status) in roster.statuses().filter(|(_, plan, _)| plan.projection.live) {
        for (_, at) in &plan.partitions {
            let next = status.checkpoint.get(at).map_or(0, |mark| mark.next);
            offsets.entry(at.clone()).and_modify(|least| *least = next.min(*least)).or_insert(next);
        }
    }
    offsets
}

/// A generation that is being built and can't go on is given up.
async fn fail<C: Registry>(keeper: &Keeper<C>, recorded: &Recorded) -> Result<(), Error> {
    let deployment = &recorded.deployment;
    let Some((number, _)) = deployment.next() else { return Ok(()) };
    let faults = keeper.snapshot().faults.iter();
    let mut own = faults.filter(|(at, _)| at.projection == deployment.name && at.generation == number);
    let Some((_, reason)) = own.next() else { return Ok(()) };
    let Ok(after) = steps::fail(deployment, number, reason.clone()) else { return Ok(()) };
    let what = format!("generation {number} could not be built: {reason}");
    match keeper.change(recorded, Some(after), None, ("fail", what)).await? {
        Outcome::Done => tracing::error!(projection = deployment.name, "the rebuild has failed: {reason}"),
        _other_host => {}
    }
    Ok(())
}

async fn rebuild<C: Registry>(keeper: &Keeper<C>, registry: &C, recorded: &Recorded) -> Result<(), Error> {
    let deployment = &recorded.deployment;
    let Some((number, _)) = deployment.next().filter(|(_, g)| g.stage == Stage::Building) else { return Ok(()) };
    let snapshot = keeper.snapshot();
    let live = progress(registry.lanes(&deployment.name, deployment.live).await?);
    let next = progress(registry.lanes(&deployment.name, number).await?);
    let mut outcome = step(deployment, snapshot, &live, &next);
    if outcome == Ok(Step::Compare) {
        let finding = registry.compare(deployment, (deployment.live, number)).await?;
        outcome = arrived(deployment, snapshot, &next, finding);
    }
    let outcome = make(keeper, recorded, outcome).await?;
    if let Some(Outcome::TooMany { structures, limit }) = outcome {
        make(keeper, recorded, too_many(deployment, snapshot, &next, (structures, limit))).await?;
    }
    Ok(())
}

/// Makes a step of a rebuild, and gives how that went.
async fn make<C: Registry>(
    keeper: &Keeper<C>,
    recorded: &Recorded,
    step: Result<Step, Refusal>,
) -> Result<Option<Outcome>, Error> {
    let Ok(Step::Change(after, reached, action, what)) = step else { return Ok(None) };
    let outcome = keeper.change(recorded, Some(*after), reached, (action, what.clone())).await?;
    if outcome == Outcome::Done {
        tracing::info!(projection = recorded.deployment.name, "{action}: {what}");
    }
    Ok(Some(outcome))
}

/// Goes on with a cutover in chunks, wherever it has come to.
async fn move_on<C: Registry>(keeper: &Keeper<C>, registry: &C, recorded: &Recorded) -> Result<(), Error> {
    let deployment = &recorded.deployment;
    for _ in 0..CHUNKS_AT_ONCE {
        match registry.move_some(recorded).await? {
            Some(0) => break,
            Some(_) => {}
            None => return Ok(()),
        }
    }
    // If some are left, that is one more chunk, or too many again.
    let Some(number) = deployment.moving else { return Ok(()) };
    let what = format!("generation {} → {number}, structure by structure", deployment.live);
    let step = steps::moved(deployment, keeper.snapshot().now);
    make(keeper, recorded, step.map(|after| Step::Change(Box::new(after), None, "cutover", what))).await?;
    Ok(())
}

/// The first build of a projection is at the end of its topics.
async fn note_built<C: Registry>(keeper: &Keeper<C>, registry: &C, recorded: &Recorded) -> Result<(), Error> {
    let deployment = &recorded.deployment;
    let Some(live) = deployment.live().filter(|live| live.built.is_none()) else { return Ok(()) };
    let lanes = registry.lanes(&deployment.name, deployment.live).await?;
    let hosts = registry.hosts().await?;
    let is_at_end = |share: &String| {
        let mut reports = hosts.iter().flat_map(|host| &host.lanes);
        reports.any(|lane| {
            (&lane.projection, lane.generation, &lane.share) == (&deployment.name, deployment.live, share)
                && lane.at_end
        })
    };
    if lanes.is_empty() || !lanes.keys().all(is_at_end) {
        return Ok(());
    }
    let begin = |at: &TopicPartition| live.starts.get(&at.to_string()).copied().unwrap_or(0);
    let events = progress(lanes).iter().map(|(at, mark)| mark.next.saturating_sub(begin(at))).sum();
    let built = Built { events, milliseconds: keeper.snapshot().now - live.begun };
    let after = steps::built(deployment, deployment.live, built);
    keeper
        .change(recorded, Some(after), None, ("live", format!("generation {} has caught up", deployment.live)))
        .await?;
    Ok(())
}

/// Removes what nobody needs any more.
async fn remove<C: Registry>(keeper: &Keeper<C>, registry: &C, recorded: &Recorded) -> Result<(), Error> {
    let deployment = &recorded.deployment;
    if let Some(number) = deployment.to_be_swept() {
        if !registry.sweep(recorded, number).await? {
            return Ok(());
        }
        let after = steps::swept(deployment, number);
        keeper.change(recorded, Some(after), None, ("sweep", format!("generation {number} is removed"))).await?;
        registry.drop_modules().await?;
    } else if deployment.removing {
        keeper.change(recorded, None, None, ("sweep", "it is gone".to_owned())).await?;
        registry.drop_modules().await?;
    } else if let Some((number, old)) = deployment.old() {
        let kept = keeper.snapshot().now - old.retired.unwrap_or(i64::MAX);
        if kept > 1000 * deployment.keep_old_seconds as i64
            && let Some(after) = steps::retire(deployment)
        {
            let what = format!("generation {number} was kept for {} s", deployment.keep_old_seconds);
            keeper.change(recorded, Some(after), None, ("gc", what)).await?;
        }
    }
    Ok(())
}
