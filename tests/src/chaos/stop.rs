//! An order to stop, and pauses that end with it. What paces the load waits here; no assertion does.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// An order that is given once; clones hear the same.
#[derive(Clone, Default)]
pub struct Stop(Arc<(Mutex<bool>, Condvar)>);

impl Stop {
    /// Gives it.
    pub fn order(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }

    /// Whether it was given.
    pub fn is_ordered(&self) -> bool {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits so long, or until it is given; true if it was.
    pub fn pause(&self, time: Duration) -> bool {
        let ordered = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.0.1.wait_timeout_while(ordered, time, |ordered| !*ordered);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}
