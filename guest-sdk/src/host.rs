//! The port to whoever keeps the views: the host when built for Wasm, memory in native tests.

/// The verbs of `views` in the contract that the SDK uses.
///
/// Reads see every write that was handed over before. A verb that the view's kind does not have, or
/// a key where none belongs, panics: the instance is lost, as in the host.
pub(crate) trait Host {
    /// Read a field of a table or of counters.
    fn hget(&self, view: u32, key: &[u8], field: &[u8]) -> Option<Vec<u8>>;

    /// Read the score of a member of a ranking.
    fn zscore(&self, view: u32, key: &[u8], member: &[u8]) -> Option<f64>;

    /// Whether a set has the member.
    fn sismember(&self, view: u32, key: &[u8], member: &[u8]) -> bool;

    /// Read the string under a key.
    fn get(&self, view: u32, key: &[u8]) -> Option<Vec<u8>>;

    /// Announce reads; two ends a pair of key and member.
    fn prefetch(&self, view: u32, ends: &[u32], data: &[u8]);

    /// Hand over writes; for each its [`head`] and three ends (key, member, value).
    fn write(&self, heads: &[u32], data: &[u8]);
}

/// The writing verbs, numbered as `types.verb` in the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Verb {
    Hset,
    Hdel,
    Hincrby,
    Zadd,
    Zincrby,
    Zrem,
    Sadd,
    Srem,
    Lpush,
    Set,
    Del,
}

/// The bits of a head that are the view; the verb stands above them.
const VIEW_BITS: u32 = 24;

/// The first number of a write's head: verb and view.
pub(crate) fn head(verb: Verb, view: u32) -> u32 {
    (verb as u32) << VIEW_BITS | view
}

/// The number of the verb and the view of a [`head`].
pub(crate) fn verb_and_view(head: u32) -> (u32, u32) {
    (head >> VIEW_BITS, head & ((1 << VIEW_BITS) - 1))
}

#[cfg(not(target_arch = "wasm32"))]
impl Verb {
    /// All of them, each at its number.
    pub(crate) const ALL: [Self; 11] = [
        Self::Hset,
        Self::Hdel,
        Self::Hincrby,
        Self::Zadd,
        Self::Zincrby,
        Self::Zrem,
        Self::Sadd,
        Self::Srem,
        Self::Lpush,
        Self::Set,
        Self::Del,
    ];
}
