//! A user of Redis without all rights: at the start that is an error which names them, later it is waited for.

use insta::assert_snapshot;
use lantern_tests::bank::Bank;
use lantern_tests::eventually::NET;
use lantern_tests::{Host, Operator, RedisServer, Source};

use super::{acl, is_retrying, is_well, long_story, times};
use crate::story::BankStory;
use lantern_tests::artefacts::plugin;
use lantern_tests::host::Run;

/// Lets a user have the rights of these roles, and gives the URL by which that user comes.
fn let_in(story: &BankStory, user: &str, roles: &[&str]) -> String {
    let rules = acl(&story.redis, &[roles, &["--projection", "balances"]].concat());
    story.redis.let_user(user, &rules.iter().map(String::as_str).collect::<Vec<_>>());
    story.redis.url_of(user, "secret")
}

fn short_story() -> BankStory {
    BankStory::told_by(Source::log(), &Bank { events: 1_000, ..Bank::default() })
}

fn run_as(story: &BankStory, url: &str) -> Run {
    Host::run_at(&story.source.url(), url).projection("balances", &plugin("balances"), &[&story.topic])
}

/// How a host ends that was not let in, and what it says.
fn refusal(story: &BankStory, url: &str) -> String {
    let mut host = run_as(story, url).start();
    let code = host.exit_code(NET);
    let (said, address) = (host.stderr(), story.redis.url().replace("redis://", ""));
    let error = said.find("error: ").map_or(said.as_str(), |at| &said[at..]);
    format!("exit code {code:?}\n{}", error.replace(&address, "[REDIS]"))
}

#[test]
fn whoever_is_host_and_operator_may_deploy_while_starting() {
    let story = long_story();
    let url = let_in(&story, "both", &["host", "operator"]);
    let mut host = run_as(&story, &url).start();
    story.expect_exact(&mut host);
    let operator = Operator::at(&url);
    operator.does(&["rebuild", "balances", "--verify", "--wait"]);
    operator.does(&["rollback", "balances"]);
    operator.does(&["gc"]);
    story.expect_exact(&mut host);
    let doctor = operator.tries(&["doctor"]);
    assert!(doctor.stdout.contains("the user may do all that a host and an operator have to"), "{doctor:?}");
    assert_eq!(times(&host, "NOPERM"), 0, "{}", host.stderr());
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn commands_that_are_lacking_are_named_at_the_start_and_by_the_doctor() {
    let story = short_story();
    story.redis.let_user("weak", &["~*", "&*", "+@all", "-hset", "-eval", "-zadd"]);
    let url = story.redis.url_of("weak", "secret");
    assert_snapshot!(refusal(&story, &url), @r"
    exit code Some(1)
    error: redis://[REDIS]/0 denies us: NOPERM this user has no right to EVAL, HSET, ZADD
    hint: check user and password in the URL, and the user's rights: `lantern doctor` names what it lacks, `lantern acl` what it needs
    ");
    let doctor = Operator::at(&url).tries(&["doctor", "--source", &story.source.url()]);
    assert_eq!(doctor.code, Some(1));
    assert!(
        doctor.stdout.contains("no right to EVAL, HSET; a host lacks ZADD too (hint: `lantern acl`"),
        "{doctor:?}"
    );
}

#[test]
fn without_transactions_nothing_is_written() {
    let story = short_story();
    story.redis.let_user("weak", &["~*", "&*", "+@all", "-@transaction"]);
    let said = refusal(&story, &story.redis.url_of("weak", "secret"));
    assert!(said.contains("no right to WATCH, MULTI, EXEC, DISCARD"), "{said}");
    assert_eq!(story.redis.keys(), [""; 0]);
}

#[test]
fn keys_that_are_not_for_us_are_named() {
    let story = short_story();
    story.redis.let_user("weak", &["~lantern:*", "&*", "+@all"]);
    let said = refusal(&story, &story.redis.url_of("weak", "secret"));
    assert!(said.starts_with("exit code Some(1)") && said.contains("(`balances:accounts`)"), "{said}");
    story.redis.let_user("weak", &["~balances:*", "&*", "+@all"]);
    let said = refusal(&story, &story.redis.url_of("weak", "secret"));
    assert!(said.contains("no right to") && said.contains("keys lantern:*"), "{said}");
}

#[test]
fn whoever_is_not_let_in_is_told_so() {
    let mut story = short_story();
    let_in(&story, "host", &["host", "operator"]);
    assert_snapshot!(refusal(&story, &story.redis.url_of("host", "wrong")), @r"
    exit code Some(1)
    error: redis://[REDIS]/0 denies us: WRONGPASS invalid username-password pair or user is disabled.
    hint: check user and password in the URL, and the user's rights: `lantern doctor` names what it lacks, `lantern acl` what it needs
    ");
    story.redis = RedisServer::start();
    story
        .redis
        .query::<()>(redis::cmd("ACL").arg(&["SETUSER", "other", "on", ">secret", "~*", "&*", "+@all"]))
        .unwrap();
    let other = Operator::at(&story.redis.url_of("other", "secret"));
    story.redis.query::<()>(redis::cmd("ACL").arg(&["SETUSER", "default", "off"])).unwrap();
    assert_snapshot!(refusal(&story, &story.redis.url()), @r"
    exit code Some(1)
    error: redis://[REDIS]/0 denies us: NOAUTH Authentication required.
    hint: check user and password in the URL, and the user's rights: `lantern doctor` names what it lacks, `lantern acl` what it needs
    ");
    assert_eq!(other.tries(&["list"]).code, Some(0));
}

#[test]
fn a_right_that_is_lost_is_waited_for() {
    let story = long_story();
    let mut host = run_as(&story, &let_in(&story, "host", &["host", "operator"])).batch_events(10).start();
    host.until("some is applied", || story.is_past(5_000));

    let change = |right: &str| {
        story.redis.query::<()>(redis::cmd("ACL").arg(&["SETUSER", "host", right])).unwrap();
    };
    change("-hset");
    host.wait_for_line("a right is lost", NET, |line| line.contains("NOPERM") && line.contains("hset"));
    host.until("an operator sees it", || is_retrying(&story, "hset"));
    assert!(story.caught_up("balances").is_err(), "it was lost before the end");
    story.expect_views_at_checkpoint();

    change("+hset");
    story.expect_exact(&mut host);
    host.until("an operator sees that too", || is_well(&story));
    assert!(times(&host, "NOPERM") <= 2, "{}", host.stderr());
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn a_redis_without_tls_is_no_reason_to_panic() {
    let redis = RedisServer::start();
    let url = redis.url().replace("redis://", "rediss://");
    let said = Operator::at(&url).tries(&["list"]).refused();
    assert!(said.starts_with("exit code 1\nerror: ") && said.contains("is away"), "{said}");
}
