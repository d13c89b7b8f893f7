//! What a plugin takes of what it may: measured event by event, as it plays.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::event::Batch;
use crate::projection::{Description, LaneId};
use crate::sandbox::{Failure, Instance, Module, Spent, Unstarted, Views};

/// A module whose instances are watched. Its clones are watched together.
#[derive(Clone, Debug)]
pub struct Measured<M> {
    module: M,
    /// Whether work is counted, rather than timed.
    counts: bool,
    /// None if nothing is noted.
    samples: Samples,
}

type Samples = Option<Arc<Mutex<Vec<Sample>>>>;

/// What one event took.
#[derive(Clone, Copy, Debug)]
struct Sample {
    time: Duration,
    spent: Spent,
}

/// An instance that is watched.
#[derive(Debug)]
pub struct Watched<I> {
    instance: I,
    samples: Samples,
}

/// How a measure is spread over the events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quantiles {
    /// Half of the events take at most this.
    pub p50: u64,
    /// All but one in a hundred.
    pub p99: u64,
    /// All.
    pub max: u64,
}

/// What a plugin takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// Events that were measured: those that it could apply.
    pub events: usize,
    /// Nanoseconds an event, each in a batch of its own, reads not counted.
    pub time: Quantiles,
    /// Units of fuel an event.
    pub fuel: Quantiles,
    /// Reads and writes an event.
    pub ops: Quantiles,
    /// Bytes of names and values an event.
    pub bytes: Quantiles,
    /// Most bytes that an instance's memories had.
    pub memory: u64,
}

impl<M> Measured<M> {
    /// Watches a module's instances by the clock.
    pub fn timed(module: M) -> Self {
        Self { module, counts: false, samples: Some(Arc::default()) }
    }

    /// Watches a module's instances by the work that they do.
    pub fn counted(module: M) -> Self {
        Self { module, counts: true, samples: Some(Arc::default()) }
    }

    /// Bounds a module's instances by the work that they do, and notes nothing: so an event is refused always or never,
    /// whatever the clock says.
    pub fn unwatched(module: M) -> Self {
        Self { module, counts: true, samples: None }
    }

    fn samples(&self) -> Vec<Sample> {
        let samples =
            self.samples.as_ref().map(|samples| samples.lock().unwrap_or_else(PoisonError::into_inner).clone());
        samples.unwrap_or_default()
    }
}

impl Budget {
    /// What was measured by the clock, and by work.
    pub fn of<M>(timed: &Measured<M>, counted: &Measured<M>) -> Self {
        let (timed, counted) = (timed.samples(), counted.samples());
        let quantiles =
            |samples: &[Sample], measure: fn(&Sample) -> u64| Quantiles::of(samples.iter().map(measure).collect());
        Self {
            events: timed.len(),
            time: quantiles(&timed, |sample| u64::try_from(sample.time.as_nanos()).unwrap_or(u64::MAX)),
            fuel: quantiles(&counted, |sample| sample.spent.fuel.unwrap_or(0)),
            ops: quantiles(&counted, |sample| sample.spent.ops as u64),
            bytes: quantiles(&counted, |sample| sample.spent.bytes as u64),
            memory: timed.iter().map(|sample| sample.spent.memory_bytes as u64).max().unwrap_or(0),
        }
    }
}

impl Quantiles {
    fn of(mut values: Vec<u64>) -> Self {
        values.sort_unstable();
        let Some(last) = values.len().checked_sub(1) else { return Self::default() };
        let at = |share: usize| values[(values.len() * share).div_ceil(100).saturating_sub(1).min(last)];
        Self { p50: at(50), p99: at(99), max: values[last] }
    }
}

impl<M: Module> Module for Measured<M> {
    type Views = M::Views;
    type Instance = Watched<M::Instance>;

    fn description(&self) -> &Description {
        self.module.description()
    }

    fn digest(&self) -> &str {
        self.module.digest()
    }

    fn instantiate(&self, lane: &LaneId, topics: &[Arc<str>]) -> Result<Self::Instance, Unstarted> {
        let instance = match self.counts {
            true => self.module.instantiate_counted(lane, topics)?,
            false => self.module.instantiate(lane, topics)?,
        };
        Ok(Watched { instance, samples: self.samples.clone() })
    }

    /// What takes a batch apart is not measured.
    fn instantiate_counted(&self, lane: &LaneId, topics: &[Arc<str>]) -> Result<Self::Instance, Unstarted> {
        let instance = self.module.instantiate_counted(lane, topics)?;
        Ok(Watched { instance, samples: None })
    }
}

impl<I: Instance> Instance for Watched<I> {
    type Views = I::Views;

    fn apply(&mut self, batch: &Batch, views: Box<I::Views>) -> (Box<I::Views>, Result<(), Failure>) {
        let (started, waited) = (Instant::now(), views.waited());
        let (views, result) = self.instance.apply(batch, views);
        let time = started.elapsed().saturating_sub(views.waited().saturating_sub(waited));
        if let Some(samples) = self.samples.as_ref().filter(|_| result.is_ok() && batch.len() == 1) {
            let sample = Sample { time, spent: self.instance.spent() };
            samples.lock().unwrap_or_else(PoisonError::into_inner).push(sample);
        }
        (views, result)
    }

    fn spent(&self) -> Spent {
        self.instance.spent()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_there() {
        assert_eq!(Quantiles::of(vec![]), Quantiles::default());
        assert_eq!(Quantiles::of(vec![7]), Quantiles { p50: 7, p99: 7, max: 7 });
        assert_eq!(Quantiles::of((1..=200).rev().collect()), Quantiles { p50: 100, p99: 198, max: 200 });
    }
}
