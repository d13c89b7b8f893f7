//! A test's findings as JSON.

use serde_json::{Value, json};

use super::Findings;
use crate::cli::test::text::run_name;
use crate::replay::{Budget, Difference, Halted, Quantiles};

pub(super) fn report(findings: &Findings) -> Value {
    let Findings { given, examined, differences, .. } = findings;
    let halted = examined.outcome.halted.iter().map(|Halted { share, event, reason, hint }| {
        let line = event.as_ref().and_then(|event| given.line(event));
        let event = event.as_ref().map(ToString::to_string);
        json!({ "lane": share, "event": event, "line": line, "reason": reason, "hint": hint })
    });
    let set_aside =
        examined.outcome.set_aside.iter().map(
            |(event, reason)| json!({ "event": event.to_string(), "line": given.line(event), "reason": reason }),
        );
    let impurity = examined.impurity.as_ref().map(|impurity| {
        json!({
            "cause": impurity.cause.name(),
            "message": impurity.cause.meaning(),
            "hint": impurity.cause.hint(),
            "run": run_name(impurity.run),
            "event": impurity.event.as_ref().map(ToString::to_string),
            "line": impurity.event.as_ref().and_then(|event| given.line(event)),
            "differences": impurity.differences.iter().map(difference).collect::<Vec<_>>(),
        })
    });
    json!({
        "passed": findings.passed(),
        "pure": examined.impurity.is_none(),
        "impurity": impurity,
        "runs": examined.runs.iter().map(|run| run_name(*run)).collect::<Vec<_>>(),
        "views": findings.views,
        "differences": differences.iter().flatten().map(difference).collect::<Vec<_>>(),
        "stopped": halted.collect::<Vec<_>>(),
        "set_aside": set_aside.collect::<Vec<_>>(),
        "skipped": examined.outcome.skipped,
        "budget": budget(findings),
    })
}

/// What is not there at all has no field.
fn difference(difference: &Difference) -> Value {
    let mut shown = json!({ "path": difference.path });
    for (name, side) in [("expected", &difference.expected), ("found", &difference.found)] {
        if let Some(value) = side {
            shown[name] = value.clone();
        }
    }
    shown
}

fn budget(findings: &Findings) -> Value {
    let Findings { limits, component_bytes, .. } = findings;
    let Budget { events, time, fuel, ops, bytes, memory } = findings.examined.budget;
    let spread =
        |Quantiles { p50, p99, max }, limit: u64| json!({ "p50": p50, "p99": p99, "max": max, "limit": limit });
    let event_time = u64::try_from(limits.event_time_max.as_nanos()).unwrap_or(u64::MAX);
    json!({
        "events": events,
        "time_ns": spread(time, event_time),
        "fuel": spread(fuel, limits.event_fuel()),
        "ops": spread(ops, limits.event_ops_max as u64),
        "bytes": spread(bytes, limits.event_bytes_max as u64),
        "memory_bytes": { "max": memory, "limit": limits.memory_bytes_max },
        "component_bytes": { "max": component_bytes, "limit": limits.component_bytes_max },
    })
}
