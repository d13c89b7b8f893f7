//! A host: reads the records, runs the lanes that are its own, drives the rebuilds that it leads, and tells that it lives.
//!
//! [`Host::run`] waits for one thing to happen; then it looks at everything anew, unless it has only read the records again
//! and they are as they were. What follows is decided by pure functions: `desired` for the lanes, `drive` for the
//! rebuilds.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::desired::{Desired, GenerationKey, LaneKey, LanePlan, ModuleKey, desired};
use super::keeper::Keeper;
use super::modules::{Loader, Modules};
use super::roster::{Ended, Roster};
use super::topics::Topics;
use super::upkeep::{Turn, Upkeep};
use super::{Board, Error, Stop};
use crate::control::{self, Deployment, FaultAt, Installation, Registry, Stage};
use crate::lane::{Lane, Outages, Overlay, Settings, chain};
use crate::sandbox::Module;
use crate::source::{self, Assignment, Group, Source};
use crate::store::{Session, Store, Unwilling};

/// How often the records are read although nothing was heard of a change.
const POLL: Duration = Duration::from_secs(1);
/// How often a rebuild is looked at.
const POLL_REBUILD: Duration = Duration::from_millis(200);

/// What a host is told beside its ports.
#[derive(Clone, Debug)]
pub struct Options {
    /// A name that no other host has.
    pub id: String,
    /// Where its events come from, without secrets.
    pub source: String,
    /// How lanes batch and wait.
    pub settings: Settings,
    /// Rebuilds that go on at once, at most.
    pub rebuilds_max: usize,
}

/// A host of an installation.
pub struct Host<S: Source, T, C, M> {
    source: S,
    store: T,
    registry: C,
    options: Options,
    board: Board,
    outages: Outages,
    keeper: Keeper<C>,
    roster: Roster,
    modules: Modules<M>,
    topics: Topics,
    upkeep: Upkeep,
    group: Option<S::Group>,
    /// Of which installation the group is.
    joined: String,
    assignment: watch::Receiver<Assignment>,
    desired: Desired,
    /// When that was worked out, and whether something has happened since of which other lanes may follow.
    reconciled: Instant,
    stale: bool,
}

impl<S, T, C, M> Host<S, T, C, M>
where
    S: Source,
    T: Store,
    C: Registry,
    M: Module<Views = Overlay<<T::Session as Session>::Cells>>,
{
    /// A host that has not begun. `installation` is the name that it gives to an installation that has none.
    pub fn new(
        source: S,
        store: T,
        registry: C,
        loader: Loader<M>,
        installation: String,
        options: Options,
        board: Board,
    ) -> Self {
        let outages = Outages::default();
        let installation = Installation { id: installation, source: options.source.clone() };
        Self {
            keeper: Keeper::new(registry.clone(), options.id.clone(), installation),
            roster: Roster::new(board.clone()),
            modules: Modules::new(loader, options.settings.blocking),
            topics: Topics::new(outages.clone()),
            upkeep: Upkeep::new(options.id.clone()),
            group: None,
            joined: String::new(),
            assignment: watch::channel(Assignment::default()).1,
            desired: Desired::default(),
            reconciled: Instant::now(),
            stale: true,
            source,
            store,
            registry,
            options,
            board,
            outages,
        }
    }

    /// Runs until it is told to stop; then its lanes finish their batch, and other hosts take over at once.
    pub async fn run(mut self, shutdown: CancellationToken) -> Result<(), Error> {
        let (told, news) = watch::channel(0);
        let registry = self.registry.clone();
        let ended = tokio::select! {
            biased;
            () = shutdown.cancelled() => Ok(()),
            () = registry.listen(told) => Ok(()),
            failed = self.work(news) => failed,
        };
        self.roster.stop_all().await;
        if let Some(group) = self.group.take() {
            group.leave().await;
        }
        // If Redis is away, the report runs out by itself.
        let _ = tokio::time::timeout(POLL, self.registry.leave(&self.options.id)).await;
        ended
    }

    async fn work(&mut self, mut news: watch::Receiver<u64>) -> Result<(), Error> {
        let mut read_at = Instant::now();
        let mut naming = false;
        let mut due: Option<Instant> = None;
        loop {
            if Instant::now() >= read_at {
                if self.read().await? {
                    self.upkeep().await;
                }
                read_at = Instant::now() + if self.is_rebuilding() { POLL_REBUILD } else { POLL };
            }
            if self.stale || due.is_some_and(|due| Instant::now() >= due) {
                self.reconcile();
            }
            if !self.desired.unnamed.is_empty() && !naming {
                // Lanes wait for it.
                read_at = Instant::now();
            }
            naming = !self.desired.unnamed.is_empty();
            due = [self.roster.due(self.reconciled), self.topics.due(), self.modules.due()]
                .into_iter()
                .flatten()
                .min();
            tokio::select! {
                // Whatever comes first, everything is looked at; so nothing that comes later waits for ever.
                biased;
                ended = self.roster.ended() => self.note_end(ended, &mut read_at),
                () = self.modules.arrival() => self.stale = true,
                _ = self.topics.answer() => self.stale = true,
                Ok(()) = news.changed() => read_at = Instant::now(),
                Ok(()) = self.assignment.changed() => {
                    self.roster.release();
                    self.topics.refresh();
                    self.stale = true;
                }
                () = sleep_until(due.map_or(read_at, |due| due.min(read_at))) => {}
            }
        }
    }

    /// Reads the records, and joins the other hosts once it is known of which installation. False if Redis is away.
    async fn read(&mut self) -> Result<bool, Error> {
        match self.keeper.refresh(self.modules.files()).await {
            Ok(has_changed) => {
                self.stale |= has_changed;
                self.outages.worked("Redis");
            }
            Err(error) => match error.missed() {
                Some(missed) => {
                    self.outages.failed(missed, &error, error.hint());
                    return Ok(false);
                }
                None => return Err(error.into()),
            },
        }
        self.join().await?;
        Ok(true)
    }

    /// Joins the hosts of the installation. After a loss of Redis it may be another one than before: then the old group is
    /// left, or two groups would share out the same partitions.
    async fn join(&mut self) -> Result<(), Error> {
        let installation = format!("lantern-{}", self.keeper.installation().id);
        if self.joined != installation
            && let Some(group) = self.group.take()
        {
            group.leave().await;
            self.assignment = watch::channel(Assignment::default()).1;
            self.stale = true;
        }
        if self.group.is_some() {
            return Ok(());
        }
        match self.source.join(&installation, &self.options.id).await {
            Ok(group) => {
                self.assignment = group.assignment();
                self.group = Some(group);
                self.joined = installation;
                // It was not told of any topic yet.
                self.desired.topics.clear();
                self.stale = true;
                Ok(())
            }
            Err(error @ source::Error::Unavailable { .. }) => {
                self.outages.failed("the source", &error, error.hint());
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn is_rebuilding(&self) -> bool {
        let mut deployments = self.keeper.snapshot().deployments.values().map(|recorded| &recorded.deployment);
        let is_building =
            |deployment: &Deployment| deployment.next().is_some_and(|(_, g)| g.stage == Stage::Building);
        deployments.any(|deployment| is_building(deployment) || deployment.moving.is_some())
    }

    /// Makes the lanes those that are desired.
    fn reconcile(&mut self) {
        (self.reconciled, self.stale) = (Instant::now(), false);
        let snapshot = self.keeper.snapshot();
        let assigned = self.assignment.borrow().partitions.clone();
        let mut desired = desired(snapshot, &self.topics, &assigned, self.options.rebuilds_max);
        if desired.topics != self.desired.topics
            && let Some(group) = &self.group
        {
            group.subscribe(desired.topics.clone());
        } else if self.group.is_none() {
            desired.topics.clear();
        }
        self.topics.ask(&self.source, &desired.topics);
        let deployments = snapshot.deployments.values().map(|recorded| &recorded.deployment);
        let wanted = deployments
            .flat_map(|d| d.generations.values().map(move |generation| (d, generation)))
            .filter(|(_, generation)| generation.runs() || generation.frozen)
            .map(|(deployment, generation)| ModuleKey::of(deployment, generation))
            .collect();
        self.modules.want(&self.registry, &wanted);
        for (key, plan) in &desired.lanes {
            if let Some(Err(unloadable)) = self.modules.get(&plan.module) {
                desired.stopped.insert(key.generation_key(), Stop::Module(unloadable.clone()));
            }
        }
        let stopped = &desired.stopped;
        desired.lanes.retain(|key, _| !stopped.contains_key(&key.generation_key()));
        self.roster.keep(&desired.lanes);
        for (key, plan) in &desired.lanes {
            if self.roster.may_start(key, self.reconciled)
                && let Some(Ok(module)) = self.modules.get(&plan.module)
            {
                let module = module.clone();
                self.start(key.clone(), plan.clone(), module);
            }
        }
        self.tell_stopped(&desired.stopped);
        self.desired = desired;
    }

    fn start(&mut self, key: LaneKey, plan: LanePlan, module: M) {
        let (source, store) = (self.source.clone(), self.store.clone());
        let (mut settings, outages) = (self.options.settings.clone(), self.outages.clone());
        if !plan.projection.live {
            settings.blocking = settings.blocking.in_background();
        }
        let share = key.share();
        self.roster.start(key, plan.clone(), move |status, stop| {
            let LanePlan { projection, partitions, course, .. } = plan;
            let lane =
                Lane { projection, share, partitions, source, module, store, settings, course, outages, status };
            lane.run(stop)
        });
    }

    /// Says of what has newly stopped that it has, and lets the board show it.
    fn tell_stopped(&self, stopped: &BTreeMap<GenerationKey, Stop>) {
        let mut live = BTreeMap::new();
        for ((name, generation), stop) in stopped {
            let key = (name.clone(), *generation);
            // A lane that has stopped has said so itself.
            if !self.desired.stopped.contains_key(&key) && !matches!(stop, Stop::Noted(_)) {
                tracing::error!(projection = name, "stopped: {} (hint: {})", chain(stop), stop.hint(name));
            }
            let recorded = self.keeper.snapshot().deployments.get(name);
            if recorded.is_some_and(|recorded| recorded.deployment.live == *generation) {
                live.insert(name.clone(), stop.clone());
            }
        }
        self.board.stopped(&live);
    }

    /// A lane has ended.
    fn note_end(&mut self, ended: Ended, read_at: &mut Instant) {
        // Whatever the reason, the records may tell more.
        *read_at = Instant::now();
        self.stale = true;
        let (key, fault) = match ended {
            Ended::Well => return,
            Ended::Remade(source::Error::Remade { topic, is, .. }) => return self.topics.note_id(&topic, &is),
            Ended::Remade(_) => return self.topics.refresh(),
            Ended::Faulty(key, fault) => (key, fault),
        };
        let at = FaultAt {
            projection: key.projection.clone(),
            generation: key.generation,
            share: key.share().to_string(),
        };
        let stop = Stop::Lane(Arc::new(fault));
        let reason = chain(&stop);
        // A plugin's backtrace follows the first line.
        let (first, backtrace) = reason.split_at(reason.find('\n').unwrap_or(reason.len()));
        let hint = stop.hint(&key.projection);
        tracing::error!(projection = key.projection, "stopped: {first} (hint: {hint}){backtrace}");
        self.keeper.fault(at, format!("{first} (hint: {hint})"));
    }

    /// Drives rebuilds and keeps house. If Redis is away, it is done the next time.
    async fn upkeep(&mut self) {
        let Self { upkeep, keeper, registry, roster, desired, group, .. } = self;
        match upkeep.turn(keeper, registry, roster, desired, group.as_ref()).await {
            Ok(Turn::Told) => {
                // Lanes may have rights of their own, and say of these themselves.
                let writes = [Unwilling::Full, Unwilling::ReadOnly, Unwilling::Busy];
                writes.iter().for_each(|why| self.outages.worked(why.subject()));
            }
            Ok(Turn::Early) => {}
            Err(error) => {
                if let (control::Error::Unwilling { .. }, Some(missed)) = (&error, error.missed()) {
                    self.outages.failed(missed, &error, error.hint());
                }
                tracing::debug!("upkeep: {}", chain(&error));
            }
        }
    }
}
