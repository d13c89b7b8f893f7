//! What the host hands over as a batch of events, and the SDK reads.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    lantern::fuzzing::batch(bytes);
});
