//! What more of something costs: projections, partitions, keys, hosts. Each is a suite of its own.

mod backlog;
pub mod hosts;
pub mod keys;
pub mod partitions;
pub mod projections;

use crate::meter::Cost;
use crate::report::note;
use crate::results::Row;

/// Under this name all rows stand: nobody else takes part.
const CONTENDER: &str = "Lantern";

fn row(suite: &str, case: String, costs: &[Cost]) -> Row {
    Row::new(suite, case, CONTENDER, Cost::numbers(costs))
}

fn tell(case: &str, round: usize, cost: &Cost) {
    let own = cost.own_seconds * 1e6 / cost.events as f64;
    let rate = cost.events as f64 / cost.seconds;
    note(&format!("{case}, round {round}: {rate:9.0} events/s, {own:.2} µs of CPU an event"));
}

/// Such as `1 host` and `2 hosts`.
fn counted(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}
