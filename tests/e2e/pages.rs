//! What the pages promise, as far as a program can see it: links lead somewhere, every key is told of, and every command.

use std::fs;
use std::path::{Path, PathBuf};

use lantern_tests::Host;
use lantern_tests::artefacts::repository;
use lantern_tests::eventually::NET;

/// The pages for people.
fn pages() -> Vec<PathBuf> {
    let in_folder = |folder: &Path| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = in_folder(repository()).chain(in_folder(&repository().join("docs")));
    files.filter(|file| file.extension().is_some_and(|end| end == "md")).collect()
}

#[test]
fn links_lead_somewhere() {
    let mut broken = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        // Every second part is a program.
        let prose = text.split("\n```").step_by(2).collect::<String>();
        for link in prose.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (file, section) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            let is_well =
                link.contains("://") || (target.exists() && (section.is_empty() || has(&target, section)));
            if !is_well {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert_eq!(broken, [""; 0]);
}

/// Whether a page has a heading of that anchor, as forges and mdBook make it.
fn has(page: &Path, anchor: &str) -> bool {
    let text = fs::read_to_string(page).unwrap();
    let prose: String = text.split("\n```").step_by(2).collect();
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    let mut anchors = headings.map(|line| anchor_of(line.trim_start_matches('#').trim()));
    anchors.any(|found| found == anchor)
}

fn anchor_of(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

#[test]
fn the_page_of_keys_has_them_all() {
    let keys = fs::read_to_string(repository().join("host/src/store/redis/keys.rs")).unwrap();
    let page = fs::read_to_string(repository().join("docs/keys.md")).unwrap();
    let rows = keys.lines().filter_map(|line| line.strip_prefix("//! | `lantern:")?.split('`').next());
    let known: Vec<_> = rows.collect();
    assert!(known.len() > 10, "keys.rs opens with a table of all keys");
    let missing: Vec<_> = known.iter().filter(|key| !page.contains(&format!("| `lantern:{key}` |"))).collect();
    assert!(missing.is_empty(), "docs/keys.md does not tell of {missing:?}");
}

#[test]
fn the_pages_name_every_command() {
    let mut help = Host::cli(["--help"]);
    assert_eq!(help.exit_code(NET), Some(0));
    let listed = help.stdout();
    let commands =
        listed.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let texts: String = pages().iter().map(|page| fs::read_to_string(page).unwrap()).collect();
    // A description that goes on in the next line begins further in.
    let names = commands.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let names: Vec<_> = names.filter(|name| !matches!(*name, "" | "help")).collect();
    assert!(names.len() > 15, "the help lists all commands: {names:?}");
    let missing: Vec<_> = names.iter().filter(|name| !texts.contains(&format!("lantern {name}"))).collect();
    assert!(missing.is_empty(), "no page tells of {missing:?}");
}
