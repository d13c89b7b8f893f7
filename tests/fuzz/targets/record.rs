//! Records, reports and letters in Redis, and manifests.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    lantern::fuzzing::record(bytes);
});
