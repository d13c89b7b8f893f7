//! The purity check: whether a plugin makes the same views of the same events, however these are batched and interleaved
//! and whenever its instances are dropped. Where it does not, finds the event at which the runs part.

use super::budget::{Budget, Measured};
use super::schedule::Schedule;
use super::stage::{Outcome, Stage};
use super::tree::{Difference, differences, views};
use crate::event::Reference;
use crate::lane::Overlay;
use crate::sandbox::Module;
use crate::store::memory::MemoryCells;

/// The run that all others are compared with.
const BASE: Schedule = Schedule::Batches(1);

/// With at most so many events, one run has a fresh instance for each.
const FRESH_EVENTS_MAX: usize = 2_000;

/// What the views hang on beside the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Not even the same run gives the same.
    Chance,
    /// What an instance remembers from event to event.
    Memory,
    /// Where a batch begins and ends.
    Batches,
    /// Which partition comes first.
    Partitions,
}

impl Cause {
    /// In a word, which stays the same from version to version.
    pub fn name(self) -> &'static str {
        match self {
            Cause::Chance => "chance",
            Cause::Memory => "memory",
            Cause::Batches => "batches",
            Cause::Partitions => "partitions",
        }
    }

    /// What it means.
    pub fn meaning(self) -> &'static str {
        match self {
            Cause::Chance => "the same events, in the same batches, give other views the second time",
            Cause::Memory => {
                "it keeps in memory what belongs in a view: the views differ when an instance is dropped"
            }
            Cause::Batches => "the views depend on where a batch begins and ends",
            Cause::Partitions => {
                "it reads and writes keys across partitions: the views depend on which partition comes first"
            }
        }
    }

    /// What the author can do about it.
    pub fn hint(self) -> &'static str {
        match self {
            Cause::Chance => "take nothing into account but the events and the views",
            Cause::Memory => {
                "read it from a view when an event needs it, and write it back; fields of the plugin are lost at any time"
            }
            Cause::Batches => "treat each event alike, whatever came in the same batch",
            Cause::Partitions => {
                "write a key from one partition only, use what adds up (counters, sets, scores), or declare the ordering as global"
            }
        }
    }
}

/// How a plugin is not pure.
#[derive(Clone, Debug, PartialEq)]
pub struct Impurity {
    /// What the views hang on.
    pub cause: Cause,
    /// The run that differs from the one event by event and partition by partition.
    pub run: Schedule,
    /// The event with which the runs part: without it and what comes after it they are the same.
    pub event: Option<Reference>,
    /// What is different then: `expected` is what the run event by event gives, `found` what the other one does.
    pub differences: Vec<Difference>,
}

/// What was found out about a plugin.
#[derive(Clone, Debug)]
pub struct Examined {
    /// What the events lead to, event by event.
    pub outcome: Outcome,
    /// How it is not pure, if it is not.
    pub impurity: Option<Impurity>,
    /// The runs beside the first one, up to the one that differs.
    pub runs: Vec<Schedule>,
    /// What an event takes.
    pub budget: Budget,
}

/// Plays the events in many ways. In all that are compared, work is counted and not timed: what a plugin may not, it may
/// not in any of them.
pub async fn examine<M>(stage: &Stage, module: &M, seed: u64) -> Examined
where
    M: Module<Views = Overlay<MemoryCells>>,
{
    let (lengths, by_time) = (stage.lengths(), stage.by_time());
    let steps = |run: Schedule| run.steps(&lengths, &by_time);
    let (counted, timed) = (Measured::counted(module.clone()), Measured::timed(module.clone()));
    let outcome = stage.play(&counted, steps(BASE)).await;
    // What the plugin logs was said in the first run.
    let _quiet = tracing::subscriber::set_default(tracing::subscriber::NoSubscriber::default());
    stage.play(&timed, steps(BASE)).await;
    let budget = Budget::of(&timed, &counted);
    let module = Measured::unwatched(module.clone());
    let mut runs = Vec::new();
    for (cause, run) in variants(&lengths, seed) {
        runs.push(run);
        let other = stage.play(&module, steps(run)).await;
        if !other.is_like(&outcome) {
            let impurity = match cause {
                Cause::Chance => Impurity { cause, run, event: None, differences: stage.differ(&outcome, &other) },
                _ => {
                    let (lengths, by_time) = (&lengths[..], &by_time[..]);
                    Search { stage, module: &module, run, lengths, by_time }.impurity(cause).await
                }
            };
            return Examined { outcome, impurity: Some(impurity), runs, budget };
        }
    }
    Examined { outcome, impurity: None, runs, budget }
}

/// The runs to compare with the first one, and what is to blame if one differs.
fn variants(lengths: &[usize], seed: u64) -> Vec<(Cause, Schedule)> {
    let events: usize = lengths.iter().sum();
    let all = lengths.iter().copied().max().unwrap_or(0).max(1);
    let mut variants = vec![(Cause::Chance, BASE)];
    // With few events, chance may drop no instance where it matters.
    if events <= FRESH_EVENTS_MAX {
        variants.push((Cause::Memory, Schedule::Fresh));
    }
    variants.push((Cause::Memory, Schedule::Drops(seed)));
    variants.extend([7, 100, all].map(|size| (Cause::Batches, Schedule::Batches(size))));
    if lengths.iter().filter(|events| **events > 0).count() > 1 {
        let turns = [seed, seed.wrapping_add(1)].map(Schedule::Turns);
        let orders = [Schedule::Backwards, Schedule::ByTime].into_iter().chain(turns);
        variants.extend(orders.map(|order| (Cause::Partitions, order)));
    }
    variants
}

impl Stage {
    fn differ(&self, expected: &Outcome, found: &Outcome) -> Vec<Difference> {
        let [expected, found] = [expected, found].map(|outcome| views(self.views(), &outcome.structures));
        differences(&expected, &found)
    }
}

/// Looks for the event at which a run parts from the one event by event.
struct Search<'a, M> {
    stage: &'a Stage,
    module: &'a M,
    run: Schedule,
    lengths: &'a [usize],
    by_time: &'a [usize],
}

impl<M: Module<Views = Overlay<MemoryCells>>> Search<'_, M> {
    /// Halves the events until one more makes the difference.
    async fn impurity(&self, cause: Cause) -> Impurity {
        let (mut same, mut differ) = (0, self.by_time.len());
        while differ - same > 1 {
            let middle = same + (differ - same) / 2;
            let (expected, found) = self.outcomes(middle).await;
            if expected.is_like(&found) { same = middle } else { differ = middle }
        }
        let (expected, found) = self.outcomes(differ).await;
        let event = self.last(differ).map(|(lane, index)| self.stage.reference(lane, index));
        Impurity { cause, run: self.run, event, differences: self.stage.differ(&expected, &found) }
    }

    async fn outcomes(&self, events: usize) -> (Outcome, Outcome) {
        let lengths = self.first(events);
        let steps = |schedule: Schedule| schedule.steps(&lengths, self.by_time);
        let expected = self.stage.play(self.module, steps(BASE)).await;
        (expected, self.stage.play(self.module, steps(self.run)).await)
    }

    /// How many events of each lane are among the first ones: by time where lanes interleave, else lane by lane.
    fn first(&self, events: usize) -> Vec<usize> {
        let mut first = vec![0; self.lengths.len()];
        if self.run.interleaves() {
            self.by_time[..events].iter().for_each(|lane| first[*lane] += 1);
            return first;
        }
        let mut left = events;
        for (first, length) in first.iter_mut().zip(self.lengths) {
            *first = left.min(*length);
            left -= *first;
        }
        first
    }

    /// Lane and index of the last of these events.
    fn last(&self, events: usize) -> Option<(usize, usize)> {
        let (all, before) = (self.first(events), self.first(events.checked_sub(1)?));
        let lane = (0..all.len()).find(|lane| all[*lane] > before[*lane])?;
        Some((lane, before[lane]))
    }
}
