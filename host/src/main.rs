//! The `lantern` binary.

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

/// Allocates for librdkafka too, which allocates every event in one thread and has it freed in another. glibc takes an eighth
/// more of a rebuild's time for that.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// An arena for each processor rather than four; and an arena that is used gives back what it has not needed for a second.
///
/// The variable's name and form are jemalloc's: <https://jemalloc.net/jemalloc.3.html#tuning>.
#[allow(unsafe_code, reason = "jemalloc finds it by its name")]
#[unsafe(export_name = "malloc_conf")]
pub static SETTINGS: &[u8; 53] = b"narenas_ratio:1,dirty_decay_ms:1000,muzzy_decay_ms:0\0";

fn main() -> ExitCode {
    lantern::cli::main()
}
