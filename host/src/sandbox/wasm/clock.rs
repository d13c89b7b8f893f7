//! The clock that bounds plugins. It moves the engines' epochs while any plugin runs, and rests while none does: a host whose
//! projections have nothing to do is not to be woken a hundred times a second.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use wasmtime::EngineWeak;

/// How often the epochs move, and so how exactly a plugin's time is measured.
pub(super) const TICK: Duration = Duration::from_millis(10);

/// So many ticks it goes on after the last plugin, so that not every batch has to wake it.
const TICKS_ON: u32 = 100;
/// How often it looks, at rest, whether the engines are still there.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A clock that goes for as long as there are its engines.
#[derive(Clone)]
pub(super) struct Clock {
    pulse: Arc<Pulse>,
    thread: Thread,
}

#[derive(Default)]
struct Pulse {
    /// Calls of plugins that are under way.
    running: AtomicUsize,
    /// Whether the thread rests, or is about to.
    resting: AtomicBool,
}

/// A call of a plugin that is under way.
pub(super) struct Running(Arc<Pulse>);

impl Clock {
    pub(super) fn start(engines: Vec<EngineWeak>) -> io::Result<Self> {
        let pulse = Arc::new(Pulse::default());
        let own = pulse.clone();
        let thread = thread::Builder::new().name("lantern-epoch".into()).spawn(move || own.beat(&engines))?;
        Ok(Self { pulse, thread: thread.thread().clone() })
    }

    /// Lets the clock go until what this gives is dropped.
    pub(super) fn run(&self) -> Running {
        self.pulse.running.fetch_add(1, Ordering::SeqCst);
        if self.pulse.resting.load(Ordering::SeqCst) {
            self.thread.unpark();
        }
        Running(self.pulse.clone())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Pulse {
    fn beat(&self, engines: &[EngineWeak]) {
        let mut quiet = 0;
        loop {
            quiet = if self.is_running() { 0 } else { quiet + 1 };
            if quiet > TICKS_ON {
                // Whoever begins after this sees it, and whoever began before is seen.
                self.resting.store(true, Ordering::SeqCst);
                if !self.is_running() {
                    thread::park_timeout(LOOK_EVERY);
                }
                self.resting.store(false, Ordering::SeqCst);
            } else {
                thread::park_timeout(TICK);
            }
            let mut left = engines.iter().filter_map(EngineWeak::upgrade).peekable();
            if left.peek().is_none() {
                return;
            }
            left.for_each(|engine| engine.increment_epoch());
        }
    }

    fn is_running(&self) -> bool {
        self.running.load(Ordering::SeqCst) > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmtime::{Config, Engine, Instance, Module, Store, Trap};

    /// `(module (func (export "spin") (loop (br 0))))`
    const SPIN: &[u8] = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x07\x08\x01\x04spin\0\0\
        \x0a\x09\x01\x07\0\x03\x40\x0c\0\x0b\x0b";

    /// An endless loop is ended, however long nothing ran before.
    #[test]
    fn ends_what_runs_too_long_also_after_a_rest() {
        let engine = Engine::new(Config::new().epoch_interruption(true)).unwrap();
        let clock = Clock::start(vec![engine.weak()]).unwrap();
        let module = Module::new(&engine, SPIN).unwrap();
        let spin = || {
            let mut store = Store::new(&engine, ());
            store.set_epoch_deadline(2);
            let instance = Instance::new(&mut store, &module, &[]).unwrap();
            let spin = instance.get_typed_func::<(), ()>(&mut store, "spin").unwrap();
            let _running = clock.run();
            spin.call(&mut store, ()).unwrap_err().downcast::<Trap>().unwrap()
        };
        assert_eq!(spin(), Trap::Interrupt);
        while !clock.pulse.resting.load(Ordering::SeqCst) {
            thread::yield_now();
        }
        assert_eq!(spin(), Trap::Interrupt);
    }
}
