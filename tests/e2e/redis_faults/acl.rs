//! The rules that `lantern acl` prints, before a real Redis: each role may do its work under them, and nothing else.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use insta::assert_snapshot;
use lantern_tests::artefacts::{plugin, repository};
use lantern_tests::bank::Bank;
use lantern_tests::{Host, Operator, RedisServer, Source};
use redis::{Cmd, Connection, RedisResult, Value, cmd};

use super::acl;
use crate::story::BankStory;

/// What `lantern acl` gives to a role in a Redis with `balances` in it, in this database.
fn let_in(redis: &RedisServer, role: &str, database: u32) -> String {
    let at = format!("{}/{database}", redis.url());
    let printed = Operator::at(&at).tries(&["acl", role, "--user", role, "--projection", "balances", "--json"]);
    let rules = printed.json()["users"][0]["rules"].clone();
    let rules: Vec<String> = serde_json::from_value(rules).unwrap();
    redis.let_user(role, &rules.iter().map(String::as_str).collect::<Vec<_>>());
    format!("{}/{database}", redis.url_of(role, "secret"))
}

fn connect(url: &str) -> Connection {
    redis::Client::open(url).unwrap().get_connection().unwrap()
}

/// Passes if the server does not let a user do this.
#[track_caller]
fn is_denied(connection: &mut Connection, command: &Cmd) {
    let answer: RedisResult<Value> = command.query(connection);
    let words: Vec<_> = command.args_iter().map(|word| format!("{word:?}")).collect();
    assert_eq!(answer.as_ref().err().and_then(|e| e.code()), Some("NOPERM"), "{words:?}: {answer:?}");
}

fn words(text: &str) -> Cmd {
    let mut words = text.split(' ');
    let mut command = cmd(words.next().unwrap());
    command.arg(words.collect::<Vec<_>>()).to_owned()
}

#[test]
fn each_does_its_work_under_its_own_user() {
    let mut story = BankStory::told_by(Source::log(), &Bank { events: 5_000, accounts: 20, ..Bank::default() });
    let host_url = let_in(&story.redis, "host", 0);
    let operator_url = let_in(&story.redis, "operator", 0);
    let reader_url = let_in(&story.redis, "reader", 0);
    let redis = &story.redis;
    redis.query::<()>(cmd("SET").arg("session:7").arg("not Lantern's")).unwrap();
    // Nobody else is there: what is done is done by these users.
    redis.query::<()>(cmd("ACL").arg("LOG").arg("RESET")).unwrap();

    let mut host = Host::run_at(&story.source.url(), &host_url).start();
    let operator = Operator::at(&operator_url);
    operator.deploy("balances", &plugin("balances"), &story.topic, &["--wait", "--set", "currency=EUR"]);
    story.expect_exact(&mut host);
    operator.does(&["rebuild", "balances", "--verify", "--wait"]);
    operator.does(&["rollback", "balances"]);
    operator.does(&["rebuild", "balances", "--hold", "--wait"]);
    operator.does(&["promote", "balances"]);
    operator.does(&["pause", "balances"]);
    operator.does(&["resume", "balances"]);
    story.append(Bank { seed: 2, events: 500, accounts: 20, ..Bank::default() }.events().collect());
    story.expect_exact(&mut host);
    operator.does(&["wait", "balances", "--caught-up"]);
    for command in [
        &["list"][..],
        &["status"],
        &["history"],
        &["view", "balances"],
        &["view", "balances", "accounts"],
        &["view", "balances", "accounts", "acc-1"],
        &["acl"],
        &["gc"],
    ] {
        operator.does(command);
    }
    let doctor = operator.does(&["doctor"]);
    assert!(doctor.contains("the user may do all that an operator has to; a host needs"), "{doctor}");
    let doctor = Operator::at(&host_url).does(&["doctor"]);
    assert!(doctor.contains("the user may do all that a host has to; an operator needs"), "{doctor}");
    let mut reader = connect(&reader_url);
    let balance: Option<String> = words("HGET balances:accounts acc-1").query(&mut reader).unwrap();
    let fresh: Vec<String> = words("HGETALL lantern:checkpoints:balances").query(&mut reader).unwrap();
    assert!(balance.is_some() && !fresh.is_empty());
    operator.does(&["undeploy", "balances", "--yes"]);
    host.until("all is gone", || {
        let left: Vec<String> =
            story.redis.keys().into_iter().filter(|key| key.starts_with("balances:")).collect();
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    });
    assert!(!host.stderr().contains("NOPERM"), "{}", host.stderr());
    assert_eq!(host.terminate(), Some(0));
    // What the doctor only asks may be denied: in a transaction, and WATCH before it. Else nothing was, but CONFIG GET.
    let denied = story.redis.query::<Vec<Vec<Value>>>(cmd("ACL").arg("LOG")).unwrap();
    let object = |entry: &Vec<Value>| redis::from_redis_value::<String>(entry[7].clone()).unwrap();
    let context = |entry: &Vec<Value>| redis::from_redis_value::<String>(entry[5].clone()).unwrap();
    let outside: BTreeSet<String> = denied.iter().filter(|e| context(e) != "multi").map(object).collect();
    assert!(outside.iter().all(|what| ["config|get", "watch"].contains(&what.as_str())), "{outside:?}");
}

#[test]
fn nobody_may_do_what_is_not_theirs() {
    let story = BankStory::told_by(Source::log(), &Bank { events: 200, ..Bank::default() });
    let mut host = story.run().start();
    story.expect_exact(&mut host);
    let redis = &story.redis;
    redis.query::<()>(cmd("SET").arg("session:7").arg("somebody else's")).unwrap();
    let [host, operator, reader] = ["host", "operator", "reader"].map(|role| connect(&let_in(redis, role, 0)));
    for mut worker in [host, operator] {
        for text in [
            "FLUSHALL",
            "FLUSHDB",
            "CONFIG GET requirepass",
            "CONFIG SET maxmemory 1",
            "KEYS *",
            "SHUTDOWN",
            "ACL LIST",
            "ACL SETUSER host allcommands",
            "CLIENT LIST",
            "MONITOR",
            "SCRIPT FLUSH",
            "REPLICAOF NO ONE",
            "MIGRATE h 1 k 0 1",
            "SELECT 1",
            "SWAPDB 0 1",
            "RANDOMKEY",
            "DUMP lantern:deployments",
            "GET session:7",
            "SET session:7 x",
            "UNLINK session:7",
            "SUBSCRIBE other",
        ] {
            is_denied(&mut worker, &words(text));
        }
        // A script is no way around.
        let script = cmd("EVAL").arg("return redis.call('GET', 'session:7')").arg(0).to_owned();
        let answer: RedisResult<Value> = script.query(&mut worker);
        assert!(answer.unwrap_err().to_string().contains("can't access at least one of the keys"));
    }
    let mut reader = reader;
    for text in [
        "HSET balances:accounts acc-1 x",
        "HDEL balances:accounts acc-1",
        "DEL balances:accounts",
        "UNLINK balances:accounts",
        "RENAME balances:accounts balances:other",
        "EXPIRE balances:accounts 1",
        "COPY balances:accounts balances:other",
        "ZUNIONSTORE balances:x 1 balances:totals",
        "SET balances:x 1",
        "HSET lantern:checkpoints:balances generation 9",
        "GET lantern:deployment:balances",
        "HGETALL lantern:installation",
        "GET session:7",
        "SCAN 0",
        "KEYS *",
        "RANDOMKEY",
        "EVAL return 0",
        "PUBLISH lantern:changes balances",
        "SUBSCRIBE lantern:changes",
        "FLUSHDB",
        "CONFIG GET *",
        "CLIENT LIST",
        "CLIENT KILL 127.0.0.1:1",
        "CLIENT TRACKING ON BCAST",
        "SELECT 1",
    ] {
        is_denied(&mut reader, &words(text));
    }
}

#[test]
fn an_operator_of_one_database_has_no_way_into_another() {
    let story = BankStory::told_by(Source::log(), &Bank { events: 200, ..Bank::default() });
    let mut host = story.run().start();
    story.expect_exact(&mut host);
    let mut other = connect(&let_in(&story.redis, "operator", 1));
    let installation: Vec<String> = words("HGETALL lantern:installation").query(&mut other).unwrap();
    assert_eq!(installation, [""; 0], "that of database 0 is not its own");
    is_denied(&mut other, &words("SELECT 0"));
    is_denied(&mut other, &words("MOVE lantern:x 0"));
    is_denied(&mut other, &words("COPY lantern:x lantern:y DB 0"));
}

#[test]
fn the_table_of_rights_is_just_what_the_sources_use() {
    let redis = RedisServer::start();
    let known: BTreeSet<String> = redis
        .query::<Vec<Vec<Value>>>(&cmd("COMMAND"))
        .unwrap()
        .into_iter()
        .map(|about| redis::from_redis_value::<String>(about[0].clone()).unwrap())
        .collect();
    let rules = acl(&redis, &["host", "operator", "--projection", "p"]);
    let granted: BTreeSet<String> =
        rules.iter().filter_map(|rule| rule.strip_prefix('+')).map(str::to_owned).collect();
    let mut used = BTreeSet::new();
    for file in sources(&repository().join("host/src/store/redis")) {
        let text = fs::read_to_string(&file).unwrap();
        used.extend(
            text.split(['"', '\''])
                .filter(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_uppercase()))
                .map(str::to_lowercase),
        );
    }
    used.retain(|word| known.contains(word));
    // Subscribing is a method of the client; DISCARD throws away what is only asked.
    used.extend(["subscribe", "discard"].map(str::to_owned));
    // What is done without: only who has set nothing up, and `lantern dev`, may.
    let without: BTreeSet<String> = ["config", "ping"].map(str::to_owned).into();
    let lacking: Vec<_> = used.difference(&granted).filter(|name| !without.contains(*name)).collect();
    let needless: Vec<_> = granted.difference(&used).collect();
    assert!(lacking.is_empty() && needless.is_empty(), "lacking {lacking:?}, needless {needless:?}");
}

/// All sources below a folder but those that only list commands, or errors.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let below = folders.iter().flat_map(|folder| sources(folder));
    let lists = |path: &PathBuf| path.ends_with("rights.rs") || path.ends_with("said.rs");
    files.into_iter().filter(|path| !lists(path)).chain(below).collect()
}

#[test]
fn rules_are_printed_for_people_and_for_files() {
    let redis = RedisServer::start();
    let operator = Operator::of(&redis);
    assert_snapshot!(operator.tries(&["acl"]).refusal(), @r"
    exit code 2
    error: nothing is deployed, so it is not known where views will stand
    hint: name those that there will be: --projection NAME, or --projection NAME=PREFIX
    ");
    let reader = operator.does(&["acl", "reader", "--projection", "balances=app:b:"]);
    assert_snapshot!(reader.split_once(" +discard").unwrap().0, @"ACL SETUSER lantern-reader on resetkeys resetchannels -@all +@connection -@admin -@dangerous -select -client|tracking");
    assert_snapshot!(reader.split_once("+zscore ").unwrap().1, @"~app:b:* ~lantern:checkpoints:balances");
    let rules = operator.does(&["acl", "--projection", "balances"]);
    for line in rules.lines() {
        redis.query::<()>(&words(line)).unwrap();
    }
    let users: Vec<String> = redis.query(cmd("ACL").arg("USERS")).unwrap();
    assert_eq!(users, ["default", "lantern-host", "lantern-operator", "lantern-reader"]);
    let file = operator.does(&["acl", "--projection", "balances", "--aclfile"]);
    assert!(file.lines().all(|line| line.starts_with("user lantern-")), "{file}");
}
