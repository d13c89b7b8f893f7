//! Says that something is away, and that it is back: once a while for all lanes together, not for each try of each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long nothing more is said of something that stays away.
const SILENCE: Duration = Duration::from_secs(30);

/// What is away at present. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Outages {
    away: Arc<Mutex<HashMap<&'static str, Outage>>>,
}

#[derive(Debug)]
struct Outage {
    since: Instant,
    said: Instant,
}

impl Outages {
    /// Notes that a try has failed, and says so if that is news.
    pub fn failed(&self, what: &'static str, error: &dyn std::error::Error, hint: &str) {
        let now = Instant::now();
        let mut away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
        match away.get_mut(what) {
            None => {
                away.insert(what, Outage { since: now, said: now });
                tracing::warn!("{}; trying again until it is back (hint: {hint})", chain(error));
            }
            Some(outage) if now - outage.said >= SILENCE => {
                outage.said = now;
                let seconds = (now - outage.since).as_secs();
                tracing::warn!("{}; for {seconds} s by now, still trying", chain(error));
            }
            Some(_) => {}
        }
    }

    /// Notes that it worked, and says so if it had not.
    pub fn worked(&self, what: &'static str) {
        let outage = self.away.lock().unwrap_or_else(PoisonError::into_inner).remove(what);
        if let Some(outage) = outage {
            tracing::info!("{what} is back after {:.1} s", outage.since.elapsed().as_secs_f32());
        }
    }
}

/// An error with all its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
