//! A plugin's file before any of it runs; its signatures; keys.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    lantern::fuzzing::component(bytes);
});
