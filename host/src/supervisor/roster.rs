//! The lanes that run on this host. Starts and stops them so that they are the desired ones, and tells how they end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Board;
use super::desired::{GenerationKey, LaneKey, LanePlan};
use crate::lane::{Exit, Fault, Status};
use crate::{source, store};

/// How long a lane that was taken over, or whose topic was made anew, waits before it is started again, should it still
/// be this host's: at first, at most.
const TAKE_BACK: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// A lane that runs.
struct Running {
    plan: LanePlan,
    stop: CancellationToken,
    status: watch::Receiver<Status>,
}

/// A lane that has ended so: not before this time is it started again as it was.
struct HeldBack {
    plan: LanePlan,
    until: Instant,
    wait: Duration,
}

/// The lanes of a host.
pub(super) struct Roster {
    running: BTreeMap<LaneKey, Running>,
    tasks: JoinSet<(LaneKey, Exit)>,
    ids: BTreeMap<Id, LaneKey>,
    /// Lanes that must not start before their time.
    held_back: BTreeMap<LaneKey, HeldBack>,
    board: Board,
    /// Whether others run since that was last asked.
    has_changed: bool,
}

/// How a lane has ended.
pub(super) enum Ended {
    /// As it was told to, or because another host or a cutover has taken its place.
    Well,
    /// A topic of it was made anew, which concerns all that read it.
    Remade(source::Error),
    /// It can't go on.
    Faulty(LaneKey, Fault),
}

impl Roster {
    pub(super) fn new(board: Board) -> Self {
        Self {
            running: BTreeMap::new(),
            tasks: JoinSet::new(),
            ids: BTreeMap::new(),
            held_back: BTreeMap::new(),
            board,
            has_changed: true,
        }
    }

    /// Stops the lanes that are not desired, or not as they are.
    pub(super) fn keep(&mut self, desired: &BTreeMap<LaneKey, LanePlan>) {
        // One that is to run in another way now was taken over for that reason, and need not wait.
        self.held_back.retain(|key, held| desired.get(key) == Some(&held.plan));
        for (key, running) in &self.running {
            if desired.get(key) != Some(&running.plan) {
                running.stop.cancel();
            }
        }
    }

    /// Whether the lane may be started: it does not run, and its time has come.
    pub(super) fn may_start(&self, key: &LaneKey, now: Instant) -> bool {
        let is_held_back = self.held_back.get(key).is_some_and(|held| now < held.until);
        !self.running.contains_key(key) && !is_held_back
    }

    pub(super) fn start<F>(
        &mut self,
        key: LaneKey,
        plan: LanePlan,
        lane: impl FnOnce(watch::Sender<Status>, CancellationToken) -> F,
    ) where
        F: Future<Output = Exit> + Send + 'static,
    {
        let (status, seen) = watch::channel(Status::default());
        let stop = CancellationToken::new();
        let lane = lane(status, stop.clone());
        let name = key.clone();
        let task = self.tasks.spawn(async move { (name, lane.await) });
        self.ids.insert(task.id(), key.clone());
        self.board.lane_started(&key, plan.projection.live, seen.clone());
        self.running.insert(key, Running { plan, stop, status: seen });
        self.has_changed = true;
    }

    /// Waits for the next lane to end. Never returns while none runs.
    pub(super) async fn ended(&mut self) -> Ended {
        match self.tasks.join_next_with_id().await {
            None => std::future::pending().await,
            Some(Ok((id, (key, exit)))) => {
                self.ids.remove(&id);
                let plan = self.remove(&key);
                self.judge(key, plan, exit)
            }
            Some(Err(panic)) => self.panicked(&panic),
        }
    }

    fn judge(&mut self, key: LaneKey, plan: Option<LanePlan>, exit: Exit) -> Ended {
        match exit {
            Exit::Shutdown => Ended::Well,
            Exit::Stopped(Fault::Store(error @ (store::Error::Fenced { .. } | store::Error::Moved { .. }))) => {
                tracing::info!("{error}");
                self.hold_back(key, plan);
                Ended::Well
            }
            Exit::Stopped(Fault::Source(error @ source::Error::Remade { .. })) => {
                self.hold_back(key, plan);
                Ended::Remade(error)
            }
            Exit::Stopped(fault) => Ended::Faulty(key, fault),
        }
    }

    fn hold_back(&mut self, key: LaneKey, plan: Option<LanePlan>) {
        let (first, most) = TAKE_BACK;
        let wait = self.held_back.get(&key).map_or(first, |held| (held.wait * 2).min(most));
        if let Some(plan) = plan {
            self.held_back.insert(key, HeldBack { plan, until: Instant::now() + wait, wait });
        }
    }

    fn panicked(&mut self, panic: &JoinError) -> Ended {
        tracing::error!("{panic}");
        match self.ids.remove(&panic.id()) {
            Some(key) => {
                self.remove(&key);
                Ended::Faulty(key, Fault::Panic)
            }
            None => Ended::Well,
        }
    }

    fn remove(&mut self, key: &LaneKey) -> Option<LanePlan> {
        self.board.lane_ended(key);
        self.has_changed = true;
        self.running.remove(key).map(|running| running.plan)
    }

    /// Lets lanes start at once that were taken over: the group or the records have changed.
    pub(super) fn release(&mut self) {
        self.held_back.clear();
    }

    /// When the next lane may start that had to wait when this was last looked at.
    pub(super) fn due(&self, looked: Instant) -> Option<Instant> {
        let waiting = self.held_back.iter().filter(|(key, _)| !self.running.contains_key(*key));
        waiting.map(|(_, held)| held.until).filter(|until| *until > looked).min()
    }

    /// The lanes that run, and how they are.
    pub(super) fn statuses(&self) -> impl Iterator<Item = (&LaneKey, &LanePlan, watch::Ref<'_, Status>)> {
        self.running.iter().map(|(key, running)| (key, &running.plan, running.status.borrow()))
    }

    /// Whether a lane has said anything, or others run, since this was last asked.
    pub(super) fn has_changed(&mut self) -> bool {
        let mut has_changed = std::mem::take(&mut self.has_changed);
        for running in self.running.values_mut().filter(|running| running.status.has_changed().unwrap_or(true)) {
            running.status.mark_unchanged();
            has_changed = true;
        }
        has_changed
    }

    /// The generations of which this host runs the first lane; it is for this host to drive their rebuild.
    pub(super) fn led(&self) -> BTreeSet<GenerationKey> {
        let first = self.running.keys().filter(|key| key.partition.is_none_or(|partition| partition == 0));
        first.map(LaneKey::generation_key).collect()
    }

    /// Tells all lanes to stop, and waits until they have.
    pub(super) async fn stop_all(&mut self) {
        self.running.values().for_each(|running| running.stop.cancel());
        while self.tasks.join_next().await.is_some() {}
        let keys: Vec<_> = std::mem::take(&mut self.running).into_keys().collect();
        keys.iter().for_each(|key| self.board.lane_ended(key));
    }
}
