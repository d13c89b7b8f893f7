//! Killed at twelve moments of two rebuilds, before their cutovers, in them and behind them: each goes on where it was and
//! ends right.

use lantern_tests::bank::{Bank, BankViews};
use lantern_tests::host::Run;
use lantern_tests::random::Random;
use lantern_tests::{Host, RedisServer, Source};
use redis::{cmd, pipe};

use crate::story::BankStory;

/// Kills at random moments of each rebuild; three more follow, before the cutover, in it and behind it.
const KILLS: usize = 3;

/// So slow that a host which has begun is seen before it has rebuilt what was left.
const RATE: &[&str] = &["--rate", "2000"];

#[test]
fn twelve_kills_leave_no_trace_on_rebuilds() {
    let bank = Bank { events: 20_000, ..Bank::default() };
    let mut story = BankStory::told_by(Source::log(), &bank);
    story.deploy("balances", &[]);
    // Small batches, so that many commits lie between two kills.
    let run = story.host().batch_events(10);
    let mut host = run.start();
    story.expect_exact(&mut host);

    let mut random = Random::new(1);
    story.deploy("balances-v2", RATE);
    let mut host = killed_on_the_way(&mut story, &run, host, 2, &mut random);
    story.expect_revised(&mut host);
    story.operator().does(&[&["rebuild", "balances"], RATE].concat());
    let mut host = killed_on_the_way(&mut story, &run, host, 3, &mut random);
    story.expect_revised(&mut host);

    // The one before is kept and stands still; of the first nothing is left.
    let hidden = |generation: u64| {
        let prefix = format!("lantern:views:balances:{generation}:");
        story.redis.keys().iter().filter(|key| key.starts_with(&prefix)).count()
    };
    host.until("the first generation is removed", || match (hidden(1), hidden(2)) {
        (0, 2) => Ok(()),
        (first, second) => Err(format!("{first} keys of generation 1, {second} of generation 2")),
    });
    let (built, accounts) = (story.built(2), story.redis.hash("lantern:views:balances:2:accounts"));
    story.append(Bank { events: 1_000, seed: 2, ..bank }.events().collect());
    story.expect_revised(&mut host);
    assert_eq!((story.built(1), story.built(2)), (0, built), "lanes of the past write nothing");
    assert!(accounts == story.redis.hash("lantern:views:balances:2:accounts"), "nor into their views");

    story.operator().does(&["rollback", "balances"]);
    host.until("the old generation is live", || story.is_live(2));
    story.expect_revised(&mut host);
    assert_eq!(host.terminate(), Some(0));
}

fn killed_on_the_way(
    story: &mut BankStory,
    run: &Run,
    mut host: Host,
    generation: u64,
    random: &mut Random,
) -> Host {
    let events = story.events.len() as u64;
    let mut moments: Vec<u64> = (0..KILLS).map(|_| random.below(events * 6 / 10)).collect();
    moments.sort_unstable();
    let mut floor = 0;
    for moment in moments {
        // Never less than what the one before it has left.
        host.until(&format!("{moment} events are rebuilt"), || goes_on(story, generation, floor, moment));
        floor = kill(story, host, generation, floor);
        // Life goes on, so there is something to catch up with.
        story.append(Bank { events: 100, seed: moment, ..Bank::default() }.events().collect());
        host = start_without_scripts(story, run);
    }
    host.until("all is rebuilt", || goes_on(story, generation, floor, story.events.len() as u64));
    floor = kill(story, host, generation, floor);
    assert!(story.is_live(generation).is_err(), "this was before the cutover");

    story.append(Bank { events: 5_000, seed: generation, ..Bank::default() }.events().collect());
    let all = story.events.len() as u64;
    host = start_without_scripts(story, run);
    host.until("all is rebuilt again", || goes_on(story, generation, floor, all));
    host.until("the cutover is under way", || hold_in_a_script(&story.redis));
    floor = kill(story, host, generation, floor);
    story.redis.query::<()>(cmd("CLIENT").arg("UNPAUSE")).unwrap();

    host = run.start();
    host.until("it cuts over", || goes_on(story, generation, floor, all).and_then(|()| story.is_live(generation)));
    kill(story, host, generation, floor);
    assert_eq!(story.is_live(generation), Ok(()));
    run.start()
}

/// Passes if a generation has lost nothing of what it had, and has got over so many events.
fn goes_on(story: &BankStory, generation: u64, floor: u64, events: u64) -> Result<(), String> {
    let built = story.built(generation);
    assert!(built >= floor, "{built} events are applied to generation {generation}, which had {floor} before");
    story.is_built(generation, events)
}

/// Kills the host, and gives how far it has brought a generation.
#[track_caller]
fn kill(story: &BankStory, mut host: Host, generation: u64, floor: u64) -> u64 {
    host.kill();
    goes_on(story, generation, floor, floor).expect("what is committed stays");
    expect_readable(story);
    story.built(generation)
}

/// Starts a host, and takes the right to run scripts from it once it has begun: lanes commit without one, but every change
/// of a record is one. So it can come to the cutover, and not beyond.
fn start_without_scripts(story: &BankStory, run: &Run) -> Host {
    let set_right = |right: &str| {
        story.redis.query::<()>(cmd("ACL").arg("SETUSER").arg("default").arg(right)).unwrap();
    };
    set_right("+@scripting");
    let mut host = run.start();
    let name = format!("-{}-", host.id());
    host.until("it has begun", || match story.redis.keys() {
        keys if keys.iter().any(|key| key.starts_with("lantern:host:") && key.contains(&name)) => Ok(()),
        keys => Err(format!("{keys:?}")),
    });
    set_right("-@scripting");
    host
}

/// Passes once a script has been sent that Redis neither refuses nor runs: from then on it lets nobody write. To be asked
/// again and again.
fn hold_in_a_script(redis: &RedisServer) -> Result<(), String> {
    let clients: String = redis.query(cmd("CLIENT").arg("LIST")).unwrap();
    let flags = |client: &str| client.split(' ').find_map(|field| field.strip_prefix("flags=")).map(str::to_owned);
    let is_held = |client: &&str| flags(client).is_some_and(|flags| flags.contains('b'));
    let held: Vec<&str> = clients.lines().filter(is_held).collect();
    if held.iter().any(|client| client.contains(" cmd=eval")) {
        return Ok(());
    }
    let mut step = pipe();
    step.atomic();
    if held.is_empty() {
        step.cmd("ACL").arg("SETUSER").arg("default").arg("+@scripting");
        step.cmd("CLIENT").arg("PAUSE").arg(60_000).arg("WRITE");
    } else {
        // Something else came first, such as a host's report, behind which a script would wait unsent.
        step.cmd("ACL").arg("SETUSER").arg("default").arg("-@scripting");
        step.cmd("CLIENT").arg("UNPAUSE");
    }
    step.query::<()>(&mut redis.connect()).unwrap();
    Err(format!("{held:?}"))
}

/// The views must be of one generation, and just what the checkpoints beside them say.
#[track_caller]
fn expect_readable(story: &BankStory) {
    let views = BankViews::fold(story.applied());
    let views = if story.is_live(1).is_ok() { views } else { views.revised("EUR") };
    views.balances_hold(&story.redis).unwrap_or_else(|difference| panic!("{difference}"));
}
