//! Transactions that are open: nothing behind the first event of one is read until it has ended.

use lantern_tests::kafka::Outcome;
use lantern_tests::{Event, Host};
use serde_json::json;

use super::{Stage, bank};

/// Ten events are applied; then ten of a transaction that stays open, and ten that are not of it.
fn open_transaction() -> Option<(Stage, Host, lantern_tests::kafka::Transaction, Vec<Vec<Event>>)> {
    let stage = Stage::of("balances", 1)?;
    let parts: Vec<Vec<Event>> = (1..=3).map(|seed| bank(seed, 10)).collect();
    stage.produce(&parts[0]);
    let mut host = stage.host();
    host.until("it is live", || stage.is("balances", "live"));
    let transaction = stage.kafka.begin(&stage.topic, &parts[1]);
    stage.produce(&parts[2]);
    Some((stage, host, transaction, parts))
}

/// Nothing of it or behind it is applied, and nobody calls that a trouble or a lag.
#[track_caller]
fn expect_rest(stage: &Stage, host: &mut Host, parts: &[Vec<Event>]) {
    // Whatever is read is read by now: another projection on the topic has come so far.
    stage.operator().deploy("witness", &lantern_tests::artefacts::plugin("witness"), &stage.topic, &[]);
    host.until("the other one is live", || stage.is("witness", "live"));
    assert_eq!(stage.stands_at("witness", 0, 10), Ok(()));
    assert_eq!(stage.stands_at("balances", 0, 10), Ok(()));
    assert_eq!(stage.has(&parts[0]), Ok(()));
    let status = stage.operator().status("balances");
    assert_eq!((&status["state"], &status["lag"], &status["error"]), (&json!("live"), &json!(0), &json!(null)));
    assert_eq!(status["lanes"][0]["end"], json!(10), "{status}");
    stage.operator().does(&["wait", "balances", "--caught-up"]);
}

#[test]
fn an_open_transaction_is_waited_for_and_then_applied() {
    let Some((stage, mut host, transaction, parts)) = open_transaction() else { return };
    expect_rest(&stage, &mut host, &parts);
    transaction.end(Outcome::Commit);
    host.until("all is applied", || stage.has(&parts.concat()));
    host.until("nothing is left to do", || match stage.operator().status("balances")["lag"] == 0 {
        true => Ok(()),
        false => Err("it has a lag".to_owned()),
    });
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn an_open_transaction_that_is_aborted_leaves_nothing() {
    let Some((stage, mut host, transaction, parts)) = open_transaction() else { return };
    expect_rest(&stage, &mut host, &parts);
    transaction.end(Outcome::Abort);
    let left = [parts[0].clone(), parts[2].clone()].concat();
    host.until("what stands behind it is applied", || stage.has(&left));
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn a_host_that_starts_before_an_open_transaction_has_ended_reads_as_much() {
    let Some((stage, mut host, transaction, parts)) = open_transaction() else { return };
    assert_eq!(host.terminate(), Some(0));
    let mut host = stage.host();
    expect_rest(&stage, &mut host, &parts);
    transaction.end(Outcome::Commit);
    host.until("all is applied", || stage.has(&parts.concat()));
    assert_eq!(host.terminate(), Some(0));
}
