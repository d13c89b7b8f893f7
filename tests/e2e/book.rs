//! The pages as a book (mdBook): every page is in it, no link leaves it, and what it says of the contract is all that there is.
//! `./x book` makes it; here nothing has to be built.

use std::collections::BTreeSet;
use std::fs;

use lantern::event::{Batch, Event, encode_header};
use lantern_tests::artefacts::repository;

fn page(name: &str) -> String {
    fs::read_to_string(repository().join("docs").join(name)).unwrap()
}

/// Where the links of a page lead.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next())
}

#[test]
fn every_page_is_in_the_book_once() {
    let entries = fs::read_dir(repository().join("docs")).unwrap();
    let files = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let pages: BTreeSet<_> = files.filter(|file| file.ends_with(".md") && file != "SUMMARY.md").collect();
    let summary = page("SUMMARY.md");
    let listed: Vec<_> = links(&summary).map(str::to_owned).collect();
    assert_eq!(listed.iter().cloned().collect::<BTreeSet<_>>(), pages, "docs/SUMMARY.md (left) has not all pages");
    assert_eq!(listed.len(), pages.len(), "docs/SUMMARY.md names a page twice: {listed:?}");
    assert_eq!(listed[0], "README.md", "the first page");
    // Readers begin there, whether they have the book or the repository before them.
    let front = page("README.md");
    let linked: BTreeSet<_> = links(&front).map(str::to_owned).collect();
    let missing: Vec<_> = pages.iter().filter(|page| *page != "README.md" && !linked.contains(*page)).collect();
    assert!(missing.is_empty(), "docs/README.md does not lead to {missing:?}");
}

/// What stands outside docs/ is named and not linked there: in the built book such a link would lead nowhere.
#[test]
fn no_link_leaves_the_book() {
    for name in links(&page("SUMMARY.md")) {
        let text = page(name);
        let prose: String = text.split("\n```").step_by(2).collect();
        let leaving: Vec<_> =
            links(&prose).filter(|link| link.contains("..") || link.contains("README.md")).collect();
        assert!(leaving.is_empty(), "docs/{name} links {leaving:?}");
    }
}

/// Each is a test of the SDK, which `cargo test` runs with its other examples.
#[test]
fn recipes_are_compiled() {
    let cookbook = page("cookbook.md");
    let recipes = cookbook.lines().filter(|line| line.starts_with("| [")).count();
    let programs = cookbook.lines().filter(|line| line.starts_with("```rust")).count();
    let tested = cookbook.lines().filter(|line| *line == "```rust,test_harness").count();
    assert_eq!((programs, tested), (recipes, recipes), "a recipe is one program that is tested");
    let sdk = fs::read_to_string(repository().join("guest-sdk/src/lib.rs")).unwrap();
    assert!(sdk.contains("include_str!(\"../../docs/cookbook.md\")"));
}

#[test]
fn the_page_of_the_contract_names_all_of_it() {
    let wit = fs::read_to_string(repository().join("wit/projection.wit")).unwrap();
    let contract = page("contract.md");
    let lines = wit.lines().map(str::trim).filter(|line| !line.starts_with("//"));
    let package = lines.clone().find_map(|line| line.strip_prefix("package ")?.strip_suffix(';')).unwrap();
    assert!(contract.contains(&format!("`{package}`")), "docs/contract.md is not of {package}");

    let names: BTreeSet<_> = lines.filter_map(name).collect();
    assert!(names.len() > 50, "this is the whole contract: {names:?}");
    let told =
        |name: &&str| contract.contains(&format!("`{name}`")) || contract.contains(&format!("`{name}: func("));
    let missing: Vec<_> = names.iter().filter(|name| !told(name)).collect();
    assert!(missing.is_empty(), "docs/contract.md does not tell of {missing:?}");

    let verbs = wit.split("enum verb {").nth(1).unwrap().split('}').next().unwrap();
    let verbs = verbs.lines().map(str::trim).filter(|line| !line.starts_with("//")).filter_map(name);
    for (number, verb) in verbs.enumerate() {
        assert!(contract.contains(&format!("| {number} | `{verb}` |")), "`{verb}` has the number {number}");
    }
}

/// What a line of WIT declares.
fn name(line: &str) -> Option<&str> {
    let mut words = line.split([' ', ':', ',', ';']);
    match words.next()? {
        "" | "}" | "package" | "use" => None,
        "interface" | "record" | "enum" | "world" | "import" | "export" => words.next(),
        name => Some(name.trim_start_matches('%')),
    }
}

#[test]
fn the_example_of_columns_is_right() {
    let mut headers = Vec::new();
    encode_header(&mut headers, b"h", Some(b"v"));
    let mut batch = Batch::default();
    batch.push(&Event {
        topic: 0,
        partition: 3,
        offset: 1041,
        timestamp: 1_700_000_000_000,
        key: Some(b"k"),
        headers: &headers,
        payload: Some(b"{}"),
    });
    let columns = batch.columns();
    let [place, rest @ ..] = columns.events else { panic!("there is one event") };
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let [key, headers, payload] = [(0, 1), (1, 11), (11, 13)].map(|(from, to)| hex(&columns.data[from..to]));
    let lines = [
        format!("events  {place:#018x}, {}, {}", rest[0], rest[1]),
        format!("ends    {}, {}, {}", columns.ends[0], columns.ends[1], columns.ends[2]),
        format!("data    {key} "),
        format!("        {} {} {} {} ", &headers[..8], &headers[8..16], &headers[16..18], &headers[18..]),
        format!("        {payload} "),
    ];
    let contract = page("contract.md");
    lines.iter().for_each(|line| assert!(contract.contains(line), "docs/contract.md has not:\n{line}"));
}
