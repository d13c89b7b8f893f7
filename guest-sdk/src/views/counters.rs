//! Counters: 64-bit integers by field.

use super::handle::{Handle, Member, Pending};
use super::keyed::View;
use crate::host::Verb;
use crate::{Error, Result};

/// 64-bit integers by field, in a Redis hash. Safe to add to from every partition.
///
/// What a batch adds to a field travels as one increment.
pub struct Counters {
    handle: Handle<Count>,
}

/// What is to be written of a field.
#[derive(Clone, Copy, Default)]
pub(crate) enum Count {
    #[default]
    Unchanged,
    Added(i64),
    Removed,
    /// Removed, and then begun anew.
    Restarted(i64),
}

impl Counters {
    pub(crate) fn new(handle: Handle<Count>) -> Self {
        Self { handle }
    }

    /// Add `delta` to a field. One that is not there yet begins at 0.
    ///
    /// # Panics
    ///
    /// If what the batch adds to the field exceeds 64 bits.
    pub fn add(&mut self, field: impl AsRef<[u8]>, delta: i64) {
        self.handle.change(field.as_ref(), |count| count.add(delta));
    }

    /// The present value of a field. Not remembered, since other lanes may add to it: each call
    /// asks the host.
    ///
    /// # Errors
    ///
    /// When what is stored is not an integer.
    pub fn get(&mut self, field: impl AsRef<[u8]>) -> Result<Option<i64>> {
        let field = field.as_ref();
        match self.handle.look(field, |count| *count) {
            Count::Unchanged => self.stored(field),
            Count::Added(delta) => Ok(Some(self.stored(field)?.unwrap_or(0) + delta)),
            Count::Removed => Ok(None),
            Count::Restarted(value) => Ok(Some(value)),
        }
    }

    /// Remove a field.
    pub fn remove(&mut self, field: impl AsRef<[u8]>) {
        self.handle.change(field.as_ref(), |state| *state = Count::Removed);
    }

    /// Announce that these fields will be read.
    pub fn prefetch(&mut self, fields: impl IntoIterator<Item: AsRef<[u8]>>) {
        self.handle.prefetch_selected(fields);
    }

    fn stored(&self, field: &[u8]) -> Result<Option<i64>> {
        let address = &self.handle.address;
        let host = address.outbox.host_for_read(address.view);
        let Some(text) = host.hget(address.view, &address.key, field) else {
            return Ok(None);
        };
        let value = std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok());
        value.map(Some).ok_or_else(|| {
            let (field, view) = (String::from_utf8_lossy(field), &address.name);
            Error::msg(format_args!("the counter `{field}` of view `{view}` is not an integer"))
        })
    }
}

impl Count {
    fn add(&mut self, delta: i64) {
        let add = |sum: i64| sum.checked_add(delta).expect("a counter exceeds 64 bits");
        *self = match *self {
            Self::Unchanged => Self::Added(delta),
            Self::Added(sum) => Self::Added(add(sum)),
            Self::Removed => Self::Restarted(delta),
            Self::Restarted(sum) => Self::Restarted(add(sum)),
        };
    }
}

impl Pending for Count {
    fn is_known(&self) -> bool {
        matches!(self, Self::Removed | Self::Restarted(_))
    }

    fn structure_removed(&mut self) {
        // The host knows of it before it is read again.
        *self = Self::Unchanged;
    }

    fn write(&mut self, to: &mut Member<'_>) -> Result<()> {
        match std::mem::take(self) {
            Self::Unchanged => {}
            Self::Added(delta) => to.write(Verb::Hincrby, &delta.to_le_bytes()),
            Self::Removed => to.write(Verb::Hdel, &[]),
            Self::Restarted(value) => {
                to.write(Verb::Hdel, &[]);
                to.write(Verb::Hincrby, &value.to_le_bytes());
            }
        }
        Ok(())
    }
}

impl View for Counters {
    fn select(&mut self, key: &[u8]) {
        self.handle.select(key);
    }

    fn remove_selected(&mut self) {
        self.handle.remove_selected();
    }
}
