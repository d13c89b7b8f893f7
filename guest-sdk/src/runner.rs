//! Runs a projection: batch in, writes out. Knows neither Wasm nor tests.

use std::rc::Rc;

use crate::batch::Batch;
use crate::host::Host;
use crate::{Events, Projection, Views, log};

/// A projection together with its views.
pub(crate) struct Runner<P> {
    projection: P,
    views: Views,
}

/// The event that could not be applied, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Its index in the batch.
    pub event: u32,
    /// The reason, for people.
    pub message: String,
}

impl<P: Projection> Runner<P> {
    pub(crate) fn new(host: Rc<dyn Host>) -> Self {
        let mut views = Views::new(host);
        let projection = P::new(&mut views);
        Self { projection, views }
    }

    pub(crate) fn views(&self) -> &Views {
        &self.views
    }

    /// Apply a batch and hand over what it writes. After a failure or a panic the runner must be
    /// dropped: its caches hold what will never be committed.
    pub(crate) fn apply(&mut self, batch: &Batch) -> Result<(), Failure> {
        log::set_event(None);
        let events = Events::new(batch, P::TOPICS);
        self.projection.prefetch(&events);
        for (index, event) in (0..).zip(events.iter()) {
            log::set_event(Some(index));
            self.projection.apply(&event).map_err(|error| Failure { event: index, message: error.to_string() })?;
        }
        log::set_event(None);
        self.views.flush().map_err(|(event, error)| Failure { event, message: error.to_string() })
    }
}
