//! Reading views without Lantern: from Python, Node, Go and the shell, by the very programs that `docs/reading-views.md`
//! shows. Each waits for an event that is appended while it waits, and then must see what came of it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use lantern_tests::artefacts::{plugin, repository};
use lantern_tests::bank::{Bank, BankViews};
use lantern_tests::clients::Program;
use lantern_tests::event::EPOCH_MS;
use lantern_tests::eventually::NET;
use lantern_tests::{Event, Operator, Process, RedisServer, Source, eventually};
use redis::{Cmd, cmd};
use serde_json::Value;

use crate::story::BankStory;

/// The command whose rules the page advises to give to readers, and under which the programs are.
const READER: &str = "acl reader --projection balances --projection leaderboard";

#[test]
fn the_page_shows_what_is_tested() {
    let page = fs::read_to_string(repository().join("docs/reading-views.md")).unwrap();
    assert!(page.contains(READER), "docs/reading-views.md does not show `lantern {READER}`");
    for program in Program::ALL {
        let block = format!("```{}\n{}```\n", program.language(), program.text());
        assert!(page.contains(&block), "docs/reading-views.md does not show the {program:?} program as it is");
    }
}

#[test]
fn python_reads_its_own_write() {
    told_by_a_program(Program::Python);
}

#[test]
fn node_reads_its_own_write() {
    told_by_a_program(Program::Node);
}

#[test]
fn go_reads_its_own_write() {
    told_by_a_program(Program::Go);
}

fn told_by_a_program(program: Program) {
    let Some((story, said)) = said_by(program) else { return };
    assert_eq!(said, expected(&story));
}

#[test]
fn redis_cli_reads_its_own_write() {
    let Some((story, said)) = said_by(Program::RedisCli) else { return };
    let views = BankViews::fold(&story.events);
    let mut lines = said.lines();
    for account in ["acc-1", "acc-2", "acc-3"] {
        let document: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
        assert_eq!(document, views.accounts[account]);
    }
    assert_eq!(lines.next(), Some(""), "there is no such account");
    let totals: BTreeMap<_, i64> = pairs(&mut lines, views.totals.len());
    assert_eq!(totals, views.totals);
    let top: BTreeMap<_, f64> = pairs(&mut lines, 3);
    assert_eq!(top, leaders(&views).into_iter().collect());
    let moment = ["OK", "QUEUED", "QUEUED"].map(str::to_owned).into_iter();
    let counts = ["events", "ignored"].map(|name| views.totals[name].to_string());
    assert_eq!(
        lines.by_ref().take(5).map(str::to_owned).collect::<Vec<_>>(),
        moment.chain(counts).collect::<Vec<_>>()
    );
    let checkpoint: BTreeMap<_, String> = pairs(&mut lines, 1 + 2 * story.partitions as usize);
    for (partition, next, newest) in freshness(&story) {
        assert_eq!((&checkpoint[&partition], &checkpoint[&format!("{partition}/time")]), (&next, &newest));
    }
    assert_eq!((checkpoint["generation"].as_str(), lines.next()), ("1", None));
}

/// What a program says that began to wait for an event before it was there, and the story it was part of.
fn said_by(program: Program) -> Option<(BankStory, String)> {
    let mut command = program.command()?;
    let bank = Bank { events: 500, accounts: 20, partitions: 2, ..Bank::default() };
    let mut story = BankStory::told_by(Source::log(), &bank);
    let mut host = story.run().projection("leaderboard", &plugin("leaderboard"), &[&story.topic]).start();
    story.expect_exact(&mut host);
    host.until("leaderboard has caught up", || story.caught_up("leaderboard"));

    let deposit = r#"{"type":"MoneyDeposited","account":"acc-1","amount":12345678}"#;
    let deposit = Event::keyed("acc-1", story.partitions, deposit).at(EPOCH_MS + 500);
    let partition = format!("{}/{}", story.topic, deposit.partition);
    let offset = story.ends()[&partition];
    let mut user = Cmd::new();
    let args: Vec<&str> = READER.split(' ').chain(["--user", "reader"]).collect();
    let rules = Operator::of(&story.redis).does(&args);
    rules.trim().split(' ').chain([">PASSWORD"]).for_each(|word| _ = user.arg(word));
    story.redis.query::<()>(&user).unwrap();
    let url = story.redis.url().replacen("redis://", "redis://reader:PASSWORD@", 1);
    command.args([url, partition, offset.to_string()]);
    let before = questions(&story.redis);
    let mut running = Process::spawn(&format!("{program:?}"), command);
    eventually("it asks again and again", NET, || match (running.ended(), questions(&story.redis) - before) {
        (Some(status), _) => panic!("it has not waited: {status}\n{}", running.tail()),
        (None, 0..3) => Err("it has not asked yet".to_owned()),
        _ => Ok(()),
    });

    story.append(vec![deposit]);
    assert!(running.wait(NET).success(), "it has read what it waited for\n{}", running.tail());
    assert_eq!(host.terminate(), Some(0));
    Some((story, running.stdout()))
}

/// How often a field of a hash was asked for.
fn questions(redis: &RedisServer) -> u64 {
    let statistics: String = redis.query(cmd("INFO").arg("commandstats")).unwrap();
    let calls = statistics.lines().find_map(|line| line.strip_prefix("cmdstat_hget:calls="));
    calls.map_or(0, |calls| calls.split(',').next().unwrap().parse().unwrap())
}

/// What the programs in the three languages print.
fn expected(story: &BankStory) -> String {
    let views = BankViews::fold(&story.events);
    let account = &views.accounts["acc-1"];
    let mut text = String::new();
    let mut line = |line: String| writeln!(text, "{line}").unwrap();
    line(format!("acc-1: {} has {}", account["owner"].as_str().unwrap(), account["balance"]));
    for account in ["acc-2", "acc-3", "none"] {
        line(account.to_owned());
    }
    line(format!("deposited {}, withdrawn {}", views.totals["deposited"], views.totals["withdrawn"]));
    for (rank, (account, balance)) in (1..).zip(leaders(&views)) {
        line(format!("{rank}. {account} {balance}"));
    }
    line(format!("{} events in generation 1", story.events.len()));
    for (partition, next, newest) in freshness(story) {
        line(format!("{partition} is at {next}, newest event {newest}"));
    }
    text
}

/// The three richest accounts.
fn leaders(views: &BankViews) -> Vec<(String, f64)> {
    let mut all: Vec<_> = views.by_balance.clone().into_iter().collect();
    all.sort_by(|(a, balance), (b, other)| other.total_cmp(balance).then(b.cmp(a)));
    all.truncate(3);
    all
}

/// Each partition, its next offset, and the time of its newest event.
fn freshness(story: &BankStory) -> Vec<(String, String, String)> {
    let newest = |partition: u32| {
        let times = story.events.iter().filter(|event| event.partition == partition).map(|event| event.timestamp);
        times.max().unwrap().to_string()
    };
    let number = |partition: &str| partition.rsplit('/').next().unwrap().parse().unwrap();
    story.ends().into_iter().map(|(at, next)| (at.clone(), next.to_string(), newest(number(&at)))).collect()
}

/// So many pairs of lines: a name, and what it has.
fn pairs<'a, V: std::str::FromStr<Err: std::fmt::Debug>>(
    lines: &mut impl Iterator<Item = &'a str>,
    count: usize,
) -> BTreeMap<String, V> {
    (0..count).map(|_| (lines.next().unwrap().to_owned(), lines.next().unwrap().parse().unwrap())).collect()
}
