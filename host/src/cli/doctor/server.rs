//! Checks of the Redis server: what it is, how it is set up, and what it lets us do.

use super::check::Check;
use crate::cli::clock;
use crate::cli::figures::span;
use crate::store::redis::{RedisRegistry, Role, ServerFacts};

/// The oldest version that has all commands that are used.
const VERSION_MIN: (u32, u32) = (6, 2);
/// So far the clocks of two machines may differ, in milliseconds.
const CLOCKS_APART_MAX: i64 = 1000;

/// Looks the server over, and says whether it is there.
pub(super) async fn examine(registry: &RedisRegistry) -> (Vec<Check>, bool) {
    let before = clock::now();
    let facts = match registry.server_facts().await {
        Ok(facts) => facts,
        Err(error) => return (vec![Check::failed("redis", &error)], false),
    };
    let mut checks = vec![Check::ok("redis", format!("{} answers", registry.what()))];
    checks.extend(judge(&facts, before, clock::now()));
    checks.push(match registry.try_writing().await {
        Ok(()) => Check::ok("writing", "scripts run, and may write"),
        Err(error) => Check::failed("writing", &error),
    });
    checks.push(match registry.try_listening().await {
        Ok(()) => Check::ok("news", "changes are heard of at once"),
        Err(error) => Check::ok("news", crate::lane::chain(&error))
            .warn("let the user SUBSCRIBE; until then hosts look for changes every second"),
    });
    (checks, true)
}

/// Whether the user may do all that a host or an operator has to, with views under these prefixes.
pub(super) async fn rights(registry: &RedisRegistry, prefixes: &[String]) -> Check {
    let of_an_operator = registry.lacking(Role::Operator, prefixes).await;
    let of_a_host = registry.lacking(Role::Host, prefixes).await;
    let (operator, host) = match (of_an_operator, of_a_host) {
        (Ok(operator), Ok(host)) => (operator, host),
        (Err(error), _) | (_, Err(error)) => return Check::failed("rights", &error),
    };
    let more: Vec<&str> = host.iter().filter(|right| !operator.contains(right)).map(String::as_str).collect();
    match (operator.is_empty(), host.is_empty()) {
        (true, true) => Check::ok("rights", "the user may do all that a host and an operator have to"),
        (true, false) => Check::ok(
            "rights",
            format!("the user may do all that an operator has to; a host needs {} as well", more.join(", ")),
        ),
        (false, true) => Check::ok(
            "rights",
            format!("the user may do all that a host has to; an operator needs {} as well", operator.join(", ")),
        ),
        (false, false) => {
            let more =
                if more.is_empty() { String::new() } else { format!("; a host lacks {} too", more.join(", ")) };
            Check::ok("rights", format!("this user has no right to {}{more}", operator.join(", ")))
                .problem("`lantern acl` prints the rules that hosts and operators need")
        }
    }
}

/// Judges how it is set up. `before` and `after` are this machine's time around the questions.
fn judge(facts: &ServerFacts, before: i64, after: i64) -> Vec<Check> {
    vec![version(facts), eviction(facts), persistence(facts), clocks(facts.now, before, after)]
}

fn version(facts: &ServerFacts) -> Check {
    let Some(version) = &facts.version else {
        return Check::ok("version", "the server does not say").warn("make sure that it is at least 6.2");
    };
    let mut numbers = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let check = Check::ok("version", version);
    if found < VERSION_MIN { check.problem("use Redis 6.2 or later") } else { check }
}

fn eviction(facts: &ServerFacts) -> Check {
    let Some(policy) = &facts.eviction else {
        return Check::ok("eviction", "the server does not say")
            .warn("make sure that maxmemory-policy is noeviction");
    };
    let check = Check::ok("eviction", policy);
    let mend = "CONFIG SET maxmemory-policy noeviction";
    if policy == "noeviction" {
        check
    } else if policy.starts_with("volatile-") {
        check.warn(format!("keyed views with an expiry may lose records early: {mend}"))
    } else {
        check.problem(format!("any part of a view may vanish when memory runs out: {mend}"))
    }
}

fn persistence(facts: &ServerFacts) -> Check {
    match (facts.appends, facts.saves) {
        (Some(true), Some(true)) => Check::ok("persistence", "append-only file and snapshots"),
        (Some(true), _) => Check::ok("persistence", "append-only file"),
        (_, Some(true)) => Check::ok("persistence", "snapshots: what came after the last one is replayed"),
        (Some(false), Some(false)) => Check::ok("persistence", "none").warn(
            "after a restart views come back by a replay, and deployments from hosts that are alive or `lantern apply`; CONFIG SET appendonly yes keeps both",
        ),
        _ => Check::ok("persistence", "the server does not say"),
    }
}

fn clocks(there: i64, before: i64, after: i64) -> Check {
    let apart = (before - there).max(there - after).max(0);
    if apart <= CLOCKS_APART_MAX {
        return Check::ok("clock", "Redis's clock and this machine's agree");
    }
    let side = if there < before { "behind" } else { "ahead of" };
    let finding = format!("Redis's clock is {} {side} this machine's", span(apart as f64 / 1000.0));
    Check::ok("clock", finding).warn("set both by NTP; lag in seconds and the history are wrong by that much")
}

#[cfg(test)]
mod tests {
    use super::super::check::Verdict;
    use super::*;

    fn verdicts(facts: &ServerFacts) -> Vec<(String, Verdict)> {
        judge(facts, 10_000, 10_020).into_iter().map(|check| (check.check, check.verdict)).collect()
    }

    fn healthy() -> ServerFacts {
        ServerFacts {
            version: Some("7.2.4".into()),
            eviction: Some("noeviction".into()),
            memory_max: Some(0),
            appends: Some(true),
            saves: Some(false),
            now: 10_010,
        }
    }

    #[test]
    fn a_healthy_server_is_well() {
        assert!(verdicts(&healthy()).iter().all(|(_, verdict)| *verdict == Verdict::Ok));
    }

    #[test]
    fn finds_what_is_wrong() {
        type Spoil = fn(&mut ServerFacts);
        let cases: [(Spoil, &str, Verdict); 7] = [
            (|f| f.version = Some("6.0.16".into()), "version", Verdict::Problem),
            (|f| f.version = Some("5.9".into()), "version", Verdict::Problem),
            (|f| f.eviction = Some("volatile-lru".into()), "eviction", Verdict::Warning),
            (|f| f.eviction = Some("allkeys-lfu".into()), "eviction", Verdict::Problem),
            (|f| f.appends = Some(false), "persistence", Verdict::Warning),
            (|f| f.now = 8_990, "clock", Verdict::Warning),
            (|f| f.now = 11_021, "clock", Verdict::Warning),
        ];
        for (spoil, check, verdict) in cases {
            let mut facts = healthy();
            spoil(&mut facts);
            let unwell: Vec<_> = verdicts(&facts).into_iter().filter(|(_, v)| *v != Verdict::Ok).collect();
            assert_eq!(unwell, [(check.to_owned(), verdict)]);
        }
    }
}
