//! That every limit can be written, read and set.

use super::*;

fn parse(name: &str, text: &str) -> Result<u64, String> {
    Limit::find(name).unwrap().parse(text)
}

#[test]
fn a_default_is_read_as_it_is_written() {
    let defaults = Limits::default();
    for limit in &LIMITS {
        let value = limit.value(&defaults);
        assert_eq!(limit.parse(&limit.text(value)), Ok(value), "{}", limit.name);
    }
}

#[test]
fn each_limit_is_set_by_its_own_name() {
    for limit in &LIMITS {
        let other = limit.value(&Limits::default()) + 1_000;
        let limits = Limits::of(&[(limit.name.to_owned(), other)].into());
        let differ: Vec<_> =
            LIMITS.iter().filter(|limit| limit.value(&limits) != limit.value(&Limits::default())).collect();
        assert_eq!((differ.len(), limit.value(&limits)), (1, other), "{}", limit.name);
    }
    assert_eq!(Limits::of(&[("of-a-later-version".to_owned(), 1)].into()), Limits::default());
    let beyond = Limits::of(&[("compile-time".to_owned(), u64::MAX), ("memory".to_owned(), 0)].into());
    assert_eq!((beyond.compile_time_max.as_secs(), beyond.memory_bytes_max), (3_600, 64 << 10));
}

#[test]
fn people_may_write_what_they_are_used_to() {
    for text in ["65536", "65536B", "64KiB", "64 KiB", "64kib"] {
        assert_eq!(parse("key-size", text), Ok(65_536), "{text}");
    }
    assert_eq!(parse("memory", "100MB"), Ok(100_000_000));
    assert_eq!(parse("event-time", "1s 500ms"), Ok(1_500));
    assert_eq!(parse("event-ops", "1000"), Ok(1_000));
}

#[test]
fn what_is_no_value_says_what_would_be() {
    let cases = [
        ("memory", "lots", "`lots` is not a size such as 64MiB"),
        ("memory", "64TiB", "`64TiB` is not a size such as 64MiB"),
        ("memory", "1KiB", "`memory` may be from 64KiB to 4GiB"),
        ("memory", "99999999999999999999", "`99999999999999999999` is not a size such as 64MiB"),
        ("event-time", "500", "`500` is not a time such as 500ms"),
        ("event-time", "10us", "`10us` is not a time such as 500ms"),
        ("event-time", "0s", "`event-time` may be from 1ms to 1h"),
        ("event-ops", "-1", "`-1` is not a number such as 1000"),
        ("event-ops", "0", "`event-ops` may be from 1 to 1000000000"),
    ];
    for (name, text, fault) in cases {
        assert_eq!(parse(name, text), Err(fault.to_owned()));
    }
}

#[test]
fn time_becomes_work() {
    assert_eq!(Limits::default().event_fuel(), 250 * FUEL_PER_MILLISECOND);
    let long = Limits { event_time_max: Duration::MAX, ..Limits::default() };
    assert_eq!(long.event_fuel(), u64::MAX);
}
