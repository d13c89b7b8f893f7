//! What a plugin hands over as a block of writes, and the host takes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    lantern::fuzzing::ops(bytes);
});
