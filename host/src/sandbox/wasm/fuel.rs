//! The work that a counted instance may do, and what a call into the host costs of it. An instance that is timed has no fuel,
//! and everything here does nothing to it.

use wasmtime::{AsContextMut, Trap};

use crate::limits::Limits;

/// What a call into the host costs beside its bytes.
const CALL: u64 = 1_000;

/// Starting an instance may take the work of so many events. It is bounded by the clock, in an instance that is timed; this
/// is only a net.
pub(super) const START: usize = 40;

/// Fills up for a call with so many events.
pub(super) fn fill(mut store: impl AsContextMut, limits: &Limits, events: usize) {
    let _ = store.as_context_mut().set_fuel(limits.event_fuel().saturating_mul(events.max(1) as u64));
}

/// Takes what a call into the host costs that hands over so many bytes.
pub(super) fn charge(mut store: impl AsContextMut, bytes: usize) -> wasmtime::Result<()> {
    let mut store = store.as_context_mut();
    let Ok(left) = store.get_fuel() else { return Ok(()) };
    match left.checked_sub(CALL + bytes as u64) {
        Some(left) => store.set_fuel(left),
        None => Err(Trap::OutOfFuel.into()),
    }
}
