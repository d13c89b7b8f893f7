//! What a host does for all beside running lanes: rebuilds go their way, what nobody needs is removed, the host's report
//! is renewed. Every step is made by compare-and-set, so it does no harm if several hosts do the same.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::ages::{Age, Ages};
use super::desired::{Desired, GenerationKey, LaneKey};
use super::drive::{Step, arrived, at_end, progress, step, too_many};
use super::keeper::{Hand, Keeper};
use super::roster::Roster;
use crate::control::{
    Built, Deployment, Doubt, Error, HostReport, LaneReport, Outcome, Recorded, Refusal, Registry, Stage, steps,
};
use crate::event::TopicPartition;
use crate::lane::{State, chain};
use crate::source::Group;

/// How often the host tells that it lives, and looks what is to be removed.
const EVERY: Duration = Duration::from_secs(1);
/// How often offsets are reported that are as they were.
const OFFSETS_EVERY: Duration = Duration::from_secs(30);

/// Chunks of a cutover that are moved before the host looks after everything else again.
const CHUNKS_AT_ONCE: usize = 50;

/// What came of a turn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Turn {
    /// The host has told that it lives.
    Told,
    /// It was not time for that.
    Early,
}

/// What a host remembers between its turns.
pub(super) struct Upkeep {
    /// What was last told, when, and what each lane had committed then.
    report: HostReport,
    told_at: Option<Instant>,
    committed: BTreeMap<LaneKey, u64>,
    /// The offsets that were last reported to the group, and when.
    reported: (BTreeMap<TopicPartition, u64>, Option<Instant>),
    /// Whether offsets may have changed since.
    unreported: bool,
    /// Tasks that look after one deployment each, and its names. They end with this.
    chores: JoinSet<String>,
    tended: BTreeSet<String>,
    ages: Ages,
}

impl Upkeep {
    pub(super) fn new(host: String) -> Self {
        Self {
            report: HostReport {
                id: host,
                version: env!("CARGO_PKG_VERSION").to_owned(),
                pid: std::process::id(),
                ..HostReport::default()
            },
            told_at: None,
            committed: BTreeMap::new(),
            reported: (BTreeMap::new(), None),
            unreported: true,
            chores: JoinSet::new(),
            tended: BTreeSet::new(),
            ages: Ages::default(),
        }
    }

    pub(super) async fn turn<C: Registry, G: Group>(
        &mut self,
        keeper: &Keeper<C>,
        registry: &C,
        roster: &mut Roster,
        desired: &Desired,
        group: Option<&G>,
    ) -> Result<Turn, Error> {
        let is_due = self.told_at.is_none_or(|at| at.elapsed() >= EVERY);
        self.tend_all(keeper, &roster.led(), desired, is_due);
        if !is_due {
            return Ok(Turn::Early);
        }
        self.write_report(roster, desired);
        self.told_at = Some(Instant::now());
        registry.beat(&self.report).await?;
        if let Some(group) = group {
            self.report_offsets(roster, group);
        }
        Ok(Turn::Told)
    }

    /// Reports offsets to the group if there are others, and now and then though there are none: Kafka forgets what is not
    /// repeated, and may not have got them.
    fn report_offsets<G: Group>(&mut self, roster: &Roster, group: &G) {
        let is_due = self.reported.1.is_none_or(|at| at.elapsed() >= OFFSETS_EVERY);
        if !is_due && !self.unreported {
            return;
        }
        self.unreported = false;
        let offsets = offsets(roster);
        if is_due || offsets != self.reported.0 {
            group.report(offsets.clone());
            self.reported = (offsets, Some(Instant::now()));
        }
    }

    /// Looks after every deployment, each in a task of its own: a comparison or a removal may take minutes, and must not
    /// keep the host from its lanes.
    fn tend_all<C: Registry>(
        &mut self,
        keeper: &Keeper<C>,
        led: &BTreeSet<GenerationKey>,
        desired: &Desired,
        is_due: bool,
    ) {
        while let Some(ended) = self.chores.try_join_next() {
            match ended {
                Ok(name) => drop(self.tended.remove(&name)),
                Err(panic) => {
                    tracing::error!("{panic}");
                    // Of which deployment it was is not known; to look after one twice does no harm.
                    self.tended.clear();
                }
            }
        }
        let snapshot = keeper.snapshot();
        let mut hand = None;
        self.ages.keep(&snapshot.deployments.values().filter_map(|recorded| old(&recorded.deployment)).collect());
        for (name, recorded) in &snapshot.deployments {
            let deployment = &recorded.deployment;
            let unnamed: BTreeMap<_, _> =
                desired.unnamed.iter().filter(|((of, _), _)| of == name).map(unnamed).collect();
            if (unnamed.is_empty() && deployment.is_settled()) || !self.tended.insert(name.clone()) {
                continue;
            }
            let leads = |number| led.contains(&(name.clone(), number));
            // One that stands still has no lane, so nobody leads it, and everyone looks after it.
            let rebuilds = deployment.next().is_some_and(|(number, next)| next.frozen || leads(number));
            let age = deployment.old().and_then(|(number, old)| {
                Some(self.ages.judge(&(name.clone(), number), old.retired?, snapshot.now, keeper.asked()))
            });
            let next = deployment.next().map(|(number, _)| (name.clone(), number));
            let remade = |key| desired.stopped.get(key).filter(|stop| stop.is_for_good());
            let chore = Chore {
                rebuilds,
                is_live_here: leads(deployment.live),
                is_due,
                age,
                unnamed,
                lanes: next.as_ref().and_then(|key| desired.shares.get(key)).copied(),
                hopeless: next.as_ref().and_then(remade).map(|stop| chain(stop)),
            };
            let hand = hand.get_or_insert_with(|| keeper.hand()).clone();
            let (recorded, name) = (recorded.clone(), name.clone());
            self.chores.spawn(async move {
                if let Err(error) = tend(&hand, &recorded, chore).await {
                    tracing::debug!(projection = name, "upkeep: {}", chain(&error));
                }
                name
            });
        }
    }

    fn write_report(&mut self, roster: &mut Roster, desired: &Desired) {
        let has_changed = roster.has_changed();
        self.unreported |= has_changed;
        if has_changed || self.report.lanes.iter().any(|lane| lane.events_per_second > 0.0) {
            self.report.lanes = self.lanes(roster);
        }
        self.report.number += 1;
        let stopped = desired.stopped.iter().map(|((projection, generation), stop)| {
            let reason = format!("{} (hint: {})", chain(stop), stop.hint(projection));
            let noted = matches!(stop, super::Stop::Noted(_));
            (!noted).then(|| (format!("{projection}:{generation}"), reason))
        });
        self.report.stopped = stopped.flatten().collect();
        self.report.waiting = desired.waiting.iter().map(|(name, number)| format!("{name}:{number}")).collect();
    }

    /// How the lanes are, and what they have done since that was last told.
    fn lanes(&mut self, roster: &Roster) -> Vec<LaneReport> {
        let seconds = self.told_at.map_or(EVERY, |at| at.elapsed()).as_secs_f64();
        let mut committed = BTreeMap::new();
        let mut lanes = Vec::new();
        for (key, _, status) in roster.statuses() {
            let before = self.committed.get(key).copied().unwrap_or(0);
            let events = status.committed.saturating_sub(before);
            committed.insert(key.clone(), status.committed);
            lanes.push(LaneReport {
                projection: key.projection.clone(),
                generation: key.generation,
                share: key.share().to_string(),
                retrying: match &status.state {
                    State::Retrying(reason) => Some(reason.clone()),
                    _ => None,
                },
                at_end: status.at_end,
                events_per_second: events as f64 / seconds,
                skipped: status.skipped,
            });
        }
        self.committed = committed;
        lanes
    }
}

/// What a host has to look after in a deployment.
struct Chore {
    /// Whether its rebuild is this host's to drive.
    rebuilds: bool,
    /// Whether the first lane of its live generation runs here.
    is_live_here: bool,
    /// Whether it is time for what need not be looked at so often.
    is_due: bool,
    /// Ids of topics that the record does not have yet, by generation.
    unnamed: BTreeMap<u64, BTreeMap<String, String>>,
    /// How many lanes the generation that is being built has, if that is known.
    lanes: Option<usize>,
    /// Why that generation can't be built, if it is no lane that says so.
    hopeless: Option<String>,
    /// How long its old generation was kept, if it has one.
    age: Option<Age>,
}

fn unnamed(
    ((_, generation), ids): (&GenerationKey, &BTreeMap<String, String>),
) -> (u64, BTreeMap<String, String>) {
    (*generation, ids.clone())
}

/// The old generation of a deployment, if it has one.
fn old(deployment: &Deployment) -> Option<GenerationKey> {
    deployment.old().map(|(number, _)| (deployment.name.clone(), number))
}

async fn tend<C: Registry>(hand: &Hand<C>, recorded: &Arc<Recorded>, chore: Chore) -> Result<(), Error> {
    if recorded.deployment.moving.is_some() {
        return move_on(hand, recorded).await;
    }
    if !chore.unnamed.is_empty() {
        let after = steps::identify(&recorded.deployment, &chore.unnamed);
        return hand.change(recorded, Some(after), None, ("", String::new())).await.map(drop);
    }
    fail(hand, recorded, chore.hopeless).await?;
    if chore.rebuilds {
        rebuild(hand, recorded, chore.lanes).await?;
    }
    if chore.is_due {
        if chore.is_live_here {
            note_built(hand, recorded).await?;
        }
        remove(hand, recorded, chore.age).await?;
    }
    Ok(())
}

/// What lag tools are shown: of all live projections that read a partition, the one that has come least far. Nothing of
/// a partition of which one of them does not know yet how far it is.
fn offsets(roster: &Roster) -> BTreeMap<TopicPartition, u64> {
    let mut offsets: BTreeMap<TopicPartition, Option<u64>> = BTreeMap::new();
    for (_, plan, status) in roster.statuses().filter(|(_, plan, _)| plan.projection.live) {
        let is_known = status.state != State::Starting || !status.checkpoint.is_empty();
        for (_, at) in &plan.partitions {
            let begin = || plan.course.starts.get(at).copied().unwrap_or(0);
            let next = is_known.then(|| status.checkpoint.get(at).map_or_else(begin, |mark| mark.next));
            // None is less than any offset.
            offsets.entry(at.clone()).and_modify(|least| *least = next.min(*least)).or_insert(next);
        }
    }
    offsets.into_iter().filter_map(|(at, next)| Some((at, next?))).collect()
}

/// A generation that is being built and can't go on is given up.
async fn fail<C: Registry>(
    hand: &Hand<C>,
    recorded: &Arc<Recorded>,
    hopeless: Option<String>,
) -> Result<(), Error> {
    let deployment = &recorded.deployment;
    let Some((number, _)) = deployment.next() else { return Ok(()) };
    let faults = hand.snapshot().faults.iter();
    let mut own = faults.filter(|(at, _)| at.projection == deployment.name && at.generation == number);
    let Some(reason) = own.next().map(|(_, reason)| reason.clone()).or(hopeless) else { return Ok(()) };
    let Ok(after) = steps::fail(deployment, number, reason.clone()) else { return Ok(()) };
    let what = format!("generation {number} could not be built: {reason}");
    match hand.change(recorded, Some(after), None, ("fail", what)).await? {
        Outcome::Done => tracing::error!(projection = deployment.name, "the rebuild has failed: {reason}"),
        _other_host => {}
    }
    Ok(())
}

async fn rebuild<C: Registry>(
    hand: &Hand<C>,
    recorded: &Arc<Recorded>,
    lanes: Option<usize>,
) -> Result<(), Error> {
    let deployment = &recorded.deployment;
    let Some((number, _)) = deployment.next().filter(|(_, g)| g.stage == Stage::Building) else { return Ok(()) };
    let snapshot = hand.snapshot();
    let live = progress(hand.registry.lanes(&deployment.name, deployment.live).await?);
    let next = progress(hand.registry.lanes(&deployment.name, number).await?);
    let is_unlike = !deployment.unlike_topics(deployment.live, number).is_empty();
    let has_stopped = snapshot.has_stopped(&deployment.name, deployment.live);
    if (is_unlike || has_stopped) && is_at_end(hand, deployment, number, lanes).await? {
        make(hand, recorded, at_end(deployment, snapshot, &next)).await?;
        return Ok(());
    }
    if is_unlike {
        return Ok(());
    }
    let mut outcome = step(deployment, snapshot, &live, &next);
    if outcome == Ok(Step::Compare) {
        let finding = hand.registry.compare(deployment, (deployment.live, number)).await?;
        let doubt = finding.map(|finding| (Doubt::Differs, finding));
        outcome = arrived(deployment, snapshot, &next, doubt);
    }
    let outcome = make(hand, recorded, outcome).await?;
    if let Some(Outcome::TooMany { structures, limit }) = outcome {
        make(hand, recorded, too_many(deployment, snapshot, &next, (structures, limit))).await?;
    }
    Ok(())
}

/// Whether all lanes of a generation, on whichever hosts, have read all there is.
async fn is_at_end<C: Registry>(
    hand: &Hand<C>,
    deployment: &Deployment,
    number: u64,
    lanes: Option<usize>,
) -> Result<bool, Error> {
    let hosts = hand.registry.hosts().await?;
    let reports = hosts.iter().flat_map(|host| &host.lanes);
    let own = reports.filter(|lane| (&lane.projection, lane.generation) == (&deployment.name, number));
    let at_end: BTreeSet<&String> = own.filter(|lane| lane.at_end).map(|lane| &lane.share).collect();
    Ok(lanes == Some(at_end.len()))
}

/// Makes a step of a rebuild, and gives how that went.
async fn make<C: Registry>(
    hand: &Hand<C>,
    recorded: &Arc<Recorded>,
    step: Result<Step, Refusal>,
) -> Result<Option<Outcome>, Error> {
    let Ok(Step::Change(after, reached, action, what)) = step else { return Ok(None) };
    let outcome = hand.change(recorded, Some(*after), reached, (action, what.clone())).await?;
    if outcome == Outcome::Done {
        tracing::info!(projection = recorded.deployment.name, "{action}: {what}");
    }
    Ok(Some(outcome))
}

/// Goes on with a cutover in chunks, wherever it has come to.
async fn move_on<C: Registry>(hand: &Hand<C>, recorded: &Arc<Recorded>) -> Result<(), Error> {
    let deployment = &recorded.deployment;
    for _ in 0..CHUNKS_AT_ONCE {
        match hand.registry.move_some(recorded).await? {
            Some(0) => break,
            Some(_) => {}
            None => return Ok(()),
        }
    }
    // If some are left, that is one more chunk, or too many again.
    let Some(number) = deployment.moving else { return Ok(()) };
    let what = format!("generation {} → {number}, structure by structure", deployment.live);
    let step = steps::moved(deployment, hand.snapshot().now);
    make(hand, recorded, step.map(|after| Step::Change(Box::new(after), None, "cutover", what))).await?;
    Ok(())
}

/// The first build of a projection is at the end of its topics.
async fn note_built<C: Registry>(hand: &Hand<C>, recorded: &Arc<Recorded>) -> Result<(), Error> {
    let deployment = &recorded.deployment;
    let Some(live) = deployment.live().filter(|live| live.built.is_none()) else { return Ok(()) };
    let lanes = hand.registry.lanes(&deployment.name, deployment.live).await?;
    let hosts = hand.registry.hosts().await?;
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
    let built = Built { events, milliseconds: hand.snapshot().now - live.begun };
    let after = steps::built(deployment, deployment.live, built);
    hand.change(recorded, Some(after), None, ("live", format!("generation {} has caught up", deployment.live)))
        .await?;
    Ok(())
}

/// Removes what nobody needs any more.
async fn remove<C: Registry>(hand: &Hand<C>, recorded: &Arc<Recorded>, age: Option<Age>) -> Result<(), Error> {
    let deployment = &recorded.deployment;
    if let Some(number) = deployment.to_be_swept() {
        if !hand.registry.sweep(recorded, number).await? {
            return Ok(());
        }
        let after = steps::swept(deployment, number);
        hand.change(recorded, Some(after), None, ("sweep", format!("generation {number} is removed"))).await?;
        hand.registry.drop_modules().await?;
    } else if deployment.removing {
        hand.change(recorded, None, None, ("sweep", "it is gone".to_owned())).await?;
        hand.registry.drop_modules().await?;
    } else if let Some((number, _)) = deployment.old() {
        let keep = deployment.keep_old_seconds.saturating_mul(1000);
        match age {
            Some(Age::Kept(kept)) if u64::try_from(kept).is_ok_and(|kept| kept > keep) => {
                let Some(after) = steps::retire(deployment) else { return Ok(()) };
                let what = format!("generation {number} was kept for {} s", deployment.keep_old_seconds);
                hand.change(recorded, Some(after), None, ("gc", what)).await?;
            }
            Some(Age::Since(retired)) => {
                let what = format!("generation {number} is kept for no shorter or longer: Redis's clock was set");
                let after = steps::kept_since(deployment, number, retired);
                hand.change(recorded, Some(after), None, ("clock", what)).await?;
            }
            _ => {}
        }
    }
    Ok(())
}
