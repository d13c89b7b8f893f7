//! The part that counts, in a process that valgrind watches.

use std::any::Any;
use std::hint::black_box;

use anyhow::Context;
use lantern_tests::micro::{self, Case, Run};

/// How often the work of a case is done and counted. Seeds of hash tables differ between them, so this evens out what a seed does.
pub const RUNS: u64 = 10;

/// The name of the function that is counted, as callgrind takes it.
pub const FUNCTION: &str = "*counted_by_callgrind*";

/// Does the work of a case: once to warm up, then so often that it counts.
pub fn run(name: &str) -> anyhow::Result<()> {
    let mut ready = (case(name)?.start)();
    drop(ready.run()());
    (0..RUNS).for_each(|_| drop(black_box(counted_by_callgrind(ready.run()))));
    Ok(())
}

#[inline(never)]
fn counted_by_callgrind(run: Run) -> Box<dyn Any> {
    run()
}

fn case(name: &str) -> anyhow::Result<&'static Case> {
    micro::counted().find(|case| case.name == name).with_context(|| format!("there is no case `{name}`"))
}
