//! Arguments and addresses on the command line.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    lantern::fuzzing::text(bytes);
});
