//! What must hold, and whether it does: medians of one run, and ratios round by round.

use crate::report::table;
use crate::results::{Number, Results};
use crate::statistics::Summary;

/// One thing that must hold.
#[derive(Debug, PartialEq)]
pub struct Verdict {
    /// What must hold.
    pub goal: String,
    /// What was measured, or why nothing was.
    pub measured: String,
    /// Whether it holds; none if it was not measured.
    pub holds: Option<bool>,
}

/// Where a number must lie.
#[derive(Clone, Copy)]
enum Limit {
    AtLeast(f64),
    AtMost(f64),
}
use Limit::{AtLeast, AtMost};

/// Names of contenders: all that is a letter or a digit, in small letters.
const LANTERN: &str = "lantern";
const LANTERN_TEN: &str = "lantern10projections";
const CAREFUL: &str = "careful";
const BEST: &str = "best";
const NAIVE: &str = "naive";
/// All ways to run it. The best of them counts.
const KAFKA_STREAMS: &str = "kafkastreams";
/// The ways to run it in which nobody has told Java how large its heap may be.
const KAFKA_STREAMS_AS_IT_IS: &str = "kafkastreams…";

/// How much more may be fetched for many projections than for one, since an event more or less is on its way.
const FETCHED_MAX: f64 = 1.2;

/// Where a number stands: suite, the beginning and the end of the case, and the number's name.
type At = (&'static str, [&'static str; 2], &'static str);

const RATE: At = ("rebuild", ["balances", "balances"], "events/s");
const MEMORY: At = ("rebuild", ["balances", "balances"], "memory");
const CPU: At = ("rebuild", ["balances", "balances"], "CPU/event");

/// What ten projections on one topic may cost: this many times one.
const TEN_MAX: Limit = AtMost(6.0);
const TEN_BUILT: &str =
    "10 projections on one topic, built together: at most 6 times the host's CPU per event of one";

/// What must hold of ratios of Lantern to others: where, to whom, within which limit, and in words.
const RACES: [(At, &str, Limit, &str); 9] = [
    (
        RATE,
        CAREFUL,
        AtLeast(0.9),
        "rebuild of `balances`: at least 0.9 of the careful native consumer's throughput",
    ),
    (RATE, BEST, AtLeast(0.7), "rebuild of `balances`: at least 0.7 of the best native consumer's throughput"),
    (RATE, NAIVE, AtLeast(30.0), "rebuild of `balances`: at least 30 times the naive consumer's throughput"),
    (RATE, KAFKA_STREAMS, AtLeast(2.0), "rebuild of `balances`: at least twice the throughput of Kafka Streams"),
    (
        MEMORY,
        KAFKA_STREAMS_AS_IT_IS,
        AtMost(1.0 / 3.0),
        "rebuild of `balances`: at most a third of the memory of Kafka Streams in its usual settings",
    ),
    (
        latency("1000/s", "p50"),
        CAREFUL,
        AtMost(1.5),
        "latency at 1,000 events/s, p50: at most 1.5 times the careful consumer's",
    ),
    (
        latency("1000/s", "p99"),
        CAREFUL,
        AtMost(1.5),
        "latency at 1,000 events/s, p99: at most 1.5 times the careful consumer's",
    ),
    (
        latency("10000/s", "p50"),
        CAREFUL,
        AtMost(2.0),
        "latency at 10,000 events/s, p50: at most twice the careful consumer's",
    ),
    (
        latency("10000/s", "p99"),
        CAREFUL,
        AtMost(2.0),
        "latency at 10,000 events/s, p99: at most twice the careful consumer's",
    ),
];

/// What must hold of ratios of Lantern in one case to Lantern in another.
const CASES: [(At, [&str; 2], Limit, &str); 4] = [
    (
        projections("CPU/event: own"),
        ["1 projection", ""],
        TEN_MAX,
        "10 projections on one topic, live: at most 6 times the host's CPU per event of one",
    ),
    (
        projections("bytes fetched/event"),
        ["1 projection", ""],
        AtMost(FETCHED_MAX),
        "10 projections on one topic, live: fetched once",
    ),
    (
        ("keys", ["10000000 keys", "/s"], "both"),
        ["10000 keys", "/s"],
        AtMost(1.3),
        "10 million keys, live: at most 1.3 times the CPU per event (host and Redis) of 10 thousand",
    ),
    (
        ("keys", ["10000000 keys", " keys"], "both"),
        ["10000 keys", " keys"],
        AtMost(1.3),
        "10 million keys, a backlog: at most 1.3 times the CPU per event (host and Redis) of 10 thousand",
    ),
];

/// What must hold of numbers of Lantern alone.
const NUMBERS: [(At, Limit, &str); 4] = [
    (("idle", ["100 projections", ""], "CPU"), AtMost(2.0), "100 idle projections: less than 2 % of a processor"),
    (("idle", ["100 projections", ""], "memory"), AtMost(300e6), "100 idle projections: less than 300 MB"),
    (
        ("start", ["", "compiled before"], "first commit"),
        AtMost(1.0),
        "start to first commit, module compiled before: less than 1 s",
    ),
    (
        ("deploy", ["new projection", "never compiled"], "said to be live"),
        AtMost(2.0),
        "`deploy` to live, a module of 150 kB or more, never compiled: less than 2 s",
    ),
];

const fn latency(rate: &'static str, name: &'static str) -> At {
    ("latency", [rate, rate], name)
}

const fn projections(name: &'static str) -> At {
    ("projections", ["10 projections", ""], name)
}

/// Judges all goals.
pub fn judge(results: &Results) -> Vec<Verdict> {
    let first = |at, contender| find(results, at, contender).into_iter().next();
    let races = RACES.map(|(at, other, limit, goal)| {
        let own = first(at, LANTERN);
        let others = find(results, at, other);
        // Whoever is hardest to beat.
        let ratios = others.into_iter().filter_map(|other| ratio(own?, other));
        let hardest = ratios.min_by(|one, next| limit.margin(one.median).total_cmp(&limit.margin(next.median)));
        verdict(goal, limit, hardest, |value| format!("{value:.2}"))
    });
    let cases = CASES.map(|((suite, case, name), other, limit, goal)| {
        let own = first((suite, case, name), LANTERN);
        let other = first((suite, other, name), LANTERN);
        let ratio = own.zip(other).and_then(|(own, other)| ratio(own, other));
        verdict(goal, limit, ratio, |value| format!("{value:.2}"))
    });
    let ten = first(CPU, LANTERN_TEN).zip(first(CPU, LANTERN)).and_then(|(ten, one)| ratio(ten, one));
    let ten = verdict(TEN_BUILT, TEN_MAX, ten, |value| format!("{value:.2}"));
    let numbers = NUMBERS.map(|(at, limit, goal)| {
        let own = first(at, LANTERN);
        verdict(goal, limit, own.and_then(Number::summary), |value| {
            own.map_or_else(String::new, |own| own.text(value))
        })
    });
    races.into_iter().chain([ten]).chain(cases).chain(numbers).collect()
}

/// Prints the verdict.
pub fn print(results: &Results) {
    let head = ["must hold", "measured", "holds"].map(str::to_owned).to_vec();
    let verdicts = judge(results).into_iter();
    let lines =
        verdicts.map(|verdict| vec![verdict.goal.clone(), verdict.measured.clone(), verdict.word().to_owned()]);
    table(&std::iter::once(head).chain(lines).collect::<Vec<_>>(), 2);
}

/// The numbers at a place of all contenders that are meant by a name.
fn find<'a>(results: &'a Results, (suite, [begin, end], name): At, contender: &str) -> Vec<&'a Number> {
    let rows = results.rows.iter().filter(|row| row.suite == suite);
    let rows = rows.filter(|row| row.case.starts_with(begin) && row.case.ends_with(end));
    let rows = rows.filter(|row| {
        let name = plain(&row.contender);
        match contender {
            KAFKA_STREAMS => name.starts_with(KAFKA_STREAMS),
            KAFKA_STREAMS_AS_IT_IS => name.starts_with(KAFKA_STREAMS) && !name.ends_with("heap"),
            _ => name == contender,
        }
    });
    rows.filter_map(|row| row.number(name)).filter(|number| !number.values.is_empty()).collect()
}

fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// Own value by the other's, round by round.
fn ratio(own: &Number, other: &Number) -> Option<Summary> {
    Summary::of(own.values.iter().zip(&other.values).map(|(own, other)| own / other))
}

fn verdict(goal: &str, limit: Limit, measured: Option<Summary>, text: impl Fn(f64) -> String) -> Verdict {
    let said = measured.map(|Summary { median, min, max }| match min == max {
        true => text(median),
        false => format!("{} ({}–{})", text(median), text(min), text(max)),
    });
    Verdict {
        goal: goal.to_owned(),
        measured: said.unwrap_or_else(|| "not measured".to_owned()),
        holds: measured.map(|summary| limit.margin(summary.median) >= 0.0),
    }
}

impl Limit {
    /// How far a value is on the right side.
    fn margin(self, value: f64) -> f64 {
        match self {
            AtLeast(limit) => value - limit,
            AtMost(limit) => limit - value,
        }
    }
}

impl Verdict {
    /// Whether it holds, in a word.
    pub fn word(&self) -> &'static str {
        match self.holds {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "-",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{Row, Unit};

    fn row(suite: &str, case: &str, contender: &str, name: &str, values: &[f64]) -> Row {
        let numbers = vec![Number::new(name, Unit::PerSecond, values.iter().copied())];
        Row::new(suite, case, contender, numbers)
    }

    #[test]
    fn memory_is_held_against_a_heap_that_nobody_has_bounded() {
        let row = |who, bytes| row("rebuild", "balances", who, "memory", &[bytes]);
        let own = row("Lantern", 150.0);
        let others = [row("Kafka Streams", 1500.0), row("Kafka Streams, 512 MiB heap", 400.0)];
        let (measured, holds) = judged(others.into_iter().chain([own]).collect(), "memory of Kafka Streams");
        assert_eq!((measured.as_str(), holds), ("0.10", Some(true)));
    }

    fn judged(rows: Vec<Row>, goal: &str) -> (String, Option<bool>) {
        let verdicts = judge(&Results { about: Vec::new(), rows });
        let verdict = verdicts.into_iter().find(|verdict| verdict.goal.contains(goal)).unwrap();
        (verdict.measured, verdict.holds)
    }

    #[test]
    fn a_ratio_is_judged_by_its_median() {
        let race = |own: [f64; 3]| {
            vec![
                row("rebuild", "balances", "careful", "events/s", &[100.0, 100.0, 200.0]),
                row("rebuild", "balances", "Lantern", "events/s", &own),
                row("rebuild", "balances-zipf", "Lantern", "events/s", &[1.0, 1.0, 1.0]),
            ]
        };
        let goal = "careful native consumer's throughput";
        assert_eq!(judged(race([80.0, 95.0, 200.0]), goal), ("0.95 (0.80–1.00)".to_owned(), Some(true)));
        assert_eq!(judged(race([80.0, 85.0, 200.0]), goal).1, Some(false));
        assert_eq!(judged(Vec::new(), goal), ("not measured".to_owned(), None));
    }

    #[test]
    fn the_better_way_to_run_kafka_streams_counts() {
        let rows = vec![
            row("rebuild", "balances", "lantern", "events/s", &[300.0]),
            row("rebuild", "balances", "Kafka Streams", "events/s", &[100.0]),
            row("rebuild", "balances", "Kafka Streams, in memory", "events/s", &[200.0]),
        ];
        assert_eq!(judged(rows, "twice the throughput"), ("1.50".to_owned(), Some(false)));
    }

    #[test]
    fn ten_projections_that_are_built_are_compared_with_one() {
        let row = |who, cpu: [f64; 2]| row("rebuild", "balances", who, "CPU/event", &cpu);
        let rows = vec![row("Lantern", [2.0, 3.0]), row("Lantern, 10 projections", [20.0, 24.0])];
        assert_eq!(judged(rows, "built together"), ("9.00 (8.00–10.00)".to_owned(), Some(false)));
    }

    #[test]
    fn cases_are_compared_with_one_another() {
        let rows = vec![
            row("keys", "10000 keys", "Lantern", "both", &[2.0, 2.0]),
            row("keys", "10000000 keys", "Lantern", "both", &[2.2, 2.4]),
            row("keys", "10000 keys, 10000/s", "Lantern", "both", &[9.0, 10.0]),
            row("keys", "10000000 keys, 10000/s", "Lantern", "both", &[18.0, 15.0]),
        ];
        assert_eq!(judged(rows.clone(), "keys, a backlog"), ("1.15 (1.10–1.20)".to_owned(), Some(true)));
        assert_eq!(judged(rows, "keys, live"), ("1.75 (1.50–2.00)".to_owned(), Some(false)));
    }
}
