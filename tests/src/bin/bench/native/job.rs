//! What a native consumer does with events, whatever way it reads and writes.

use super::commands::Commands;

/// The views of a workload, kept in memory.
///
/// A consumer applies events in the order of their partitions, and takes what has changed whenever it writes. What it has
/// taken it must write together with its offsets, or start again from what Redis holds.
pub trait Job: Send {
    /// Applies an event. After an error the job is of no use any more.
    fn apply(&mut self, message: &Message<'_>) -> anyhow::Result<()>;

    /// Appends the commands that write what has changed since the last time: a value that changed often is written once.
    fn take(&mut self, commands: &mut Commands) -> anyhow::Result<()>;
}

/// An event as a consumer has it.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Its partition.
    pub partition: i32,
    /// Its time in milliseconds since 1970.
    pub timestamp: i64,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its payload; none = tombstone.
    pub payload: Option<&'a [u8]>,
}

impl<'a> Message<'a> {
    /// Its key, which must be text.
    pub fn key_str(&self) -> anyhow::Result<&'a str> {
        Ok(str::from_utf8(self.key.unwrap_or_default())?)
    }

    /// Its payload, which must be there.
    pub fn content(&self) -> anyhow::Result<&'a [u8]> {
        self.payload.ok_or_else(|| anyhow::anyhow!("a tombstone where none is expected"))
    }
}
