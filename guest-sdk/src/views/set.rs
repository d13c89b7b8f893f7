//! Sets of members.

use super::handle::{Handle, Member, Pending};
use super::keyed::View;
use crate::Result;
use crate::host::Verb;

/// A Redis set. Safe to insert into from every partition.
pub struct Set {
    handle: Handle<Membership>,
}

/// What is to be written of a member.
#[derive(Clone, Copy, Default)]
pub(crate) enum Membership {
    #[default]
    Unchanged,
    Inserted,
    Removed,
}

impl Set {
    pub(crate) fn new(handle: Handle<Membership>) -> Self {
        Self { handle }
    }

    /// Add a member.
    pub fn insert(&mut self, member: impl AsRef<[u8]>) {
        self.handle.change(member.as_ref(), |state| *state = Membership::Inserted);
    }

    /// Remove a member.
    pub fn remove(&mut self, member: impl AsRef<[u8]>) {
        self.handle.change(member.as_ref(), |state| *state = Membership::Removed);
    }

    /// Whether it has the member. Not remembered, since other lanes may insert it: each call asks
    /// the host.
    pub fn contains(&mut self, member: impl AsRef<[u8]>) -> bool {
        let member = member.as_ref();
        match self.handle.look(member, |state| *state) {
            Membership::Unchanged => {
                let address = &self.handle.address;
                let host = address.outbox.host_for_read(address.view);
                host.sismember(address.view, &address.key, member)
            }
            Membership::Inserted => true,
            Membership::Removed => false,
        }
    }

    /// Announce that it will be asked for these members.
    pub fn prefetch(&mut self, members: impl IntoIterator<Item: AsRef<[u8]>>) {
        self.handle.prefetch_selected(members);
    }
}

impl Pending for Membership {
    fn is_known(&self) -> bool {
        !matches!(self, Self::Unchanged)
    }

    fn structure_removed(&mut self) {
        // The host knows of it before it is read again.
        *self = Self::Unchanged;
    }

    fn write(&mut self, to: &mut Member<'_>) -> Result<()> {
        match std::mem::take(self) {
            Self::Unchanged => {}
            Self::Inserted => to.write(Verb::Sadd, &[]),
            Self::Removed => to.write(Verb::Srem, &[]),
        }
        Ok(())
    }
}

impl View for Set {
    fn select(&mut self, key: &[u8]) {
        self.handle.select(key);
    }

    fn remove_selected(&mut self) {
        self.handle.remove_selected();
    }
}
