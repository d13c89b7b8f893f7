//! An author's story: a project is begun, built, tested, run, and changed while it runs.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use insta::assert_snapshot;
use lantern_tests::artefacts::plugin;
use lantern_tests::author::BUILD_NET;
use lantern_tests::eventually::NET;
use lantern_tests::{Author, Host, eventually};

/// Waits for the next line that has all of these words.
#[track_caller]
fn says(dev: &Host, words: &[&str]) -> String {
    dev.wait_for_line(&words.join(" … "), BUILD_NET, |line| words.iter().all(|word| line.contains(word)))
}

#[test]
fn a_new_projection_is_built_run_and_changed_while_it_runs() {
    let mut author = Author::new("author");
    let made = author.does(&["new", "visits", "--topic", "page-events"]);
    assert_snapshot!(made.stdout + &made.stderr, @r#"
    visits
    a projection that reads topic page-events, with sample events. What next:
      cd visits
      cargo test       # its logic, natively
      lantern build    # makes visits.wasm
      lantern dev      # runs it on the sample events, and shows what changes whenever you edit it
      lantern test visits.wasm --events page-events=events/page-events.jsonl
    "#);
    author.goes_to("visits");

    let versions = versions(&author);
    let tested = author.runs_cargo(&["test", "--quiet"]);
    assert!(tested.contains("2 passed"), "{tested}");
    assert_eq!(self::versions(&author), versions, "cargo has found other versions than those that come with it");
    let built = author.does(&["build", "--", "--locked", "--quiet"]);
    assert_snapshot!(steady(&built.stdout), @r#"
    visits.wasm
      size        …
      module      …
      projection  visits, revision 1
      topics      page-events

      VIEW      KIND       ENTRIES
      pages     a ranking
      visitors  a table
    "#);
    let again = author.does(&["build", "--", "--quiet"]);
    assert_eq!((again.stdout, again.stderr.as_str()), (built.stdout, "it is the same as before\n"));

    let mut dev = author.starts(&["dev"]);
    says(&dev, &["8 events appended to `page-events`"]);
    says(&dev, &["redis-cli -p", "ZREVRANGE visits:pages"]);
    says(&dev, &["visits", " live ", "8 events"]);

    // The sources change, and nothing else is to be done.
    author.edits("src/lib.rs", "self.pages.add(&page, 1)", "self.pages.add(&page, 2)");
    says(&dev, &["src/lib.rs has changed: building"]);
    says(&dev, &["visits: generation 2 is live", "after the change"]);
    says(&dev, &["visits:pages (a ranking): 3 changed"]);
    says(&dev, &["~ /home  4 → 8"]);

    // What can't be built is shown, and the rest goes on.
    author.edits("src/lib.rs", "&page, 2", "&page, two");
    says(&dev, &["cannot find value `two`"]);
    says(&dev, &["error: `visits` could not be built"]);
    // Nor can what fails at an event.
    author.edits(
        "src/lib.rs",
        "self.pages.add(&page, two)",
        "assert_ne!(page, \"/blog\"); self.pages.add(&page, 2)",
    );
    says(&dev, &["error: generation 3 of `visits` could not be built", "assertion `left != right` failed"]);
    says(&dev, &["visits: what ran before goes on; waiting for the next change"]);

    // Another topic and another view, of the same revision: all of it is built anew.
    let source = author.folder().join("src/lib.rs");
    let text = fs::read_to_string(&source).unwrap();
    let text = text.replace("assert_ne!(page, \"/blog\"); self.pages.add(&page, 2)", "self.pages.add(&page, 3)");
    fs::write(source, text.replace("ranking(\"pages\")", "ranking(\"popular\")")).unwrap();
    says(&dev, &["is live", "after the change", "generation 4"]);
    says(&dev, &["visits:popular (a ranking): 3 added"]);
    says(&dev, &["+ /blog  3"]);
    says(&dev, &["visits:pages (a ranking): 3 removed"]);
    assert_eq!(dev.terminate(), Some(0));

    // It goes on where it was; the events are there already.
    let mut once = author.starts(&["dev", "--once", "--no-build"]);
    assert_eq!(once.exit_code(NET), Some(0));
    assert!(once.stdout().contains("visits:popular  (a ranking)\n  /home        12"), "{}", once.tail());
    assert!(!once.stderr().contains("appended"), "{}", once.tail());
}

/// The crates of a project's lock, and their versions.
fn versions(author: &Author) -> Vec<String> {
    let lock = fs::read_to_string(author.folder().join("Cargo.lock")).unwrap();
    lock.lines()
        .filter(|line| line.starts_with("name = ") || line.starts_with("version = "))
        .map(str::to_owned)
        .collect()
}

/// What was built, without what differs from compiler to compiler.
fn steady(text: &str) -> String {
    let blank = |line: &str| match line.strip_prefix("  size ").or(line.strip_prefix("  module ")) {
        Some(value) => line.replace(value.trim(), "…"),
        None => line.to_owned(),
    };
    text.lines().map(blank).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_file_that_is_replaced_is_taken_once_it_is_whole() {
    let author = Author::new("replaced");
    let opened = r#"{"type":"AccountOpened","account":"ada","owner":"Ada"}"#;
    author.does(&["emit", "account-events", opened, "--key", "ada"]);
    let (file, next) = (author.scratch().path().join("b.wasm"), fs::read(plugin("balances-v2")).unwrap());
    fs::copy(plugin("balances"), &file).unwrap();

    let mut dev = author.starts(&["dev", "--projection", "balances=b.wasm"]);
    says(&dev, &["balances", " live ", "1 events"]);
    fs::write(&file, &next[..next.len() / 2]).unwrap();
    says(&dev, &["error: cannot load projection `balances` from b.wasm: it is not a valid component"]);
    fs::write(&file, &next).unwrap();
    says(&dev, &["balances: rebuild as generation 2 (revision 1 → 2): 1 events to replay"]);
    says(&dev, &["balances: generation 2 is live"]);
    says(&dev, &["balances:accounts (a table): 1 changed"]);
    says(&dev, &["~ ada  +currency \"EUR\""]);
    says(&dev, &["+ v2  1"]);
    assert_eq!(dev.terminate(), Some(0));

    // Between two runs it changes as well.
    fs::copy(plugin("balances"), &file).unwrap();
    let mut once = author.starts(&["dev", "--projection", "balances=b.wasm", "--once"]);
    assert_eq!(once.exit_code(NET), Some(0));
    assert!(!once.stdout().contains("currency"), "{}", once.tail());
}

#[test]
fn a_changed_file_of_the_same_revision_may_go_on_at_the_checkpoint() {
    let author = Author::new("kept");
    author.does(&["emit", "account-events", r#"{"type":"AccountOpened","account":"ada","owner":"Ada"}"#]);
    let file = author.scratch().path().join("b.wasm");
    fs::copy(plugin("balances"), &file).unwrap();
    let mut dev = author.starts(&["dev", "--projection", "balances=b.wasm", "--keep"]);
    says(&dev, &["balances", " live ", "1 events"]);
    fs::copy(plugin("balances-hot"), &file).unwrap();
    says(&dev, &["balances: swapped", "generation 1 goes on"]);
    says(&dev, &["its views are as they were"]);
    assert_eq!(dev.terminate(), Some(0));
}

#[test]
fn a_project_that_cannot_be_built_at_first_is_waited_for() {
    let mut author = Author::new("waiting");
    author.does(&["new", "late"]);
    author.goes_to("late");
    author.edits("src/lib.rs", "const REVISION: u32 = 1;", "const REVISION: u32 = 0;");
    let mut dev = author.starts(&["dev"]);
    says(&dev, &["error: a host would not take `late`: its description is wrong: revision is 0"]);
    says(&dev, &["waiting for a change of the sources"]);
    author.edits("src/lib.rs", "const REVISION: u32 = 0;", "const REVISION: u32 = 1;");
    says(&dev, &["late", " live ", "8 events"]);
    assert_eq!(dev.terminate(), Some(0));
}

#[test]
fn what_is_lacking_is_named_with_how_to_install_it() {
    let mut author = Author::new("lacking");
    let said = |author: &Author, command: &[&str]| {
        let said = author.tries(command);
        format!("{}: {}", said.code.unwrap_or(-1), said.stdout + &said.stderr)
    };
    assert_snapshot!(said(&author, &["build"]), @r#"
    2: error: there is no Cargo.toml in .
    hint: begin a project with `lantern new NAME`, or name the directory of one
    "#);
    assert_snapshot!(said(&author, &["dev"]), @r#"
    2: error: there is no projection to run
    hint: call it in a project (lantern new NAME), name one with --projection NAME=FILE.wasm, or see the examples with --demo
    "#);
    assert_snapshot!(said(&author, &["new", "Visits"]), @r#"
    2: error: the name `Visits` may only have lower-case letters, digits, `-` and `_`
    hint: take lower-case letters, digits, `-` and `_`, a letter first: lantern new page-visits
    "#);
    author.does(&["new", "visits"]);
    assert_snapshot!(said(&author, &["new", "visits"]), @r#"
    4: error: visits is there already, and not empty
    hint: name another directory with --path, or another project; nothing was written
    "#);
    author.goes_to("visits");
    assert_snapshot!(said(&author, &["dev", "--no-build"]), @r#"
    1: error: visits.wasm is not there
    hint: build it first: lantern build
    "#);

    let rustc = author.scratch().file("rustc", "#!/bin/sh\necho /no/such/folder\n");
    fs::set_permissions(&rustc, fs::Permissions::from_mode(0o755)).unwrap();
    // A file that was just written may still be open in a process that another test has forked.
    author.sets("RUSTC", Some(rustc.to_str().unwrap()));
    author.sets("PATH", Some(""));
    let lacking = eventually("rustc can be run", NET, || match said(&author, &["build"]) {
        busy if busy.contains("busy") => Err(busy),
        lacking => Ok(lacking),
    });
    let expected =
        "1: error: Rust's target wasm32-unknown-unknown is not installed\nhint: install it beside your rustc";
    assert!(lacking.starts_with(expected), "{lacking}");
    author.sets("RUSTC", None);
    assert_snapshot!(said(&author, &["build"]), @r#"
    1: error: rustc is not installed
    hint: install Rust from https://rustup.rs
    "#);
}
