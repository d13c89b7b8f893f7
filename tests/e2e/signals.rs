//! SIGTERM at any moment, and any order of starting: a host ends with 0 within five seconds, whatever is away, and nothing
//! is lost or doubled.

use std::fs;
use std::time::Duration;

use lantern_tests::artefacts::plugin;
use lantern_tests::bank::{Bank, BankViews};
use lantern_tests::eventually::{NET, eventually};
use lantern_tests::host::SHUTDOWN;
use lantern_tests::scratch::Scratch;
use lantern_tests::source::unique;
use lantern_tests::{Event, Host, Kafka, RedisServer, Source};
use redis::cmd;
use rustix::process::Signal;

use crate::story::{BankStory, real_kafka};

#[test]
fn at_the_first_moment_and_while_it_waits_for_redis() {
    let mut story = BankStory::told_by(Source::log(), &Bank { events: 100, ..Bank::default() });
    story.redis = RedisServer::away();
    let mut host = story.run().start();
    assert_eq!(host.terminate(), Some(0));

    let mut host = story.run().start();
    host.wait_for_line("it waits", NET, |line| line.contains("is away"));
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn while_it_compiles() {
    let scratch = Scratch::new("compile");
    let file = scratch.file("large.wasm", large_module());
    let (redis, log) = (RedisServer::start(), Source::log());
    let run = Host::run(&log.url(), &redis).projection("large", &file, &["t"]);
    let mut host = run.arg("--cache-dir").arg(scratch.path().join("cache")).start();
    let compiler = eventually("it compiles", NET, || match host.children()[..] {
        [(compiler, cpu)] if cpu > Duration::from_millis(200) => Ok(compiler),
        ref children => Err(format!("its processes have used {children:?} of CPU")),
    });
    assert_eq!(host.terminate(), Some(0), "{}", host.stderr());
    eventually("the compiler ends with it", NET, || match fs::exists(format!("/proc/{compiler}")) {
        Ok(false) => Ok(()),
        there => Err(format!("{there:?}")),
    });
}

#[test]
fn at_many_moments_of_its_work() {
    let story = BankStory::told_by(Source::log(), &Bank { events: 50_000, ..Bank::default() });
    for moment in [0, 1, 2_000, 4_000, 8_000, 12_000] {
        let mut host = story.run().batch_events(10).start();
        if moment > 0 {
            host.until("it has come so far", || story.is_past(moment));
        }
        assert_eq!(host.terminate(), Some(0));
        story.expect_views_at_checkpoint();
    }
    let mut host = story.run().start();
    story.expect_exact(&mut host);
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn in_the_middle_of_a_rebuild() {
    let story = BankStory::told_by(Source::log(), &Bank { events: 20_000, ..Bank::default() });
    story.deploy("balances", &[]);
    let mut host = story.host().batch_events(10).start();
    story.expect_exact(&mut host);
    story.deploy("balances-v2", &[]);
    host.until("half is rebuilt", || story.is_built(2, 10_000));
    assert_eq!(host.terminate(), Some(0));
    assert_eq!(story.is_live(1), Ok(()));

    let mut host = story.host().start();
    host.until("the new views are live", || story.is_live(2));
    story.expect_revised(&mut host);
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn while_redis_stands_still() {
    let mut story = BankStory::told_by(Source::log(), &Bank { events: 50_000, ..Bank::default() });
    let mut host = story.run().batch_events(10).start();
    host.until("some is applied", || story.is_past(5_000));
    story.redis.process().pause();
    // What it has sent is not answered, so it can't wait for that.
    host.signal(Signal::TERM);
    assert_eq!(host.exit_code(SHUTDOWN), Some(0));
    story.redis.process().resume();

    // What the host had sent is done now, and the views are read by more than one command.
    eventually("all that was sent is done", NET, || {
        let clients: String = story.redis.query(cmd("CLIENT").arg("LIST")).map_err(|error| error.to_string())?;
        if clients.lines().count() == 1 { Ok(()) } else { Err(clients) }
    });
    story.expect_views_at_checkpoint();
    let mut host = story.run().start();
    story.expect_exact(&mut host);
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn while_kafka_is_away_and_redis_too() {
    if real_kafka().is_none() {
        return;
    }
    let mut kafka = Kafka::private().expect("where one real broker runs, two do");
    let (topic, mut redis) = (unique("account-events"), RedisServer::start_durable());
    kafka.create_topic(&topic, 2);
    let events: Vec<Event> = Bank { events: 1_000, partitions: 2, ..Bank::default() }.events().collect();
    kafka.produce(&topic, &events);
    let run = Host::run(&kafka.url(), &redis).projection("balances", &plugin("balances"), &[&topic]);
    let all = |redis: &RedisServer| BankViews::fold(&events).balances_hold(redis);

    let mut host = run.start();
    host.until("all is applied", || all(&redis));
    kafka.kill();
    host.wait_for_line("Kafka is away", NET, |line| line.contains("is away") && line.contains("kafka://"));
    assert_eq!(host.terminate(), Some(0));

    let mut host = run.start();
    host.wait_for_line("Kafka is away", NET, |line| line.contains("is away") && line.contains("kafka://"));
    redis.kill();
    host.wait_for_line("Redis is away", NET, |line| line.contains("is away") && line.contains("redis://"));
    assert_eq!(host.terminate(), Some(0));
}

/// What is started, in any order.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Hosts,
    Redis,
    Kafka,
}

#[test]
fn each_order_of_starting() {
    if real_kafka().is_none() {
        return;
    }
    let mut kafka = Kafka::private().expect("where one real broker runs, two do");
    let (topic, mut redis) = (unique("account-events"), RedisServer::start_durable());
    kafka.create_topic(&topic, 2);
    let run = Host::run(&kafka.url(), &redis).projection("balances", &plugin("balances"), &[&topic]);
    let mut events: Vec<Event> = Vec::new();

    let orders = [
        [Part::Redis, Part::Kafka, Part::Hosts],
        [Part::Kafka, Part::Redis, Part::Hosts],
        [Part::Hosts, Part::Redis, Part::Kafka],
        [Part::Hosts, Part::Kafka, Part::Redis],
        [Part::Redis, Part::Hosts, Part::Kafka],
        [Part::Kafka, Part::Hosts, Part::Redis],
    ];
    for (seed, order) in (0..).zip(orders) {
        redis.kill();
        kafka.kill();
        let mut hosts = Vec::new();
        for (index, part) in order.into_iter().enumerate() {
            match part {
                Part::Redis => redis.start_again(),
                Part::Kafka => kafka.start_again(),
                Part::Hosts => hosts = vec![run.start(), run.start()],
            }
            // They ask Redis first.
            let missing = [(Part::Redis, "redis://"), (Part::Kafka, "kafka://")];
            if let Some((_, away)) = missing.into_iter().find(|(part, _)| !order[..=index].contains(part)) {
                let says = |line: &str| line.contains("is away") && line.contains(away);
                hosts.iter().for_each(|host| _ = host.wait_for_line(away, NET, says));
            }
        }
        let more: Vec<Event> = Bank { events: 500, partitions: 2, seed, ..Bank::default() }.events().collect();
        kafka.produce(&topic, &more);
        events.extend(more);
        let views = BankViews::fold(&events);
        hosts[0].until("all is applied", || views.balances_hold(&redis));
        hosts.iter_mut().for_each(|host| assert_eq!(host.terminate(), Some(0)));
    }
}

/// A core module that takes several seconds to compile, and is no plugin.
fn large_module() -> Vec<u8> {
    const FUNCTIONS: usize = 1_500;
    const STEPS: u32 = 1_500;
    let mut body = vec![0, 0x20, 0];
    for step in 0..STEPS {
        // local.get 0 · i32.const step · i32.xor · i32.mul
        body.extend([0x20, 0, 0x41]);
        leb(&mut body, step as usize % 64);
        body.extend([0x73, 0x6c]);
    }
    body.push(0x0b);

    let mut module = b"\0asm\x01\0\0\0".to_vec();
    section(&mut module, 1, &[1, 0x60, 1, 0x7f, 1, 0x7f]);
    let mut functions = Vec::new();
    leb(&mut functions, FUNCTIONS);
    functions.extend(vec![0; FUNCTIONS]);
    section(&mut module, 3, &functions);
    let mut code = Vec::new();
    leb(&mut code, FUNCTIONS);
    for _ in 0..FUNCTIONS {
        leb(&mut code, body.len());
        code.extend(&body);
    }
    section(&mut module, 10, &code);
    module
}

fn section(module: &mut Vec<u8>, id: u8, content: &[u8]) {
    module.push(id);
    leb(module, content.len());
    module.extend(content);
}

/// An unsigned number as Wasm writes it.
fn leb(bytes: &mut Vec<u8>, mut number: usize) {
    while number >= 128 {
        bytes.push((number % 128) as u8 | 128);
        number /= 128;
    }
    bytes.push(number as u8);
}
