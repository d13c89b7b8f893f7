//! All seeds of the fuzz targets, and all that they have found, through the same doorway.

use std::fs;
use std::path::{Path, PathBuf};

type Target = fn(&[u8]) -> bool;

const TARGETS: [(&str, Target); 6] = [
    ("batch", super::batch),
    ("component", super::component),
    ("log_line", super::log_line),
    ("ops", super::ops),
    ("record", super::record),
    ("text", super::text),
];

/// The files in a folder of `tests/fuzz`, in order: names and contents.
fn files(folder: &str, target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz").join(folder).join(target);
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let named =
        |path: PathBuf| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(path).unwrap());
    paths.into_iter().map(named).collect()
}

#[test]
fn seeds_are_taken_as_their_names_say() {
    for (name, target) in TARGETS {
        let seeds = files("seeds", name);
        for (file, bytes) in &seeds {
            let expected = match file.split_once('-') {
                Some(("good", _)) => true,
                Some(("bad", _)) => false,
                _ => panic!("{name}/{file} begins with neither good- nor bad-"),
            };
            assert_eq!(target(bytes), expected, "{name}/{file}");
        }
        for kind in ["good-", "bad-"] {
            assert!(seeds.iter().any(|(file, _)| file.starts_with(kind)), "{name} has no seed {kind}…");
        }
    }
}

#[test]
fn what_was_found_is_mended() {
    let mut found = 0;
    for (name, target) in TARGETS {
        for (_, bytes) in files("found", name) {
            target(&bytes);
            found += 1;
        }
    }
    assert!(found > 0, "nothing is kept of what was found");
}
