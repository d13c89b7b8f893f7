//! Rankings: members with a score.

use super::handle::{Handle, Member, Pending};
use super::keyed::View;
use crate::Result;
use crate::host::Verb;

/// Members with a score, in a Redis sorted set. Safe to add to from every partition.
pub struct Ranking {
    handle: Handle<Score>,
}

/// What is to be written of a member.
#[derive(Clone, Copy, Default)]
pub(crate) enum Score {
    #[default]
    Unchanged,
    Added(i64),
    Set(f64),
    Removed,
}

impl Ranking {
    pub(crate) fn new(handle: Handle<Score>) -> Self {
        Self { handle }
    }

    /// Give a member a score.
    ///
    /// # Panics
    ///
    /// If the score is not a number.
    pub fn set(&mut self, member: impl AsRef<[u8]>, score: f64) {
        assert!(!score.is_nan(), "a score must be a number");
        self.handle.change(member.as_ref(), |state| *state = Score::Set(score));
    }

    /// Add to the score of a member. One that is not there yet begins at 0; so adding 0 makes it
    /// appear. Whole numbers only, because fractions added in another order would not give the same
    /// score.
    ///
    /// # Panics
    ///
    /// If what the batch adds to the member exceeds 64 bits.
    pub fn add(&mut self, member: impl AsRef<[u8]>, delta: i64) {
        self.handle.change(member.as_ref(), |state| state.add(delta));
    }

    /// The present score of a member. Not remembered, since other lanes may add to it: each call
    /// asks the host.
    pub fn score(&mut self, member: impl AsRef<[u8]>) -> Option<f64> {
        let member = member.as_ref();
        match self.handle.look(member, |state| *state) {
            Score::Unchanged => self.stored(member),
            Score::Added(delta) => Some(self.stored(member).unwrap_or(0.0) + delta as f64),
            Score::Set(score) => Some(score),
            Score::Removed => None,
        }
    }

    /// Remove a member.
    pub fn remove(&mut self, member: impl AsRef<[u8]>) {
        self.handle.change(member.as_ref(), |state| *state = Score::Removed);
    }

    /// Announce that the scores of these members will be read.
    pub fn prefetch(&mut self, members: impl IntoIterator<Item: AsRef<[u8]>>) {
        self.handle.prefetch_selected(members);
    }

    fn stored(&self, member: &[u8]) -> Option<f64> {
        let address = &self.handle.address;
        let host = address.outbox.host_for_read(address.view);
        host.zscore(address.view, &address.key, member)
    }
}

impl Score {
    fn add(&mut self, delta: i64) {
        *self = match *self {
            Self::Unchanged => Self::Added(delta),
            Self::Added(sum) => Self::Added(sum.checked_add(delta).expect("a score exceeds 64 bits")),
            Self::Set(score) => Self::Set(score + delta as f64),
            Self::Removed => Self::Set(delta as f64),
        };
    }
}

impl Pending for Score {
    fn is_known(&self) -> bool {
        matches!(self, Self::Set(_) | Self::Removed)
    }

    fn structure_removed(&mut self) {
        // The host knows of it before it is read again.
        *self = Self::Unchanged;
    }

    fn write(&mut self, to: &mut Member<'_>) -> Result<()> {
        match std::mem::take(self) {
            Self::Unchanged => {}
            Self::Added(delta) => to.write(Verb::Zincrby, &delta.to_le_bytes()),
            Self::Set(score) => to.write(Verb::Zadd, &score.to_le_bytes()),
            Self::Removed => to.write(Verb::Zrem, &[]),
        }
        Ok(())
    }
}

impl View for Ranking {
    fn select(&mut self, key: &[u8]) {
        self.handle.select(key);
    }

    fn remove_selected(&mut self) {
        self.handle.remove_selected();
    }
}
