//! Plays a schedule: makes its steps happen one after the other, then lets everything heal and looks at what has become of
//! the views.

use std::sync::Arc;
use std::time::Duration;

use lantern::control::{Registry, Stage};
use lantern::event::{BatchLimits, TopicPartition};
use lantern::lane::{Blocking, Settings};
use lantern::supervisor::{Board, Error, Host, Loader, Options, Unloadable};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::coverage::Coverage;
use super::line::Line;
use super::log::topic;
use super::operator::{NAME, module, revision};
use super::plugin::Plugin;
use super::schedule::{Order, Schedule, Shape, Step};
use super::world::{Life, World};

/// How often to look whether everything has healed, and how long that may take at most: virtual time.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const LOOKS_MAX: u32 = 1200;

/// What has become of a schedule.
pub struct Played {
    /// What was not as it must be.
    pub violation: Option<String>,
    pub coverage: Coverage,
    /// What happened, one line each, if it was asked for.
    pub trace: Vec<String>,
}

/// Plays a schedule on a runtime of its own, of one thread and with virtual time.
pub fn play(schedule: &Schedule, tracing: bool) -> Played {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().expect("a runtime without threads");
    runtime.block_on(async {
        let world = World::new(schedule, tracing);
        let mut run = Run { world: world.clone(), hosts: JoinSet::new() };
        tokio::select! {
            biased;
            () = world.failed.cancelled() => {}
            () = run.play(schedule) => {}
        }
        run.hosts.shutdown().await;
        let mut state = world.state();
        let (violation, trace) = (state.violation.take(), state.trace.take().unwrap_or_default());
        Played { violation, coverage: state.coverage.clone(), trace }
    })
}

struct Run {
    world: Arc<World>,
    hosts: JoinSet<Result<(), Error>>,
}

impl Run {
    async fn play(&mut self, schedule: &Schedule) {
        for step in &schedule.steps {
            self.world.note(|| format!("{step:?}"));
            self.make(*step).await;
        }
        self.heal().await;
        for _ in 0..LOOKS_MAX {
            sleep(LOOK_EVERY).await;
            self.note_ended_hosts();
            // One that had been hit already may have died since.
            (0..self.world.shape.hosts).for_each(|host| self.start(host));
            if self.is_quiet() {
                self.world.check_all();
                self.world.check_whole();
                return;
            }
            // A host may have written back what was so before the store lost it, or none.
            match self.world.memory.deployment(NAME) {
                None => self.world.obey(Order::Deploy { revision: 1, build: 'a' }).await,
                Some(deployment) if deployment.paused => self.world.obey(Order::Resume).await,
                Some(_) => {}
            }
        }
        let (ends, deployment) = (self.world.log.ends(), self.world.memory.deployment(NAME));
        self.world
            .fail(format!("it does not come to rest: the log ends at {ends:?}, the record is {deployment:?}"));
    }

    async fn make(&mut self, step: Step) {
        let world = self.world.clone();
        match step {
            Step::Append { topic: number, partition, count } => {
                let at = TopicPartition::new(topic(number), partition);
                let (tombstones, gaps) = world.log.append(&at, count);
                world.state().coverage.add("appended: tombstones", tombstones);
                world.state().coverage.add("appended: gaps", gaps);
                world.news.notify_waiters();
            }
            Step::Wait(ms) => sleep(Duration::from_millis(ms)).await,
            Step::Arm { host, fault } => world.state().slots[host].armed.push_back(fault),
            Step::Kill { host, late } => {
                let life = world.state().slots[host].life.clone();
                if !life.is_dead() {
                    world.count("hosts: killed");
                    world.kill(&life, late);
                }
            }
            Step::Start { host } => self.start(host),
            Step::Stop { host } => {
                world.count("hosts: stopped");
                world.state().slots[host].stop.cancel();
            }
            Step::Freeze { host } => {
                world.count("hosts: frozen");
                world.state().slots[host].life.freeze();
            }
            Step::Thaw { host } => {
                let state = world.state();
                let slot = &state.slots[host];
                if slot.life.thaw() {
                    slot.tell(&world.shape);
                }
            }
            Step::Assign(shares) => {
                world.count("hosts: assigned other partitions");
                let of_hosts = &shares[..world.shape.hosts];
                if (0..8).any(|bit| of_hosts.iter().filter(|share| *share & 1 << bit != 0).count() > 1) {
                    world.count("hosts: assigned the same partition twice");
                }
                world.assign(&shares);
            }
            Step::Keep => {
                let kept = world.memory.keep();
                world.state().kept = Some(kept);
            }
            Step::GoBack => {
                if let Some(kept) = &world.state().kept {
                    world.memory.go_back(kept);
                } else {
                    return;
                }
                world.count("store: set back");
            }
            Step::Flush => {
                world.count("store: emptied");
                world.memory.flush();
            }
            Step::StoreAway(away) => world.state().store_away = away,
            Step::SourceAway(away) => {
                world.state().source_away = away;
                world.news.notify_waiters();
            }
            Step::Repeat(back) => {
                let number = world.state().repeat.0 + 1;
                world.state().repeat = (number, back);
                world.news.notify_waiters();
            }
            Step::Order(order) => world.obey(order).await,
        }
    }

    /// A new life of a host, unless it runs and was not told to stop.
    fn start(&mut self, host: usize) {
        let world = self.world.clone();
        let mut state = world.state();
        let slot = &mut state.slots[host];
        if !slot.life.is_dead() && !slot.stop.is_cancelled() {
            return;
        }
        slot.lives += 1;
        (slot.life, slot.stop) = (Life::new(false), CancellationToken::new());
        slot.assigned = watch::Sender::default();
        slot.tell(&world.shape);
        let line = Line { world: world.clone(), host, life: slot.life.clone(), number: slot.lives };
        let options = Options {
            id: format!("host-{host}-{}", slot.lives),
            source: "log".into(),
            settings: settings(&world.shape),
            rebuilds_max: 1,
        };
        let installation = format!("installation-{host}-{}", slot.lives);
        let loader = loader(world.shape);
        let host = Host::new(line.clone(), line.clone(), line, loader, installation, options, Board::default());
        let task = self.hosts.spawn(host.run(slot.stop.clone()));
        let _ = slot.life.task.set(task);
    }

    /// No fault any more, all hosts run, and something comes of every partition.
    async fn heal(&mut self) {
        let world = self.world.clone();
        world.note(|| "everything heals".into());
        (world.state().store_away, world.state().source_away) = (false, false);
        for host in 0..world.shape.hosts {
            world.state().slots[host].armed.clear();
            self.make(Step::Thaw { host }).await;
            self.start(host);
        }
        world.assign(&world.shape.shared_out());
        for (revision, build) in (1..=3).flat_map(|revision| [(revision, 'a'), (revision, 'b')]) {
            let bytes = module(revision, build);
            let kept = world.registry.keep_module(&String::from_utf8_lossy(&bytes), &bytes).await;
            kept.expect("memory is always there");
        }
        for (topic, partition) in
            (0..world.shape.topics).flat_map(|t| (0..world.shape.partitions).map(move |p| (t, p)))
        {
            self.make(Step::Append { topic, partition, count: 1 }).await;
        }
    }

    /// Whether the lanes are at the end of the log and nothing is left to be done to the record.
    fn is_quiet(&self) -> bool {
        let Some(deployment) = self.world.memory.deployment(NAME) else { return false };
        let is_busy = |stage| matches!(stage, Stage::Building | Stage::Dropped);
        if deployment.removing
            || deployment.moving.is_some()
            || deployment.generations.values().any(|generation| is_busy(generation.stage))
        {
            return false;
        }
        let ends = self.world.log.ends();
        let mut running = deployment.generations.iter().filter(|(_, generation)| generation.runs());
        running.all(|(number, _)| {
            let marks = self.world.memory.marks(NAME, *number);
            ends.iter().all(|(at, end)| marks.get(at).is_some_and(|mark| mark.next == *end))
        })
    }

    /// A host ends because it was killed or told to stop, and for no other reason.
    fn note_ended_hosts(&mut self) {
        while let Some(ended) = self.hosts.try_join_next() {
            match ended {
                Ok(Ok(())) => {}
                Ok(Err(error)) => self.world.fail(format!("a host can't go on: {error}")),
                Err(error) if error.is_cancelled() => {}
                Err(error) => self.world.fail(format!("a host has panicked: {error}")),
            }
        }
    }
}

fn settings(shape: &Shape) -> Settings {
    Settings {
        batch: BatchLimits { events_max: shape.batch, bytes_max: 1 << 20 },
        backoff: (Duration::from_millis(10), Duration::from_millis(200)),
        blocking: Blocking::Here,
        ..Settings::default()
    }
}

fn loader(shape: Shape) -> Loader<Plugin> {
    Arc::new(move |bytes, _config, _limits| {
        let unloadable =
            || Unloadable { reason: "it is no module".into(), hint: "none".into(), is_passing: false };
        Ok(Plugin::new(&shape, revision(&bytes).ok_or_else(unloadable)?))
    })
}
