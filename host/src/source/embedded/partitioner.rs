//! Which partition a key belongs to: the same that Kafka's default partitioner picks.

/// The partition of a key in a topic with that many partitions, which must not be 0.
pub fn partition_of(key: &[u8], partitions: u32) -> u32 {
    (murmur2(key) & 0x7fff_ffff) % partitions
}

/// The 32-bit MurmurHash2 as Kafka has it, seed and all.
fn murmur2(data: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const MIX: u32 = 0x5bd1_e995;

    let (words, rest) = data.as_chunks::<4>();
    // Kafka's lengths are Java's `int`; no key comes near where the two would differ.
    let mut hash = SEED ^ data.len() as u32;
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(MIX);
        k ^= k >> 24;
        hash = hash.wrapping_mul(MIX) ^ k.wrapping_mul(MIX);
    }
    if !rest.is_empty() {
        let k = rest.iter().rev().fold(0, |k, byte| k << 8 | u32::from(*byte));
        hash = (hash ^ k).wrapping_mul(MIX);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(MIX);
    hash ^ hash >> 15
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_as_kafka_does() {
        // From `UtilsTest.testMurmur2` of Kafka's own tests.
        let cases: [(&[u8], i32); 6] = [
            (b"21", -973_932_308),
            (b"foobar", -790_332_482),
            (b"a-little-bit-long-string", -985_981_536),
            (b"a-little-bit-longer-string", -1_486_304_829),
            (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            (b"abc", 479_470_107),
        ];
        for (key, hash) in cases {
            assert_eq!(murmur2(key).cast_signed(), hash, "{key:?}");
        }
    }

    #[test]
    fn a_negative_hash_loses_its_sign() {
        assert_eq!(partition_of(b"21", 8), ((-973_932_308_i32 & 0x7fff_ffff) % 8).cast_unsigned());
        assert_eq!(partition_of(b"anything", 1), 0);
    }
}
