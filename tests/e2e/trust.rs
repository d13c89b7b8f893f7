//! Hosts that run only what is signed by a key they trust, and operators who deploy nothing else.

use std::fs;
use std::path::{Path, PathBuf};

use insta::assert_snapshot;
use lantern_tests::artefacts::{fixture, plugin};
use lantern_tests::bank::Bank;
use lantern_tests::eventually::NET;
use lantern_tests::scratch::Scratch;
use lantern_tests::{Host, Source};

use crate::story::BankStory;

fn text(file: &Path) -> &str {
    file.to_str().expect("the target directory has a plain name")
}

/// A copy of a plugin, signed.
fn signed(name: &str, folder: &Scratch) -> PathBuf {
    let file = folder.path().join(format!("{name}.wasm"));
    fs::copy(plugin(name), &file).unwrap();
    let mut sign = Host::cli(["sign", text(&file), "--key", text(&fixture("signer.pem"))]);
    assert_eq!(sign.exit_code(NET), Some(0), "{}", sign.stderr());
    file
}

fn story() -> BankStory {
    BankStory::told_by(Source::log(), &Bank { events: 1_000, ..Bank::default() })
}

#[test]
fn a_host_runs_what_is_signed_and_only_that() {
    let (story, folder) = (story(), Scratch::new("signed"));
    let operator = story.operator();
    let trusted = fixture("signer.pub");
    let mut host = Host::run(&story.source.url(), &story.redis).arg("--trust").arg(&trusted).start();

    // Whoever does not ask deploys it all the same; the host decides.
    operator.deploy("leaderboard", &plugin("leaderboard"), &story.topic, &[]);
    operator.deploy("balances", &signed("balances", &folder), &story.topic, &["--trust", text(&trusted)]);
    story.expect_exact(&mut host);
    host.until("the unsigned one is stopped", || {
        let status = operator.status("leaderboard");
        let why = "its module cannot be loaded: it is not signed, and only signed modules are trusted";
        let is_so = status["state"] == "stopped" && status["error"].as_str().is_some_and(|e| e.contains(why));
        if is_so { Ok(()) } else { Err(status.to_string()) }
    });
    assert_eq!(story.redis.progress("leaderboard"), 0);
    assert!(!story.redis.keys().iter().any(|key| key.starts_with("leaderboard:")));

    // Signed, it is another file, and goes on by itself.
    operator.deploy("leaderboard", &signed("leaderboard", &folder), &story.topic, &[]);
    host.until("leaderboard has caught up", || story.caught_up("leaderboard"));
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn what_is_not_trusted_is_not_deployed() {
    let (story, folder) = (story(), Scratch::new("signed"));
    let operator = story.operator();
    let file = signed("balances", &folder);
    let tries = |file: &Path, key: &str| {
        let said = operator.tries(&["deploy", text(file), "--trust", text(&fixture(key))]).refusal();
        said.replace(text(file), "[FILE]").replace(text(&fixture(key)), "[KEY]")
    };
    assert_snapshot!(tries(&plugin("balances"), "signer.pub"), @r"
    exit code 1
    error: cannot load [FILE]: it is not signed, and only signed modules are trusted
    hint: sign it with a key that is trusted (lantern sign MODULE.wasm --key KEY.pem), and deploy it again
    ");
    assert_snapshot!(tries(&file, "stranger.pub"), @r"
    exit code 1
    error: cannot load [FILE]: none of its signatures is this module's by a key that is trusted
    hint: sign it with a key that is trusted (lantern sign MODULE.wasm --key KEY.pem), and deploy it again
    ");
    assert_snapshot!(tries(&file, "signer.pem"), @r"
    exit code 1
    error: cannot use [KEY]: it is no Ed25519 public key in PEM
    hint: take it from the private key: openssl pkey -in KEY.pem -pubout -out KEY.pub
    ");
    let changed = folder.path().join("changed.wasm");
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&changed, bytes).unwrap();
    assert!(tries(&changed, "signer.pub").contains("none of its signatures is this module's"));
    assert_eq!(story.redis.keys(), [""; 0]);

    // A manifest, and a host that deploys, take no more.
    let manifest = folder.path().join("lantern.toml");
    fs::write(&manifest, format!("[projections.balances]\nmodule = {:?}\n", plugin("balances"))).unwrap();
    let applied = operator.tries(&["apply", text(&manifest), "--trust", text(&fixture("signer.pub"))]);
    assert!(applied.refused().contains("it is not signed"));
    let mut host = story.run().arg("--trust").arg(fixture("signer.pub")).start();
    assert_eq!(host.exit_code(NET), Some(1));
    assert!(host.stderr().contains("it is not signed"), "{}", host.stderr());
    assert!(!story.redis.keys().iter().any(|key| key.starts_with("lantern:deployment")));
}
