//! The names of members: a key and an id, as they are looked up for every event.

/// Bytes that a name has in place; longer ones are elsewhere.
const SHORT: usize = 22;

/// A key and behind it an id. Most are short, and lie where they are compared: what is elsewhere is seldom at hand.
pub(crate) struct Name {
    key_len: u32,
    bytes: Bytes,
}

enum Bytes {
    Short(u8, [u8; SHORT]),
    Long(Box<[u8]>),
}

impl Default for Name {
    fn default() -> Self {
        Self { key_len: 0, bytes: Bytes::Short(0, [0; SHORT]) }
    }
}

impl Name {
    pub(crate) fn new(key: &[u8], id: &[u8]) -> Self {
        let len = key.len() + id.len();
        let bytes = if len <= SHORT {
            let mut short = [0; SHORT];
            short[..key.len()].copy_from_slice(key);
            short[key.len()..len].copy_from_slice(id);
            Bytes::Short(len as u8, short)
        } else {
            Bytes::Long([key, id].concat().into())
        };
        Self { key_len: u32::try_from(key.len()).expect("a plugin's memory holds no longer key"), bytes }
    }

    /// The key and the id.
    pub(crate) fn parts(&self) -> (&[u8], &[u8]) {
        let bytes = match &self.bytes {
            Bytes::Short(len, bytes) => &bytes[..usize::from(*len)],
            Bytes::Long(bytes) => bytes,
        };
        bytes.split_at(self.key_len as usize)
    }

    pub(crate) fn is(&self, key: &[u8], id: &[u8]) -> bool {
        let (own_key, own_id) = self.parts();
        same(own_id, id) && same(own_key, key)
    }

    pub(crate) fn hash(&self) -> u64 {
        let (key, id) = self.parts();
        hash(key, id)
    }
}

/// Whether two parts are equal. In Wasm the comparison of the language is a call and goes byte by byte.
fn same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    // The last words of both overlap the ones before.
    if let (Some(one_last), Some(other_last)) = (one.last_chunk::<8>(), other.last_chunk::<8>()) {
        let (ones, others) = (one.as_chunks::<8>().0, other.as_chunks::<8>().0);
        return word(one_last) == word(other_last) && ones.iter().zip(others).all(|(a, b)| word(a) == word(b));
    }
    match (one.first_chunk::<4>(), one.last_chunk::<4>(), other.first_chunk(), other.last_chunk()) {
        (Some(a), Some(b), Some(c), Some(d)) => {
            u32::from_le_bytes(*a) == u32::from_le_bytes(*c) && u32::from_le_bytes(*b) == u32::from_le_bytes(*d)
        }
        _ => one.iter().zip(other).all(|(a, b)| a == b),
    }
}

fn word(bytes: &[u8; 8]) -> u64 {
    u64::from_le_bytes(*bytes)
}

/// Fast and always the same: nothing that a plugin does may depend on chance. Keys chosen to
/// collide cost time only, and the host limits that.
pub(crate) fn hash(key: &[u8], id: &[u8]) -> u64 {
    let mut state = 0x243f_6a88_85a3_08d3 ^ id.len() as u64;
    if !key.is_empty() {
        state = absorb(state, key);
    }
    state = absorb(state, id);
    // The product's high bits are the mixed ones, and a 32-bit table looks at the low ones.
    state ^ (state >> 32)
}

fn absorb(mut state: u64, bytes: &[u8]) -> u64 {
    let mut mix = |word: u64| {
        state = (state.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    };
    let mut rest = bytes;
    while let Some((word, tail)) = rest.split_first_chunk() {
        mix(u64::from_le_bytes(*word));
        rest = tail;
    }
    // Of 4 to 7 bytes the two halves overlap.
    if let (Some(first), Some(last)) = (rest.first_chunk(), rest.last_chunk()) {
        let high = u64::from(u32::from_le_bytes(*last));
        mix(high << 32 | u64::from(u32::from_le_bytes(*first)));
    } else {
        for &byte in rest {
            mix(u64::from(byte));
        }
    }
    state
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_any_length_are_told_apart() {
        let text: Vec<u8> = (0..100).collect();
        for len in 0..60 {
            for key_len in [0, 1, 5, len / 2, len] {
                let (key, id) = text[..len].split_at(key_len.min(len));
                let name = Name::new(key, id);
                assert_eq!(name.parts(), (key, id));
                assert!(name.is(key, id));
                assert_eq!(name.hash(), hash(key, id));
                assert!(!name.is(key, &text[..id.len() + 1]), "another length");
                for at in 0..id.len() {
                    let mut other = id.to_vec();
                    other[at] ^= 1;
                    assert!(!name.is(key, &other), "another byte at {at} of {}", id.len());
                }
                for at in 0..key.len() {
                    let mut other = key.to_vec();
                    other[at] ^= 0x80;
                    assert!(!name.is(&other, id), "another byte at {at} of the key");
                }
            }
        }
    }
}
