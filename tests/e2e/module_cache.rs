//! The directory of compiled modules may be full or damaged: then plugins are compiled as if there were none.

use std::fs;
use std::path::PathBuf;

use lantern_tests::artefacts::plugin;
use lantern_tests::bank::Bank;
use lantern_tests::host::Run;
use lantern_tests::scratch::Scratch;
use lantern_tests::{Host, Source};

use crate::story::BankStory;

fn story() -> BankStory {
    BankStory::told_by(Source::log(), &Bank { events: 1_000, ..Bank::default() })
}

fn run(story: &BankStory, cache: &Scratch) -> Run {
    story.run().projection("witness", &plugin("witness"), &[&story.topic]).arg("--cache-dir").arg(cache.path())
}

fn files(cache: &Scratch) -> Vec<PathBuf> {
    fs::read_dir(cache.path()).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn ends_well(story: &BankStory, mut host: Host) -> String {
    story.expect_exact(&mut host);
    host.until("witness has caught up", || story.caught_up("witness"));
    assert_eq!(host.terminate(), Some(0));
    host.stderr()
}

#[test]
fn a_disk_that_is_full_is_said_once() {
    let (story, cache) = (story(), Scratch::new("full-cache"));
    // No file may grow beyond 200 blocks: a write ends in the middle, as on a disk that is full.
    let shell = ["sh", "-c", "trap '' XFSZ; ulimit -f 200; exec \"$@\"", "sh"];
    let said = ends_well(&story, run(&story, &cache).under(&shell).start());
    let lines: Vec<_> = said.lines().filter(|line| line.contains("compiled modules can't be kept")).collect();
    assert_eq!(lines.len(), 1, "{said}");
    assert_eq!(files(&cache), [""; 0].map(PathBuf::from));
}

#[test]
fn a_damaged_file_is_not_used() {
    let (story, cache) = (story(), Scratch::new("damaged-cache"));
    ends_well(&story, run(&story, &cache).start());
    let kept = files(&cache);
    assert!(kept.len() >= 2, "{kept:?}");
    for (index, file) in kept.iter().enumerate() {
        let mut bytes = fs::read(file).unwrap();
        match index % 2 {
            0 => bytes.truncate(bytes.len() / 2),
            _ => {
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
            }
        }
        fs::write(file, bytes).unwrap();
    }

    // All is to be done again.
    story.redis.flush_all();
    let said = ends_well(&story, run(&story, &cache).start());
    assert_eq!(said.matches("it is damaged; compiling anew").count(), kept.len(), "{said}");
    story.redis.flush_all();
    let said = ends_well(&story, run(&story, &cache).start());
    assert!(!said.contains("compiling anew"), "{said}");
}
