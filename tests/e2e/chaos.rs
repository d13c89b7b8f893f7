//! Chaos in short: one fault of every kind, and everything that an operator does, in an order that never changes. `./x chaos`
//! goes on for as long as one likes.

use lantern_tests::chaos::{Diary, Length, Plan, Stop, run};

use crate::story::note;

#[test]
fn one_fault_of_every_kind_leaves_no_trace() {
    let diary = Diary::new(false);
    let plan = Plan { seed: 1, length: Length::OfEach, logs: None };
    let Some(outcome) = run(&plan, &diary, &Stop::default()) else {
        note("not run: this needs a real Kafka");
        return;
    };
    assert_eq!(outcome.findings(), [""; 0], "{}\n{outcome}", diary.text());
}
