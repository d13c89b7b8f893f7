//! What is known of a plugin, as text for people. Pure functions.

use super::Findings;
use crate::cli::figures::grouped;
use crate::cli::table::{PLAIN, STRONG, Side, Table, paint, printable};
use crate::limits::LIMITS;
use crate::projection::{Description, Ordering};
use crate::sandbox::wasm::Interfaces;

/// How wide what a line is about is.
const WIDTH: usize = 12;

pub(super) fn lines(findings: &Findings, colour: bool) -> Vec<String> {
    let anatomy = &findings.anatomy;
    let mut lines = vec![paint(printable(&findings.what), STRONG, colour)];
    let mut fact = |what: &str, value: &str| lines.push(format!("  {what:WIDTH$}{}", printable(value)));
    fact("size", &format!("{} bytes", grouped(findings.size as u64)));
    fact("digest", &findings.digest);
    fact("form", if anatomy.is_component { "component" } else { "core module" });
    fact(
        "contract",
        &anatomy.contract().map_or("none".to_owned(), |version| format!("lantern:projection@{version}")),
    );
    if let Ok(Description { name, revision, ordering, topics, .. }) = &findings.description {
        fact("projection", &format!("{name}, revision {revision}"));
        fact("topics", &topics.join(", "));
        let meet = match ordering {
            Ordering::Partition => "those of a partition number",
            Ordering::Global => "all",
        };
        fact("in order", &format!("{meet}, of all topics"));
    }
    interfaces(&anatomy.imports).iter().for_each(|line| fact("imports", line));
    interfaces(&anatomy.exports).iter().for_each(|line| fact("exports", line));
    if !anatomy.toolchain.is_empty() {
        fact("made by", &Vec::from_iter(anatomy.toolchain.iter().map(String::as_str)).join(", "));
    }
    for table in [findings.description.as_ref().ok().map(views), Some(sections(findings)), Some(limits(findings))]
        .into_iter()
        .flatten()
    {
        lines.push(String::new());
        lines.extend(table.lines(colour).into_iter().map(|line| format!("  {line}")));
    }
    lines
}

fn interfaces(interfaces: &Interfaces) -> Vec<String> {
    let line = |(name, functions): (&String, &std::collections::BTreeSet<String>)| match functions.is_empty() {
        true => name.clone(),
        false => format!("{name}: {}", Vec::from_iter(functions.iter().map(String::as_str)).join(", ")),
    };
    interfaces.iter().map(line).collect()
}

/// The views of a plugin.
pub(in crate::cli) fn views(description: &Description) -> Table {
    let mut table = Table::new([("VIEW", Side::Left), ("KIND", Side::Left), ("ENTRIES", Side::Right)]);
    for view in &description.views {
        let most = if view.capacity > 0 { grouped(view.capacity.into()) } else { String::new() };
        table.row([view.name.clone(), view.to_string(), most].map(|text| (text, PLAIN)));
    }
    table
}

fn sections(findings: &Findings) -> Table {
    let mut table = Table::new([("SECTION", Side::Left), ("BYTES", Side::Right)]);
    for (name, bytes) in &findings.anatomy.sections {
        table.row([name.clone(), grouped(*bytes as u64)].map(|text| (text, PLAIN)));
    }
    table
}

fn limits(findings: &Findings) -> Table {
    let mut table = Table::new([("LIMIT", Side::Left), ("VALUE", Side::Right)]);
    for limit in &LIMITS {
        table.row([limit.name.to_owned(), limit.text(limit.value(&findings.limits))].map(|text| (text, PLAIN)));
    }
    table
}
