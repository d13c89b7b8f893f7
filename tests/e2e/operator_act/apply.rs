//! `lantern apply`: a manifest says what is deployed.

use super::*;

/// The lines by which a manifest has `balances` on the bank, of this plugin.
pub fn balances(story: &BankStory, plugin: &str) -> String {
    let (plugins, topic) = (plugins(), &story.topic);
    let file = format!("{}.wasm", plugin.replace('-', "_"));
    format!("[projections.balances]\nmodule = \"{plugins}/{file}\"\ntopics = [\"{topic}\"]\n")
}

fn leaderboard(story: &BankStory) -> String {
    let (plugins, topic) = (plugins(), &story.topic);
    format!("[projections.leaderboard]\nmodule = \"{plugins}/leaderboard.wasm\"\ntopics = [\"{topic}\"]\n")
}

#[test]
fn a_manifest_applied_twice_is_nothing_to_do() {
    let story = bank(1_000);
    let mut host = story.host().start();
    let (_scratch, both) = manifest(&(balances(&story, "balances") + &leaderboard(&story)));
    let out = story.operator().tries(&["apply", &both]).done();
    assert!(out.starts_with("balances     new (revision 1, topics account-events"), "{out}");
    assert!(out.contains("\nleaderboard  new (revision 1, topics account-events"), "{out}");
    let again = story.operator().tries(&["apply", &both]).done();
    assert_eq!(again, "balances     nothing to do\nleaderboard  nothing to do\n");
    story.expect_exact(&mut host);
    host.until("the leaderboard too", || BankViews::fold(&story.events).leaderboard_holds(&story.redis));

    // What the manifest does not name stays, unless that is said.
    let (_scratch, one) = manifest(&balances(&story, "balances"));
    let stays = story.operator().tries(&["apply", &one]).done();
    let expected = "leaderboard  is not in the manifest, and stays; --prune undeploys it\n";
    assert_eq!(stays, format!("balances     nothing to do\n{expected}"));
    let gone = story.operator().tries(&["apply", &one, "--prune"]).done();
    let expected = "leaderboard  undeploy: the manifest does not name it\n";
    assert_eq!(gone, format!("{expected}balances     nothing to do\n"));
    let left = keys(&story.redis);
    assert!(!left.iter().any(|key| key.contains("leaderboard")), "{left:?}");
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn a_manifest_brings_everything_back() {
    let story = bank(1_000);
    let (_scratch, both) = manifest(&(balances(&story, "balances-v2") + &leaderboard(&story)));
    story.operator().tries(&["apply", &both]).done();
    let mut first = story.host().start();
    first.until("all is applied", || BankViews::fold(&story.events).revised("EUR").balances_hold(&story.redis));
    assert_eq!(first.terminate(), Some(0));

    story.redis.flush_all();
    let said = story.operator().tries(&["apply", &both]);
    assert!(said.stderr.contains("no host is alive yet"), "{said:?}");
    said.done();
    let mut host = story.host().start();
    host.until("all is applied again", || {
        BankViews::fold(&story.events).revised("EUR").balances_hold(&story.redis)
    });
    host.until("the leaderboard too", || BankViews::fold(&story.events).leaderboard_holds(&story.redis));
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn nothing_is_changed_if_anything_is_wrong() {
    let story = bank(100);
    let lost = "[projections.zzz]\nmodule = \"no-such-file.wasm\"\n";
    let (scratch, file) = manifest(&(balances(&story, "balances") + lost));
    let said = story.operator().tries(&["apply", &file]).refused();
    let said = said.replace(&scratch.path().display().to_string(), "[DIR]");
    let expected = "exit code 1\nerror: cannot load [DIR]/no-such-file.wasm: cannot read [DIR]/no-such-file.wasm: No such file";
    assert!(said.starts_with(expected), "{said}");
    assert_eq!(keys(&story.redis), [""; 0]);
}

#[test]
fn a_manifest_says_what_is_wrong_with_it() {
    let redis = RedisServer::start();
    let (scratch, file) = manifest("[projections.balances]\nmodule = \"balances.wasm\"\ntopic = \"t\"\n");
    let said = Operator::of(&redis).tries(&["apply", &file]).refused();
    let said = said.replace(&scratch.path().display().to_string(), "[DIR]");
    let expected =
        "exit code 2\nerror: [DIR]/lantern.toml:3: unknown field `topic`, expected one of `module`, `topics`,";
    assert!(said.starts_with(expected), "{said}");
    let missing = Operator::of(&redis).tries(&["apply", "no/such/manifest.toml"]).refused();
    assert!(
        missing.starts_with("exit code 1\nerror: cannot read no/such/manifest.toml: No such file"),
        "{missing}"
    );
}

#[test]
fn two_new_projections_must_not_share_a_prefix() {
    let story = bank(100);
    let (_scratch, file) =
        manifest(&format!("{}{}prefix = \"balances:top:\"\n", balances(&story, "balances"), leaderboard(&story)));
    let said = story.operator().tries(&["apply", &file]).refused();
    let expected =
        "exit code 4\nerror: the prefix `balances:top:` collides with `balances:` of projection `balances`";
    assert!(said.starts_with(expected), "{said}");
    assert_eq!(keys(&story.redis), [""; 0]);
}
