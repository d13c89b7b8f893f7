//! In what way a store that is there does not do what it is asked: what its user can do about it differs.

use std::fmt;

/// Why a store does nothing although it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unwilling {
    /// It has no room for more.
    Full,
    /// It takes no writes: a replica.
    ReadOnly,
    /// User, password or rights are not what it takes.
    Denied,
    /// Anything else, in its own words: it is loading its data, say, or busy with a script.
    Busy,
}

impl Unwilling {
    /// What the user can do about it.
    pub fn hint(self) -> &'static str {
        match self {
            Unwilling::Full => "make room or raise maxmemory; what waits then goes on by itself",
            Unwilling::ReadOnly => "name the primary; what waits goes on by itself when this one takes writes",
            Unwilling::Denied => {
                "check user and password in the URL, and the user's rights: `lantern doctor` names what it lacks, `lantern acl` what it needs"
            }
            Unwilling::Busy => "mend what it says; what waits then goes on by itself",
        }
    }
}

impl Unwilling {
    /// What is missed, for whoever says that it is missing and that it is back.
    pub(crate) fn subject(self) -> &'static str {
        match self {
            Unwilling::Full => "room in Redis",
            Unwilling::ReadOnly => "a Redis that takes writes",
            Unwilling::Denied => "the right to use Redis",
            Unwilling::Busy => "the service of Redis",
        }
    }
}

impl fmt::Display for Unwilling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unwilling::Full => "is out of memory",
            Unwilling::ReadOnly => "takes no writes",
            Unwilling::Denied => "denies us",
            Unwilling::Busy => "does not do it now",
        })
    }
}
