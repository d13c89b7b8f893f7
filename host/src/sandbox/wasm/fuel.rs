//! The work that a counted instance may do, and what a call into the host costs of it. An instance that is timed has no fuel,
//! and everything here does nothing to it.

use wasmtime::{AsContextMut, StoreContextMut, Trap};

use super::instance::State;
use crate::limits::Limits;

/// What a call into the host costs beside its bytes.
const CALL: u64 = 1_000;

/// Starting an instance may take the work of so many events. It is bounded by the clock, in an instance that is timed; this
/// is only a net.
pub(super) const START: usize = 40;

/// Fills up for a call with so many events. Tells whether the instance is counted.
pub(super) fn fill(mut store: impl AsContextMut, limits: &Limits, events: usize) -> bool {
    store.as_context_mut().set_fuel(limits.event_fuel().saturating_mul(events.max(1) as u64)).is_ok()
}

/// Takes what a call into the host costs that hands over so many bytes.
pub(super) fn charge<V: 'static>(store: &mut StoreContextMut<'_, State<V>>, bytes: usize) -> wasmtime::Result<()> {
    // Asked before wasmtime is, whose answer is an error where nothing is counted, and that takes its time.
    if !store.data().is_counted {
        return Ok(());
    }
    match store.get_fuel()?.checked_sub(CALL + bytes as u64) {
        Some(left) => store.set_fuel(left),
        None => Err(Trap::OutOfFuel.into()),
    }
}
