//! The import directions that ARCHITECTURE.md promises, kept by looking at the sources.

use std::fs;
use std::path::{Path, PathBuf};

/// Where a word may stand in the host's sources: folders, or files.
const PLACES: [(&str, &[&str]); 8] = [
    ("rdkafka::", &["source/kafka"]),
    ("use redis::", &["store/redis"]),
    ("use wasmtime", &["sandbox/wasm"]),
    ("clap::", &["cli"]),
    ("use ring::", &["trust.rs"]),
    ("crate::source", &["source", "lane", "supervisor", "replay", "cli", "app.rs", "fuzzing"]),
    (
        "crate::sandbox",
        &[
            "sandbox",
            "lane",
            "supervisor",
            "replay",
            "cli/inspect",
            "cli/past.rs",
            "cli/test",
            "app.rs",
            "fuzzing",
        ],
    ),
    (
        "crate::store",
        &["store", "lane", "control", "supervisor", "replay", "cli", "app.rs", "fuzzing", "benching.rs"],
    ),
];

/// What lanes, the records and the supervisor do not know: what stands behind the ports.
const ADAPTERS: [&str; 4] = ["source::kafka", "source::embedded", "sandbox::wasm", "store::redis"];

#[test]
fn every_dependency_stays_in_its_folder() {
    let host = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/src");
    let mut strays = Vec::new();
    for file in sources(&host) {
        let text = fs::read_to_string(&file).unwrap();
        let place = file.strip_prefix(&host).unwrap();
        for (word, allowed) in PLACES {
            if text.contains(word) && !allowed.iter().any(|folder| place.starts_with(folder)) {
                strays.push(format!("{}: {word}", place.display()));
            }
        }
        let knows_ports_only = ["lane", "control", "supervisor"].iter().any(|folder| place.starts_with(folder));
        for adapter in ADAPTERS.iter().filter(|adapter| knows_ports_only && text.contains(**adapter)) {
            strays.push(format!("{}: {adapter}", place.display()));
        }
    }
    assert_eq!(strays, [""; 0]);
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let below = folders.iter().flat_map(|folder| sources(folder));
    files.into_iter().filter(|path| path.extension().is_some_and(|end| end == "rs")).chain(below).collect()
}
