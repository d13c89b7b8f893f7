//! Many hosts, told by themselves and their reports: one joins, one is killed, one sleeps too long, and events flow all the
//! while.

use lantern_tests::artefacts::plugin;
use lantern_tests::bank::Bank;
use lantern_tests::eventually::{NET, eventually};
use lantern_tests::{Flow, Host, RedisServer, Source};
use serde_json::Value;

use crate::story::{BankStory, real_kafka};
use lantern_tests::ledger;

const PARTITIONS: u32 = 12;
const EVENTS_PER_SECOND: u64 = 500;
const BURST: u64 = 20_000;

#[test]
fn hosts_come_and_go_and_no_event_is_lost_or_doubled() {
    let Some(kafka) = real_kafka() else { return };
    let bank = Bank { events: 2_000, partitions: PARTITIONS, ..Bank::default() };
    let mut story = BankStory::told_by(Source::kafka(), &bank);
    story.deploy("balances", &[]);
    story.operator().deploy("ledger", &plugin("ledger"), &story.topic, &[]);
    let run = story.host_on(&story.url_of_short_sessions()).batch_events(10);
    let flow = Flow::start(kafka, &story.topic, &Bank { seed: 2, ..bank }, EVENTS_PER_SECOND);
    let mut hosts: Vec<Host> = (0..3).map(|_| run.start()).collect();
    until_shared("three share", &story.redis, &hosts);

    hosts.push(run.start());
    until_shared("four share", &story.redis, &hosts);

    // The one that has what only one can have.
    hosts.remove(keeper(&story.redis, &hosts)).kill();
    until_shared("three share what the dead one had", &story.redis, &hosts);

    // It falls asleep in the middle of its work.
    let mut sleeper = hosts.remove(keeper(&story.redis, &hosts));
    let before = story.redis.progress("balances");
    flow.burst(BURST as usize);
    sleeper.until("some of it is applied", || match story.redis.progress("balances") {
        now if now > before + BURST / 10 => Ok(()),
        now => Err(format!("{now} after {before}")),
    });
    sleeper.pause();
    until_shared("two share what the sleeper had", &story.redis, &hosts);
    sleeper.resume();
    for lane in ["balances", "ledger"] {
        let fits = |line: &str| line.contains(lane) && line.contains("is fenced");
        sleeper.wait_for_line(&format!("a lane of {lane} is fenced"), NET, fits);
    }
    hosts.push(sleeper);
    until_shared("three share again", &story.redis, &hosts);

    story.events.extend(flow.stop());
    eventually("both have caught up", NET, || {
        story.caught_up("balances").and_then(|()| story.caught_up("ledger"))
    });
    story.expect_views_at_checkpoint();
    assert_eq!(ledger::is_right(&story.redis, &story.events, ""), Ok(()));
    until_shared("nobody is idle at the end", &story.redis, &hosts);
    hosts.iter_mut().for_each(|host| assert_eq!(host.terminate(), Some(0)));
}

#[test]
fn a_host_that_is_told_to_stop_hands_over_at_once() {
    if real_kafka().is_none() {
        return;
    }
    let bank = Bank { events: 2_000, partitions: PARTITIONS, ..Bank::default() };
    let mut story = BankStory::told_by(Source::kafka(), &bank);
    story.deploy("balances", &[]);
    story.operator().deploy("ledger", &plugin("ledger"), &story.topic, &[]);
    // Longer than any wait: nobody is taken for dead, and whatever is taken over was handed over.
    let run = story.host_on(&(story.source.url() + "?session.timeout.ms=290000"));
    let mut hosts = vec![run.start(), run.start()];
    until_shared("two share", &story.redis, &hosts);

    let mut leaver = hosts.remove(keeper(&story.redis, &hosts));
    assert_eq!(leaver.terminate(), Some(0));
    until_shared("the other has all", &story.redis, &hosts);
    story.append(Bank { seed: 2, ..bank }.events().collect());
    story.expect_exact(&mut hosts[0]);
    hosts[0].until("the ledger has caught up", || story.caught_up("ledger"));
    assert_eq!(ledger::is_right(&story.redis, &story.events, ""), Ok(()));
    assert_eq!(hosts[0].terminate(), Some(0));
}

#[test]
fn a_new_host_that_finds_nothing_does_not_begin_anew_for_all() {
    if real_kafka().is_none() {
        return;
    }
    let bank = Bank { events: 5_000, partitions: PARTITIONS, ..Bank::default() };
    let story = BankStory::told_by(Source::kafka(), &bank);
    story.deploy("balances", &[]);
    story.operator().deploy("ledger", &plugin("ledger"), &story.topic, &[]);
    let run = story.host_on(&story.url_of_short_sessions());
    let mut old = run.start();
    story.expect_exact(&mut old);

    // Redis loses everything, and who knows what was deployed comes last.
    old.pause();
    story.redis.flush_all();
    let mut new = run.start();
    new.until("it has begun an installation", || match story.redis.hash("lantern:installation") {
        found if found.is_empty() => Err("there is none".to_owned()),
        _ => Ok(()),
    });
    old.resume();
    story.expect_exact(&mut old);
    let mut hosts = [old, new];
    until_shared("they are hosts of one installation", &story.redis, &hosts);
    hosts.iter_mut().for_each(|host| assert_eq!(host.terminate(), Some(0)));
}

/// Waits until these hosts say that they run all lanes of `balances` between them, none of them twice and each some, and
/// just one of them `ledger`.
#[track_caller]
fn until_shared(what: &str, redis: &RedisServer, hosts: &[Host]) {
    let balances = (0..PARTITIONS).map(|number| ("balances".to_owned(), number.to_string()));
    let mut expected: Vec<_> = balances.chain([("ledger".to_owned(), "all".to_owned())]).collect();
    expected.sort();
    eventually(what, NET, || {
        let reports = redis.host_reports();
        let each: Vec<_> = hosts.iter().map(|host| lanes(&reports, host)).collect();
        let mut all = each.concat();
        all.sort();
        let is_idle = |lanes: &Vec<(String, String)>| !lanes.iter().any(|(name, _)| name == "balances");
        if all == expected && !each.iter().any(is_idle) { Ok(()) } else { Err(format!("{each:?}")) }
    });
}

/// The one of these hosts that runs `ledger`.
#[track_caller]
fn keeper(redis: &RedisServer, hosts: &[Host]) -> usize {
    eventually("one of them runs the ledger", NET, || {
        let reports = redis.host_reports();
        let keeper = hosts.iter().position(|host| lanes(&reports, host).iter().any(|(name, _)| name == "ledger"));
        keeper.ok_or_else(|| format!("{reports:?}"))
    })
}

/// The lanes that a host says it runs: projection and share.
fn lanes(reports: &[Value], host: &Host) -> Vec<(String, String)> {
    let own = reports.iter().find(|report| report["pid"] == host.id());
    let lanes = own.and_then(|report| report["lanes"].as_array()).into_iter().flatten();
    let word = |lane: &Value, field: &str| Some(lane[field].as_str()?.to_owned());
    lanes.filter_map(|lane| Some((word(lane, "projection")?, word(lane, "share")?))).collect()
}
