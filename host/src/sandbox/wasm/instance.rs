//! One running copy of a plugin.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::component::{ComponentExportIndex, Instance as Linked, InstancePre};
use wasmtime::{Store, StoreContextMut, Trap, UpdateDeadline, WasmBacktrace};

use super::abi::{self, BatchRecord, FailureRecord, Level};
use super::chatter::Chatter;
use super::clock::{Clock, TICK};
use super::fuel;
use super::imports::{Line, cut};
use super::memory::{OutOfMemory, OutOfTable, Usage};
use super::meter::Meter;
use crate::event::Batch;
use crate::limits::Limits;
use crate::projection::LaneId;
use crate::sandbox::{Config, Failure, Instance, Reason, Spent, ViewError, Views};

/// How much longer than a batch a start may take.
const START_BATCHES: u32 = 6;

/// Frames of a backtrace that a person reads.
const FRAMES_MAX: usize = 12;

/// What belongs to an instance on the host's side.
pub(super) struct State<V> {
    /// There while a batch is applied.
    pub(super) views: Option<Box<V>>,
    pub(super) limits: Arc<Limits>,
    /// Whether its work is counted.
    pub(super) is_counted: bool,
    pub(super) config: Arc<Config>,
    pub(super) lines: Vec<Line>,
    pub(super) chatter: Chatter,
    clock: Clock,
    /// What the present call has asked for.
    pub(super) meter: Meter,
    /// The last words of a panic.
    pub(super) fatal: Option<Line>,
    usage: Usage,
    /// How long the present call may take.
    time_max: Duration,
    /// When the present call began.
    started: Instant,
    /// How long reads had waited before the present call.
    waited: Duration,
}

/// Where the contract's functions are in a component.
#[derive(Clone, Copy)]
pub(super) struct Exports {
    pub(super) describe: ComponentExportIndex,
    pub(super) apply: ComponentExportIndex,
}

/// A running copy of a plugin in wasmtime.
pub struct WasmInstance<V: 'static> {
    store: Store<State<V>>,
    linked: Linked,
    exports: Exports,
    lane: LaneId,
    topics: Vec<Arc<str>>,
    /// The fuel that the last batch had.
    filled: u64,
}

/// A store with its limits, and an instance in it.
pub(super) fn start<V: Views>(
    pre: &InstancePre<State<V>>,
    limits: &Arc<Limits>,
    config: &Arc<Config>,
    chatter: &Chatter,
    clock: &Clock,
) -> wasmtime::Result<(Store<State<V>>, Linked)> {
    let state = State {
        views: None,
        limits: limits.clone(),
        is_counted: false,
        config: config.clone(),
        lines: Vec::new(),
        chatter: chatter.clone(),
        clock: clock.clone(),
        meter: Meter::new(limits, 0),
        fatal: None,
        usage: Usage::new(limits),
        time_max: start_time(limits),
        started: Instant::now(),
        waited: Duration::ZERO,
    };
    let mut store = Store::new(pre.engine(), state);
    store.limiter(|state| &mut state.usage);
    store.set_hostcall_fuel(limits.call_bytes_max);
    store.data_mut().is_counted = fuel::fill(&mut store, limits, fuel::START);
    store.epoch_deadline_callback(|store| time_is_up(&store));
    store.set_epoch_deadline(ticks(start_time(limits)));
    let _running = clock.run();
    let linked = pre.instantiate(&mut store)?;
    Ok((store, linked))
}

/// Called when a deadline has passed: time that reads waited for the store is given back.
fn time_is_up<V: Views>(store: &StoreContextMut<'_, State<V>>) -> wasmtime::Result<UpdateDeadline> {
    let state = store.data();
    let waited = state.views.as_ref().map_or(Duration::ZERO, |views| views.waited()).saturating_sub(state.waited);
    let used = state.started.elapsed().saturating_sub(waited);
    match state.time_max.checked_sub(used) {
        Some(left) if left > TICK => Ok(UpdateDeadline::Continue(ticks(left))),
        _ => Ok(UpdateDeadline::Interrupt),
    }
}

/// How long an instance may take to start, and to describe itself: as many batches, since nothing is tried again that is
/// slow on a busy machine.
pub(super) fn start_time(limits: &Limits) -> Duration {
    limits.batch_time_max.saturating_mul(START_BATCHES)
}

fn ticks(time: Duration) -> u64 {
    u64::try_from(time.as_millis() / TICK.as_millis()).unwrap_or(u64::MAX) + 1
}

/// Calls `describe`.
pub(super) fn describe<V: Views>(
    store: &mut Store<State<V>>,
    linked: Linked,
    exports: Exports,
) -> wasmtime::Result<abi::Description> {
    let _running = store.data().clock.run();
    let function = exported(store, linked, exports.describe)?.typed::<(), (abi::Description,)>(&*store)?;
    Ok(function.call(store, ())?.0)
}

fn exported<V: Views>(
    store: &mut Store<State<V>>,
    linked: Linked,
    export: ComponentExportIndex,
) -> wasmtime::Result<wasmtime::component::Func> {
    linked.get_func(store, export).ok_or_else(|| wasmtime::Error::msg("the export is not a function"))
}

/// Checks the type of `apply`.
pub(super) fn check_apply<V: Views>(
    store: &mut Store<State<V>>,
    linked: Linked,
    exports: Exports,
) -> wasmtime::Result<()> {
    let apply = exported(store, linked, exports.apply)?;
    apply.typed::<(BatchRecord<'_>,), (Result<(), FailureRecord>,)>(&*store).map(drop)
}

impl<V: Views> WasmInstance<V> {
    pub(super) fn new(
        store: Store<State<V>>,
        linked: Linked,
        exports: Exports,
        lane: LaneId,
        topics: Vec<Arc<str>>,
    ) -> Self {
        Self { store, linked, exports, lane, topics, filled: 0 }
    }

    fn call(&mut self, batch: &Batch) -> wasmtime::Result<Result<(), FailureRecord>> {
        let apply = exported(&mut self.store, self.linked, self.exports.apply)?;
        let apply = apply.typed::<(BatchRecord<'_>,), (Result<(), FailureRecord>,)>(&self.store)?;
        Ok(apply.call(&mut self.store, (BatchRecord::from(batch),))?.0)
    }

    /// Writes what the plugin logged to the host's log. Gives the last words of a panic.
    fn tell(&mut self, batch: &Batch) -> Option<Line> {
        let state = self.store.data_mut();
        for line in state.lines.drain(..) {
            let event = line.event.map(|index| index as usize).filter(|&index| index < batch.len());
            let place = event.map(|index| {
                let event = batch.event(index);
                let topic = self.topics.get(event.topic as usize).map_or("?", |topic| &**topic);
                format!("{topic}/{}@{}", event.partition, event.offset)
            });
            log(&self.lane, place.as_deref().unwrap_or("-"), line.level, &line.message);
        }
        if let Some(dropped) = state.chatter.dropped() {
            log(&self.lane, "-", Level::Warn, &format!("{dropped} more log lines were dropped, beyond its limit"));
        }
        state.fatal.take()
    }

    fn classify(&self, error: wasmtime::Error, fatal: Option<Line>, batch: &Batch) -> Failure {
        let error = match error.downcast::<ViewError>() {
            Ok(ViewError::Unavailable(source)) => return Failure::Unavailable(source),
            Ok(ViewError::Refused(refused)) => return Failure::Event(None, Reason::Refused(refused)),
            Err(error) => error,
        };
        let event = fatal.as_ref().and_then(|line| line.event).map(|index| index as usize);
        let event = event.filter(|&index| index < batch.len());
        let limits = &self.store.data().limits;
        Failure::Event(event, reason(&error, fatal.map(|line| line.message), limits, limits.batch_time_max))
    }
}

impl<V: Views> Instance for WasmInstance<V> {
    type Views = V;

    fn apply(&mut self, batch: &Batch, views: Box<V>) -> (Box<V>, Result<(), Failure>) {
        let state = self.store.data_mut();
        state.time_max = state.limits.batch_time_max;
        state.started = Instant::now();
        state.waited = views.waited();
        state.meter = Meter::new(&state.limits, batch.len());
        state.views = Some(views);
        let limits = state.limits.clone();
        self.store.set_epoch_deadline(ticks(limits.batch_time_max));
        if self.store.data().is_counted {
            fuel::fill(&mut self.store, &limits, batch.len());
            self.filled = self.store.get_fuel().unwrap_or(0);
        }
        let running = self.store.data().clock.run();
        let called = self.call(batch);
        drop(running);
        let fatal = self.tell(batch);
        let result = match called {
            Ok(Ok(())) => Ok(()),
            Ok(Err(failure)) => {
                let event = Some(failure.event as usize).filter(|&index| index < batch.len());
                let message = cut(&failure.message, limits.log_line_bytes_max);
                Err(Failure::Event(event, Reason::Error(message)))
            }
            Err(error) => Err(self.classify(error, fatal, batch)),
        };
        let views = self.store.data_mut().views.take().expect("every import puts the views back");
        (views, result)
    }

    fn spent(&self) -> Spent {
        let State { is_counted, meter, usage, .. } = self.store.data();
        let (ops, bytes) = meter.used();
        let left = self.store.get_fuel().ok().filter(|_| *is_counted);
        let fuel = left.map(|left| self.filled.saturating_sub(left));
        Spent { fuel, ops, bytes, memory_bytes: usage.memory_bytes() }
    }
}

/// What a trap was.
pub(super) fn reason(
    error: &wasmtime::Error,
    panic: Option<String>,
    limits: &Limits,
    time_max: Duration,
) -> Reason {
    if let Some(OutOfMemory { limit }) = error.downcast_ref() {
        return Reason::Memory { limit: *limit };
    }
    if let Some(OutOfTable { limit }) = error.downcast_ref() {
        return Reason::Table { limit: *limit };
    }
    if let Some(Trap::Interrupt) = error.downcast_ref() {
        return Reason::Timeout(time_max);
    }
    let backtrace = backtrace(error);
    if let Some(Trap::OutOfFuel) = error.downcast_ref() {
        return Reason::Fuel { limit: limits.event_time_max, backtrace };
    }
    match panic {
        Some(message) => Reason::Panic { message, backtrace },
        None => Reason::Trap { message: error.root_cause().to_string(), backtrace },
    }
}

/// A function's name without what Rust's compiler puts behind it to tell it from others.
fn without_hash(name: &str) -> &str {
    let is_hash = |end: &str| end.len() == 16 && end.bytes().all(|byte| byte.is_ascii_hexdigit());
    name.rsplit_once("::h").filter(|(_, end)| is_hash(end)).map_or(name, |(name, _)| name)
}

fn backtrace(error: &wasmtime::Error) -> Vec<String> {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else { return Vec::new() };
    // Displayed, a frame is `  0: 0x1234 - module!function`; displaying is also what demangles the names.
    let text = backtrace.to_string();
    let frame = |line: &str| Some(without_hash(line.split_once(" - ")?.1.split_once('!')?.1.trim()).to_owned());
    let frames: Vec<_> = text.lines().filter_map(frame).collect();
    // What Rust does to panic says nothing of why.
    let is_machinery = |frame: &String| frame.starts_with("__rustc") || frame.contains("]::panicking::");
    let first = frames.iter().rposition(is_machinery).map_or(0, |last| last + 1);
    frames.into_iter().skip(first).take(FRAMES_MAX).collect()
}

fn log(lane: &LaneId, event: &str, level: Level, message: &str) {
    let (projection, partition) = (&*lane.projection, lane.share);
    macro_rules! at {
        ($level:ident) => {
            tracing::$level!(target: "plugin", projection, %partition, event, "{message}")
        };
    }
    match level {
        Level::Trace => at!(trace),
        Level::Debug => at!(debug),
        Level::Info => at!(info),
        Level::Warn => at!(warn),
        Level::Error | Level::Fatal => at!(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_named_as_their_authors_do() {
        let cases = [
            ("evil::apply::h5e96ab1389902dda", "evil::apply"),
            ("evil::h5e96ab1389902dd", "evil::h5e96ab1389902dd"),
            ("lantern:projection/projection@0.1.1#apply", "lantern:projection/projection@0.1.1#apply"),
        ];
        for (name, shown) in cases {
            assert_eq!(without_hash(name), shown);
        }
    }
}
