//! A Redis that is out of memory refuses writes, whole transactions at a time: hosts wait until there is room.

use lantern_tests::bank::Bank;
use lantern_tests::eventually::NET;
use lantern_tests::{RedisServer, Source};

use super::{is_retrying, is_well, long_story, times};
use crate::story::BankStory;

#[test]
fn a_host_waits_for_room_and_goes_on_by_itself() {
    let story = long_story();
    let mut host = story.run().batch_events(10).start();
    host.until("some is applied", || story.is_past(5_000));

    story.redis.set("maxmemory", "1");
    host.wait_for_line("Redis is full", NET, |line| line.contains("is out of memory: OOM command not allowed"));
    host.until("an operator sees it", || is_retrying(&story, "is out of memory"));
    assert!(story.caught_up("balances").is_err(), "it was full before the end");
    story.expect_views_at_checkpoint();
    let doctor = story.operator().tries(&["doctor"]);
    assert!(doctor.code == Some(1) && doctor.stdout.contains("is out of memory"), "{doctor:?}");

    story.redis.set("maxmemory", "0");
    story.expect_exact(&mut host);
    host.until("an operator sees that too", || is_well(&story));
    assert_eq!(times(&host, "OOM"), 1, "{}", host.stderr());
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn hosts_count_as_alive_although_there_is_no_room_for_their_reports() {
    let story = long_story();
    let mut host = story.run().batch_events(10).start();
    host.until("it has told that it lives", || match story.redis.host_reports().len() {
        1 => Ok(()),
        count => Err(format!("{count} hosts")),
    });
    story.redis.set("maxmemory", "1");
    let told = || story.redis.host_reports()[0]["number"].as_u64();
    let last = told();
    let lives = || -> Option<i64> {
        let keys = story.redis.keys();
        let key = keys.iter().find(|key| key.starts_with("lantern:host:"))?;
        story.redis.query(redis::cmd("PTTL").arg(key)).ok()
    };
    // Its time has run down, and was renewed, though nothing more could be told.
    host.until("its time runs down", || {
        lives().filter(|left| *left < 4_500).ok_or_else(|| format!("{:?}", lives()))
    });
    host.until("its time is renewed", || {
        lives().filter(|left| *left > 4_800).ok_or_else(|| format!("{:?}", lives()))
    });
    assert!(told() <= last.map(|last| last + 1), "{last:?}, {:?}", told());
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn a_host_that_starts_while_redis_is_full_waits() {
    let mut story = BankStory::told_by(Source::log(), &Bank { events: 1_000, ..Bank::default() });
    story.redis = RedisServer::start_with(&["--maxmemory", "1"]);
    let mut host = story.run().start();
    host.wait_for_line("Redis is full", NET, |line| line.contains("is out of memory"));
    story.redis.set("maxmemory", "0");
    story.expect_exact(&mut host);
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn a_policy_that_forgets_views_is_warned_of() {
    let mut story = BankStory::told_by(Source::log(), &Bank { events: 1_000, ..Bank::default() });
    story.redis = RedisServer::start_with(&["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]);
    let mut host = story.run().start();
    host.wait_for_line("a warning", NET, |line| {
        line.contains("WARN") && line.contains("maxmemory-policy allkeys-lru")
    });
    story.expect_exact(&mut host);
    let doctor = story.operator().tries(&["doctor"]);
    assert!(doctor.code == Some(1) && doctor.stdout.contains("allkeys-lru"), "{doctor:?}");
    assert_eq!(host.terminate(), Some(0));
}
