//! How often a module is asked for that is not to be had.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::watch;

use super::*;
use crate::control::{Change, Deployment, Error, FaultAt, HostReport, Installation, Outcome, Recorded, Snapshot};
use crate::store::Checkpoint;

/// A registry that is only ever asked for modules, and counts how often.
#[derive(Clone)]
struct Shelf {
    asked: Arc<AtomicUsize>,
    holds: Arc<dyn Fn() -> Result<Option<Vec<u8>>, Error> + Send + Sync>,
}

impl Shelf {
    fn new(holds: impl Fn() -> Result<Option<Vec<u8>>, Error> + Send + Sync + 'static) -> Self {
        Self { asked: Arc::default(), holds: Arc::new(holds) }
    }
}

impl Registry for Shelf {
    async fn module(&self, _: &str) -> Result<Option<Vec<u8>>, Error> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        (self.holds)()
    }
    async fn load(&self) -> Result<Snapshot, Error> {
        unreachable!()
    }
    async fn change(&self, _: &Change) -> Result<Outcome, Error> {
        unreachable!()
    }
    async fn listen(&self, _: watch::Sender<u64>) {}
    async fn keep_module(&self, _: &str, _: &[u8]) -> Result<(), Error> {
        unreachable!()
    }
    async fn drop_modules(&self) -> Result<u64, Error> {
        unreachable!()
    }
    async fn lanes(&self, _: &str, _: u64) -> Result<BTreeMap<String, Checkpoint>, Error> {
        unreachable!()
    }
    async fn note_fault(&self, _: &FaultAt, _: Option<&str>) -> Result<(), Error> {
        unreachable!()
    }
    async fn sweep(&self, _: &Recorded, _: u64) -> Result<bool, Error> {
        unreachable!()
    }
    async fn move_some(&self, _: &Recorded) -> Result<Option<u64>, Error> {
        unreachable!()
    }
    async fn compare(&self, _: &Deployment, _: (u64, u64)) -> Result<Option<String>, Error> {
        unreachable!()
    }
    async fn hosts(&self) -> Result<Vec<HostReport>, Error> {
        unreachable!()
    }
    async fn beat(&self, _: &HostReport) -> Result<(), Error> {
        unreachable!()
    }
    async fn leave(&self, _: &str) -> Result<(), Error> {
        unreachable!()
    }
    async fn found(&self, _: &Installation) -> Result<Installation, Error> {
        unreachable!()
    }
}

fn wanted() -> BTreeSet<ModuleKey> {
    [ModuleKey { digest: "d".into(), config: Arc::default(), limits: Arc::default() }].into()
}

fn modules() -> Modules<()> {
    Modules::new(Arc::new(|_, _, _| Ok(())), Blocking::Threads)
}

/// Turns like a host for ten seconds: whenever something arrives or is due it asks for what it wants. Gives the turns.
async fn turn(modules: &mut Modules<()>, shelf: &Shelf) -> usize {
    let end = Instant::now() + Duration::from_secs(10);
    let mut turns = 0;
    while Instant::now() < end && turns < 1000 {
        modules.want(shelf, &wanted());
        let due = modules.due().unwrap_or(end).min(end);
        tokio::select! {
            () = modules.arrival() => {}
            () = tokio::time::sleep_until(due) => {}
        }
        turns += 1;
    }
    turns
}

#[tokio::test(start_paused = true)]
async fn a_module_that_nobody_has_is_asked_for_once_a_second() {
    let shelf = Shelf::new(|| Ok(None));
    let mut modules = modules();
    let turns = turn(&mut modules, &shelf).await;
    assert!((10..=11).contains(&shelf.asked.load(Ordering::Relaxed)), "{:?}", shelf.asked);
    assert!(turns < 50, "{turns} turns");
    assert!(modules.get(wanted().first().unwrap()).is_some_and(is_passing));
}

#[tokio::test(start_paused = true)]
async fn while_redis_is_away_it_is_asked_once_a_second() {
    let shelf = Shelf::new(|| Err(Error::Unavailable { what: "memory".into(), source: "the cable".into() }));
    let mut modules = modules();
    let turns = turn(&mut modules, &shelf).await;
    assert!((10..=11).contains(&shelf.asked.load(Ordering::Relaxed)), "{:?}", shelf.asked);
    assert!(turns < 50, "{turns} turns");
}

#[tokio::test(start_paused = true)]
async fn what_was_brought_meanwhile_is_taken() {
    let brought = Arc::new(AtomicUsize::new(0));
    let seen = brought.clone();
    let shelf = Shelf::new(move || Ok((seen.fetch_add(1, Ordering::Relaxed) > 0).then(|| b"bytes".to_vec())));
    let mut modules = modules();
    modules.want(&shelf, &wanted());
    modules.arrival().await;
    tokio::time::sleep_until(modules.due().expect("it was missing")).await;
    modules.want(&shelf, &wanted());
    modules.arrival().await;
    assert_eq!(modules.get(wanted().first().unwrap()), Some(&Ok(())));
    assert_eq!((modules.due(), modules.files().len()), (None, 1));
}
