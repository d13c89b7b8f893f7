//! The store as a host reaches it. A commit that is sent goes its own way: it may arrive when its host is dead, or has
//! long been taken for dead.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use lantern::letter::{Letter, SetAside};
use lantern::op::{CellRef, Value};
use lantern::projection::{Projection, Share};
use lantern::store::memory::{MemoryCells, MemorySession};
use lantern::store::{Cells, Checkpoint, Commit, Error, Session, Store};
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::line::{Line, store_away};
use super::schedule::Fault;
use super::world::LOST;

pub struct LineSession {
    line: Line,
    /// Not there while a commit has it.
    inner: Option<MemorySession>,
    cells: MemoryCells,
    checkpoint: Checkpoint,
    projection: Projection,
    commits: u64,
}

/// A commit on its way, and its reply.
struct Request {
    line: Line,
    session: MemorySession,
    projection: Projection,
    commit: Commit,
    fault: Option<Fault>,
    reply: oneshot::Sender<(MemorySession, Result<(), Error>)>,
}

impl Store for Line {
    type Session = LineSession;

    async fn open(&self, projection: &Projection, share: Share) -> Result<LineSession, Error> {
        if !self.reaches_store().await {
            return Err(store_away());
        }
        let opened = self.world.memory.open(projection, share).await;
        self.note(|| match &opened {
            Ok(session) => format!("opens {share} of {}: {}", projection.generation, text(session.checkpoint())),
            Err(error) => format!("does not open {share} of {}: {error}", projection.generation),
        });
        let inner = opened?;
        self.thawed().await;
        Ok(LineSession {
            line: self.clone(),
            cells: inner.cells(),
            checkpoint: inner.checkpoint().clone(),
            inner: Some(inner),
            projection: projection.clone(),
            commits: 0,
        })
    }
}

impl Session for LineSession {
    type Cells = LineCells;

    fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    async fn set_aside(&mut self) -> Result<SetAside, Error> {
        match &mut self.inner {
            Some(session) => session.set_aside().await,
            None => Err(store_away()),
        }
    }

    async fn letters(&mut self, numbers: &[u64]) -> Result<Vec<(u64, Letter)>, Error> {
        match &mut self.inner {
            Some(session) => session.letters(numbers).await,
            None => Err(store_away()),
        }
    }

    async fn commit(&mut self, commit: Commit) -> Result<(), Error> {
        self.line.world.called();
        let Some(session) = self.inner.take() else { return Err(store_away()) };
        let is_commit = |fault: &Fault| !matches!(fault, Fault::Read | Fault::ChangeLost | Fault::ChangeReplyLost);
        let fault = self.line.disarm(is_commit);
        let (reply, answer) = oneshot::channel();
        let (line, projection) = (self.line.clone(), self.projection.clone());
        self.commits += 1;
        let took = Duration::from_millis(1 + self.commits % 3);
        tokio::spawn(Request { line, session, projection, commit, fault, reply }.go(took));
        let Ok((session, result)) = answer.await else { return Err(store_away()) };
        sleep(Duration::from_millis(self.commits % 2)).await;
        self.line.thawed().await;
        self.checkpoint.clone_from(session.checkpoint());
        self.inner = Some(session);
        result
    }

    async fn look(&mut self) -> Result<(), Error> {
        if !self.line.reaches_store().await {
            return Err(store_away());
        }
        let Some(session) = &mut self.inner else { return Err(store_away()) };
        session.look().await
    }

    fn cells(&self) -> LineCells {
        LineCells { line: self.line.clone(), inner: self.cells.clone() }
    }
}

impl Request {
    async fn go(mut self, took: Duration) {
        sleep(took).await;
        let world = self.line.world.clone();
        match self.fault {
            Some(Fault::Lost) => return world.count("faults: commit lost"),
            Some(Fault::Slow(ms)) => {
                world.count("faults: commit slow");
                sleep(Duration::from_millis(ms)).await;
            }
            _ => {}
        }
        let was_frozen = self.line.life.is_frozen();
        self.line.thawed().await;
        let was_dead = self.line.life.is_dead();
        if was_dead {
            match self.line.life.late.load(Relaxed) {
                LOST => return world.count("late: lost with their host"),
                ms => sleep(Duration::from_millis(ms)).await,
            }
        }
        if matches!(self.fault, Some(Fault::CrashBefore)) && !was_dead {
            world.count("crashes: before a commit took effect");
            return world.kill(&self.line.life, None);
        }
        if world.state().store_away {
            return world.count("faults: store away");
        }
        let had_given_up = self.reply.is_closed();
        let marks = text(&self.commit.checkpoint);
        let result = self.session.commit(self.commit).await;
        self.line.note(|| {
            let how = result.as_ref().map_or_else(ToString::to_string, |()| "made".to_owned());
            format!("commit of {} to {marks}: {how}", self.projection.generation)
        });
        world.count(match &result {
            Ok(()) => "commits: made",
            Err(Error::Fenced { .. }) => "commits: refused as fenced",
            Err(Error::Rewound { .. }) => "commits: refused as rewound",
            Err(_) => "commits: refused otherwise",
        });
        match (&result, was_dead, was_frozen, had_given_up) {
            (Ok(()), true, ..) => world.count("late: made after their host had died"),
            (Err(_), true, ..) => world.count("late: refused after their host had died"),
            (Err(_), _, true, _) => world.count("late: refused, of a zombie that woke up"),
            (Ok(()), _, _, true) => world.count("late: made although their lane had given up"),
            _ => {}
        }
        if result.is_ok() {
            world.check_lane(&self.projection, self.session.checkpoint());
        }
        match self.fault {
            Some(Fault::CrashAfter) if !was_dead => {
                world.count("crashes: after a commit took effect");
                world.kill(&self.line.life, None);
            }
            Some(Fault::ReplyLost) => world.count("faults: reply of a commit lost"),
            _ => drop(self.reply.send((self.session, result))),
        }
    }
}

pub struct LineCells {
    line: Line,
    inner: MemoryCells,
}

impl Cells for LineCells {
    async fn read(&mut self, cells: &[CellRef<'_>]) -> Result<Vec<Option<Value>>, Error> {
        self.line.world.called();
        if self.line.disarm(|fault| matches!(fault, Fault::Read)).is_some() {
            self.line.world.count("faults: read failed");
            return Err(store_away());
        }
        if self.line.world.state().store_away {
            return Err(store_away());
        }
        self.inner.read(cells).await
    }
}

fn text(checkpoint: &Checkpoint) -> String {
    let marks: Vec<_> = checkpoint.iter().map(|(at, mark)| format!("{at}@{}", mark.next)).collect();
    marks.join(" ")
}
