//! A host's line to all else, in one of its lives: every call goes through it, and can fail, wait or come too late.

use std::sync::Arc;
use std::time::Duration;

use lantern::{control, source, store};
use tokio::time::sleep;

use super::schedule::Fault;
use super::world::{Life, World};

/// How long a call takes.
const MOMENT: Duration = Duration::from_millis(1);

#[derive(Clone)]
pub struct Line {
    pub world: Arc<World>,
    pub host: usize,
    pub life: Arc<Life>,
    /// The life's number, for the trace.
    pub number: u64,
}

impl Line {
    /// Waits while the host is frozen.
    pub async fn thawed(&self) {
        while self.life.is_frozen() {
            self.life.thawed.notified().await;
        }
    }

    /// A call gets to the store; false if that is away.
    pub async fn reaches_store(&self) -> bool {
        self.world.called();
        sleep(MOMENT).await;
        self.thawed().await;
        let away = self.world.state().store_away;
        if away {
            self.world.count("faults: store away");
        }
        !away
    }

    /// A call gets to the source; false if that is away.
    pub async fn reaches_source(&self) -> bool {
        self.world.called();
        sleep(MOMENT).await;
        self.thawed().await;
        !self.source_is_away()
    }

    pub fn source_is_away(&self) -> bool {
        let away = self.world.state().source_away;
        if away {
            self.world.count("faults: source away");
        }
        away
    }

    /// The first fault of some kind that is armed for the host.
    pub fn disarm(&self, is_it: impl Fn(&Fault) -> bool) -> Option<Fault> {
        self.world.state().slots[self.host].disarm(is_it)
    }

    pub fn note(&self, what: impl FnOnce() -> String) {
        self.world.note(|| format!("host {}.{}: {}", self.host, self.number, what()));
    }
}

pub fn store_away() -> store::Error {
    store::Error::Unavailable { what: "the store".into(), source: "the cable".into() }
}

pub fn source_away() -> source::Error {
    source::Error::Unavailable { what: "the source".into(), source: "the cable".into() }
}

pub fn registry_away() -> control::Error {
    control::Error::Unavailable { what: "the store".into(), source: "the cable".into() }
}
