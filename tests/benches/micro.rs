//! How long the parts of the host take, each by itself: `./x bench micro`.

use divan::Bencher;
use divan::counter::ItemsCount;
use lantern_tests::artefacts;
use lantern_tests::micro::{Case, ITEMS, batch, boundary, coalescing, commit, overlay};

fn main() {
    // What cargo says of its building would stand in the midst of the table.
    artefacts::plugin("echo");
    divan::main();
}

#[divan::bench(name = "overlay", args = overlay::CASES)]
fn in_the_overlay(bencher: Bencher<'_, '_>, case: &Case) {
    measure(bencher, case);
}

#[divan::bench(name = "coalescing", args = coalescing::CASES)]
fn in_coalescing(bencher: Bencher<'_, '_>, case: &Case) {
    measure(bencher, case);
}

#[divan::bench(name = "commit", args = commit::CASES)]
fn in_a_commit(bencher: Bencher<'_, '_>, case: &Case) {
    measure(bencher, case);
}

#[divan::bench(name = "batch", args = batch::CASES)]
fn in_a_batch(bencher: Bencher<'_, '_>, case: &Case) {
    measure(bencher, case);
}

#[divan::bench(name = "boundary", args = boundary::CASES.iter().chain(boundary::EMPTY))]
fn at_the_boundary(bencher: Bencher<'_, '_>, case: &Case) {
    measure(bencher, case);
}

fn measure(bencher: Bencher<'_, '_>, case: &Case) {
    let mut ready = (case.start)();
    let bencher = bencher.counter(ItemsCount::new(ITEMS));
    bencher.with_inputs(|| ready.run()).bench_local_values(|run| run());
}
