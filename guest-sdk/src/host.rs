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

    /// Hand over writes; a verb, a view and three ends (key, member, value) for each.
    fn write(&self, verbs: &[u8], views: &[u32], ends: &[u32], data: &[u8]);
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
