//! The page of results, `docs/benchmarks.md`, made of the stored results and of nothing else.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Context;

use crate::goals;
use crate::report::cell;
use crate::results::{Results, Row};
use crate::suites::Suite;

/// What stands above all tables.
const HEAD: &str = "\
# Benchmarks

What Lantern takes, beside others that do the same job on the same machine. This page is made by a program of the numbers in
`docs/benchmarks.json`, which has every round of every measure; `./x bench --json docs/benchmarks.json` measures them again, and
`bench page docs/benchmarks.json --out docs/benchmarks.md` makes the page.

Numbers of one machine say little of another. What carries over is the ratio of two that ran side by side.
";

const METHOD: &str = "\
- Kafka is a real broker (one node) and Redis a real server, both on the same machine as what is measured: all share its processors.
  The broker answers before what it got is on the disk, as is Kafka's default; Redis keeps nothing on disk.
- Whoever is compared reads the same events and writes to the same Redis. In each round everyone has one turn, in an order that rotates and
  turns round. In the race Redis is emptied before each turn, and topic and programs are read once through, so that they are in the
  machine's memory whoever was before.
- A number counts only if the views were right in the end. Those of bank events, which all goals are of, are compared with a fold that shares
  no code with who is measured; those of the other workloads with what the native consumers' job makes of the events in memory, with which
  a test compares the plugins. Where all would be too much to compare, the section says what is.
- A number is the median of its rounds. A ratio is that of the two turns of the same round; of the ratios the median is given, and in
  parentheses the least and the greatest.
- CPU is that of the process as the kernel counts it, in microseconds for each event, user and system together. Memory is the most that was
  ever resident.
- All are as their users would run them: Lantern brings jemalloc with it, the native consumers have the allocator of the system, and Kafka
  Streams the heap that Java gives itself, or one of 512 MiB where its name says so.
";

const NOT_MEASURED: &str = "\
- **A network.** All is on one machine. Between machines every contender waits for the same round trips; how well that is hidden is not
  seen here.
- **More processors than these**, and so how a host grows with them. With few processors broker, Redis, consumer and whoever measures
  take them from one another: what is fast here is what takes little CPU.
- **A cluster.** The broker has no replicas, so an acknowledgement is sooner there than it is elsewhere; Redis has none either and is no
  Redis Cluster.
- **Encryption.** TLS to Kafka or Redis, and compressed topics.
- **Days.** No run takes longer than minutes: what grows or wears out over days would not be seen.
- **Plugins in other languages than Rust.** Their cost is that of their compiler and runtime.
- **Failures.** What an outage or poisoned events cost is measured by `bench outage` and `bench dead`, and is not part of this page.
";

/// Makes the page of stored results, to a file or to stdout.
pub fn write(results: &Path, out: Option<&Path>) -> anyhow::Result<()> {
    let page = page(&Results::read(results)?);
    match out {
        Some(out) => fs::write(out, page).with_context(|| format!("writing {}", out.display())),
        None => {
            #[expect(clippy::print_stdout, reason = "the result of the program")]
            {
                print!("{page}");
            }
            Ok(())
        }
    }
}

/// The page.
pub fn page(results: &Results) -> String {
    let mut page = HEAD.to_owned();
    section(&mut page, "The machine");
    let about = results.about.iter().map(|(name, value)| vec![name.clone(), value.clone()]);
    table(&mut page, &["", ""], about);
    section(&mut page, "What must hold");
    let verdicts = goals::judge(results).into_iter();
    let verdicts = verdicts.map(|verdict| {
        let word = verdict.word().to_owned();
        vec![verdict.goal, verdict.measured, word]
    });
    table(&mut page, &["goal", "measured", "holds"], verdicts);
    section(&mut page, "How it is measured");
    page.push_str(METHOD);
    for rows in results.rows.chunk_by(|one, next| one.suite == next.suite) {
        suite(&mut page, rows);
    }
    section(&mut page, "What is not measured");
    page.push_str(NOT_MEASURED);
    page
}

fn section(page: &mut String, title: &str) {
    let _ = write!(page, "\n## {title}\n\n");
}

/// A suite with its table: a column for each number, in the order in which the rows have them.
fn suite(page: &mut String, rows: &[Row]) {
    let (title, text) = Suite::of(&rows[0]).map(told).unwrap_or((&rows[0].suite, ""));
    section(page, title);
    if !text.is_empty() {
        let _ = write!(page, "{text}\n\n");
    }
    let rounds = rows.iter().flat_map(|row| &row.numbers).map(|number| number.values.len());
    let rounds = rounds.clone().min().zip(rounds.max()).map(|(least, most)| match most {
        1 => "One round.".to_owned(),
        _ if least == most => format!("{most} rounds."),
        _ => format!("{least} to {most} rounds."),
    });
    let _ = write!(page, "{}\n\n", rounds.unwrap_or_default());
    let mut names: Vec<&str> = Vec::new();
    for number in rows.iter().flat_map(|row| &row.numbers) {
        if !names.contains(&&*number.name) {
            names.push(&number.name);
        }
    }
    let heads: Vec<&str> = ["case", "who"].into_iter().chain(names.iter().copied()).collect();
    let lines = rows.iter().map(|row| {
        let numbers = names.iter().map(|name| cell(row.number(name)));
        [row.case.clone(), row.contender.clone()].into_iter().chain(numbers).collect()
    });
    table(page, &heads, lines);
}

/// Writes a table; all but the first two columns stand to the right.
fn table(page: &mut String, heads: &[&str], lines: impl IntoIterator<Item = Vec<String>>) {
    let rules = (0..heads.len()).map(|column| if column < 2 { "---" } else { "---:" });
    let _ = writeln!(page, "| {} |", heads.join(" | "));
    let _ = writeln!(page, "|{}|", rules.collect::<Vec<_>>().join("|"));
    for line in lines {
        let _ = writeln!(page, "| {} |", line.join(" | "));
    }
}

/// The title of a suite, and what one must know to read its table.
fn told(suite: Suite) -> (&'static str, &'static str) {
    match suite {
        Suite::Rebuild => (
            "Rebuilding from the first event",
            "\
From the start of a process until it has brought an empty Redis through a topic that was loaded before: reading, decoding, applying and
writing all events, the start of the process included. `first commit` is the time until a first checkpoint could be read. `balances`, of
which the goals are, has four times the events of the others: the faster ones need a second for a million, and a good part of it to
start. The naive consumer gets 15,000 and Quix Streams 200,000, since a rate is a rate. The naive one writes its checkpoint once, at its end.

Parts of the CPU are told apart by the names of threads. Of Lantern, *apply* is the plugin and what surrounds it, and *commit* all that is
asynchronous, Redis's protocol included. Who has but one thread, or threads of other names, has its work in *the rest*. Ten projections
that are built together fetch the topic each for itself: only who follows it live shares a fetch.",
        ),
        Suite::Live => (
            "Live throughput",
            "\
The consumer has caught up; then events are produced as fast as this machine does it, on the same processors. The time counts from the
first of them until the last is applied. `produced/s` is how fast the broker acknowledged them beside the consumer.",
        ),
        Suite::Latency => (
            "Latency",
            "\
From the broker's acknowledgement of an event until a reader of Redis had read a checkpoint behind it. Events are sent in an open loop: each
has its time at which it is due, whatever became of the others, and time by which it was sent too late is added to its latency, so that
nothing is left out when the machine stands still (*coordinated omission*). The reader is told by Redis of each change and then reads it;
that round trip is counted. The columns that begin with `due` show what lies before: mostly the 5 ms for which the producer waits for more
events to send along, as librdkafka does by default. The consumers have applied 100,000 events and a second at the same rate before
anything counts.",
        ),
        Suite::Projections => (
            "More projections on one topic",
            "\
So many projections of the same plugin in one host, each under a name of its own, follow one topic live. Events per second are those of the
topic; each is applied by every projection. They are produced no faster than the slowest projection applies them, but for 20,000 on their
way. `bytes fetched/event` is what the host has received from the broker for each event of the topic. There are 2,000 accounts, so that a
hundred sets of views fit into Redis, and the more projections, the fewer events.",
        ),
        Suite::Partitions => (
            "More partitions",
            "\
The same events in topics of more partitions, each with a lane of its own: a backlog that a host gets over that runs already, from
`lantern resume` until all is applied.",
        ),
        Suite::Keys => (
            "More keys",
            "\
All accounts are opened before anything counts; then a backlog of deposits, spread evenly over them by chance, is applied by a host that runs
already. So each event changes a document that is there. With more keys fewer events of a batch are for the same document, and more
documents are not in the lane's memory and are read from Redis again. Then deposits come at a rate, and are applied as they come: a batch has
few of them, hardly two for the same document however many there are, and what each costs is what live events cost. `both` is the CPU of
host and Redis together. Each number of accounts has a host and a Redis of its own, and they measure in turns. Compared in the end are the
number of accounts, the sum of all deposits, and 10,000 accounts one by one.",
        ),
        Suite::Hosts => (
            "More hosts",
            "\
Several hosts share the 12 partitions of one projection, and get over a backlog together; CPU and memory are those of all of them. On a
machine with few processors more hosts can't be faster than one, which uses them all: what this shows is what the sharing costs.",
        ),
        Suite::Idle => (
            "Projections at rest",
            "\
A hundred projections on ten topics of eight partitions, 800 lanes in one host, all caught up; then nothing happens. CPU is in hundredths of
one processor, memory what is resident at that time.",
        ),
        Suite::Start => (
            "Start",
            "\
From the start of `lantern run` on an empty Redis, with one projection and a topic of 1,000 events, until a reader had read a checkpoint
behind some event, and behind all of them.",
        ),
        Suite::Deploy => (
            "Deploying",
            "\
From the start of `lantern deploy` until readers have the views of all 1,000 events of the topic, and until `lantern status` says so; a host
runs already, and runs nothing else. *Never compiled* means that neither the host nor who deploys has the module in the cache: both
compile it, as they do on two machines. *Next revision* is another plugin, of which a generation is built beside the first.",
        ),
        Suite::Cutover => (
            "Cutover",
            "\
A reader reads views and checkpoints in a `MULTI` again and again while another revision is built and takes their place. The pause is the
longest time between two of its readings around the moment of the cutover: in ten cutovers while nothing else happens, which are
rollbacks, and in the one behind a rebuild. Beside it, what the same reader waits elsewhere. Host and operator get only the processors that
Redis and the reader leave, as if they ran on a machine of their own. The events come from a log in files, so that no broker takes
part. What is compared are the readings: each must be of one moment and one generation.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use lantern_tests::artefacts::repository;

    use super::*;
    use crate::results::{Number, Unit, compare};

    #[test]
    fn the_page_is_made_of_the_stored_results() {
        let docs = repository().join("docs");
        let (results, page_file) = (docs.join("benchmarks.json"), docs.join("benchmarks.md"));
        if !results.exists() && !page_file.exists() {
            return;
        }
        let made = page(&Results::read(&results).unwrap());
        let hint = "`bench page docs/benchmarks.json --out docs/benchmarks.md` makes it";
        assert!(
            fs::read_to_string(&page_file).unwrap() == made,
            "docs/benchmarks.md is not of the results: {hint}"
        );
    }

    #[test]
    fn a_suite_is_a_table() {
        let row = |who: &str, rates: [f64; 3]| {
            Row::new("live", "balances", who, vec![Number::new("events/s", Unit::PerSecond, rates)])
        };
        let mut rows = vec![row("careful", [1000.0, 1100.0, 1200.0]), row("Lantern", [900.0, 1100.0, 1080.0])];
        compare(&mut rows, "events/s", "careful");
        rows[1].numbers.push(Number::new("memory", Unit::Bytes, [2e6, 2e6, 3e6]));
        let mut text = String::new();
        suite(&mut text, &rows);
        let table = text.split("3 rounds.\n\n").nth(1).unwrap();
        insta::assert_snapshot!(table, @"
        | case | who | events/s | memory |
        |---|---|---:|---:|
        | balances | careful | 1,100 | - |
        | balances | Lantern | 1,080 (0.90 of careful, 0.90–1.00) | 2 MiB |
        ");
    }

    #[test]
    fn every_part_of_the_page_is_there() {
        let about = vec![("processors".to_owned(), "2".to_owned())];
        let page = page(&Results { about, rows: Vec::new() });
        let titles: Vec<&str> = page.lines().filter(|line| line.starts_with('#')).collect();
        let all = ["# Benchmarks", "## The machine", "## What must hold", "## How it is measured"];
        assert_eq!(titles, [&all[..], &["## What is not measured"]].concat());
        assert!(page.contains("| processors | 2 |"));
        assert!(page.contains("| not measured | - |"));
    }
}
