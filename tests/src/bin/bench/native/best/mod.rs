//! The best contender: as fast as a native consumer gets under the same promises as the careful one.
//!
//! One thread takes messages by the batch, copies them into arenas and frees them; one applies them; one encodes what has
//! changed and writes it. There is one transaction under way, and what is applied meanwhile goes with the next: so few
//! events go at once, and many go together. Arenas and commands are used again, and no thread ever waits by the clock.

mod arena;
mod fetch;
mod link;
mod write;

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use anyhow::Context;

use super::checkpoint::{Checkpoint, Offsets};
use super::commands::Commands;
use super::{Job, consumer};
use crate::args::Addresses;
use arena::Arena;
use fetch::Fetcher;
use write::Writer;

/// Arenas in all: so far ahead the messages are fetched from librdkafka.
const ARENAS: usize = 16;

/// No more events than this wait for the writer.
const BATCH_EVENTS_MAX: usize = 20_000;

/// What the thread that applies is told by the two others.
enum Told {
    /// There are events.
    Fetched(Arena),
    /// The transaction went through; these are its emptied commands.
    Written(Commands),
    /// One of them has ended, and why.
    Ended(anyhow::Result<()>),
}

/// What one transaction writes.
struct Batch {
    commands: Commands,
    offsets: Offsets,
}

/// Consumes for ever.
pub fn run(addresses: &Addresses) -> anyhow::Result<()> {
    let checkpoint = Checkpoint::of(addresses.workload.projection(), &addresses.topic);
    let (mut writer, job, offsets) = Writer::open(addresses, checkpoint)?;
    let (consumer, _) = consumer::open(&addresses.kafka, &addresses.topic, &offsets)?;
    let fetcher = Fetcher::new(consumer)?;

    let (told, inbox) = channel();
    let (empty, empties) = channel();
    (0..ARENAS).try_for_each(|_| empty.send(Arena::default())).context("the fetcher is not started yet")?;
    let (batches, to_write) = channel();
    let idle = Some(Commands::default());
    let applier = Applier { job, pending: 0, offsets: Offsets::new(), waiting: VecDeque::new(), idle };
    start("fetch", told.clone(), move |told| fetcher.run(&empties, told))?;
    start("write", told, move |told| writer.run(&to_write, told))?;
    // A thread of its own only for its name, by which its CPU time is known.
    let applying = thread::Builder::new().name("apply".to_owned());
    let applying = applying.spawn(move || applier.run(&inbox, &empty, &batches))?;
    applying.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn start(
    name: &str,
    told: Sender<Told>,
    run: impl FnOnce(&Sender<Told>) -> anyhow::Result<()> + Send + 'static,
) -> anyhow::Result<()> {
    let body = move || {
        let ended = run(&told);
        // Whoever is told this ends the process; if nobody hears it any more, that has happened.
        let _ = told.send(Told::Ended(ended));
    };
    thread::Builder::new().name(name.to_owned()).spawn(body)?;
    Ok(())
}

/// Applies what was fetched, and cuts a batch whenever the writer has nothing to do.
struct Applier {
    job: Box<dyn Job>,
    /// Events that were applied and not handed to the writer.
    pending: usize,
    /// Behind them.
    offsets: Offsets,
    /// What came while too many were pending.
    waiting: VecDeque<Arena>,
    /// There while the writer has nothing to do: commands to be filled.
    idle: Option<Commands>,
}

impl Applier {
    fn run(
        mut self,
        inbox: &Receiver<Told>,
        empty: &Sender<Arena>,
        batches: &Sender<Batch>,
    ) -> anyhow::Result<()> {
        loop {
            match inbox.recv().context("both other threads are gone")? {
                Told::Fetched(arena) => self.waiting.push_back(arena),
                Told::Written(commands) => self.idle = Some(commands),
                Told::Ended(why) => return why.and(Err(anyhow::anyhow!("a thread has ended"))),
            }
            while self.pending < BATCH_EVENTS_MAX
                && let Some(arena) = self.waiting.pop_front()
            {
                self.apply(&arena)?;
                empty.send(arena).context("the fetcher is gone")?;
            }
            if self.pending > 0
                && let Some(mut commands) = self.idle.take()
            {
                self.job.take(&mut commands)?;
                self.pending = 0;
                let batch = Batch { commands, offsets: std::mem::take(&mut self.offsets) };
                batches.send(batch).context("the writer is gone")?;
            }
        }
    }

    fn apply(&mut self, arena: &Arena) -> anyhow::Result<()> {
        for (message, offset) in arena.messages() {
            self.job.apply(&message)?;
            self.offsets.insert(message.partition, offset + 1);
        }
        self.pending += arena.len();
        Ok(())
    }
}
