//! A Redis that takes no writes: a replica, or a primary that was made one.

use lantern_tests::bank::Bank;
use lantern_tests::eventually::NET;
use lantern_tests::{RedisServer, Source};
use redis::cmd;

use super::{is_retrying, is_well, long_story, times};
use crate::story::BankStory;

fn promote(redis: &RedisServer) {
    redis.query::<()>(cmd("REPLICAOF").arg("NO").arg("ONE")).unwrap();
}

#[test]
fn a_replica_is_waited_for_until_it_takes_writes() {
    let primary = RedisServer::start();
    let mut story = BankStory::told_by(Source::log(), &Bank { events: 1_000, ..Bank::default() });
    story.redis = primary.replica();
    let mut host = story.run().start();
    host.wait_for_line("it is a replica", NET, |line| line.contains("takes no writes: READONLY"));
    promote(&story.redis);
    story.expect_exact(&mut host);
    assert_eq!(times(&host, "READONLY"), 1, "{}", host.stderr());
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn a_primary_that_becomes_a_replica_and_a_primary_again() {
    let (story, other) = (long_story(), RedisServer::away());
    let mut host = story.run().batch_events(10).start();
    host.until("some is applied", || story.is_past(5_000));

    // Of one that is away: it keeps what it has.
    let port = other.url().rsplit(':').next().map(str::to_owned).unwrap();
    story.redis.query::<()>(cmd("REPLICAOF").arg("127.0.0.1").arg(port)).unwrap();
    host.wait_for_line("it takes no writes", NET, |line| line.contains("takes no writes"));
    host.until("an operator sees it", || is_retrying(&story, "takes no writes"));
    story.expect_views_at_checkpoint();

    promote(&story.redis);
    story.expect_exact(&mut host);
    host.until("an operator sees that too", || is_well(&story));
    assert_eq!(times(&host, "has lost writes"), 0, "{}", host.stderr());
    assert_eq!(host.terminate(), Some(0));
}
