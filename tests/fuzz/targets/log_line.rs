//! A file of the embedded log.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    lantern::fuzzing::log_line(bytes);
});
