//! A Redis that does not answer for so long that it is taken for dead, and then does all that it was asked: no commit is
//! applied twice, and nothing seems lost.

use lantern_tests::eventually::NET;
use redis::cmd;

use super::{long_story, times};

#[test]
fn a_redis_that_stands_still_and_goes_on() {
    let mut story = long_story();
    let mut host = story.run().batch_events(10).start();
    host.until("some is applied", || story.is_past(5_000));

    story.redis.process().pause();
    host.wait_for_line("Redis is taken for dead", NET, |line| line.contains("is away"));
    story.redis.process().resume();

    story.expect_exact(&mut host);
    assert_eq!(times(&host, "has lost writes"), 0, "{}", host.stderr());
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn a_redis_that_lets_its_clients_wait() {
    let story = long_story();
    let mut host = story.run().batch_events(10).start();
    host.until("some is applied", || story.is_past(5_000));

    // Longer than a host waits for an answer; what it had asked for is done afterwards.
    story.redis.query::<()>(cmd("CLIENT").arg("PAUSE").arg(14_000).arg("WRITE")).unwrap();
    host.wait_for_line("Redis is taken for dead", NET, |line| line.contains("is away"));

    story.expect_exact(&mut host);
    assert_eq!(times(&host, "has lost writes"), 0, "{}", host.stderr());
    assert_eq!(host.terminate(), Some(0));
}
