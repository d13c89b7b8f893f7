//! `lantern dev`: everything on this machine, with nothing set up.

use lantern_tests::Host;
use lantern_tests::artefacts::plugin;
use lantern_tests::eventually::NET;
use lantern_tests::scratch::Scratch;

/// What `lantern dev --demo` in a scratch folder is given.
fn demo(scratch: &Scratch) -> Vec<String> {
    let balances = plugin("balances");
    let plugins = balances.parent().expect("a plugin is in a folder");
    let args = ["dev", "--demo", "--plugins", &plugins.display().to_string(), "--dir"].map(str::to_owned);
    args.into_iter().chain([scratch.path().join("dev").display().to_string()]).collect()
}

#[test]
fn the_demonstration_shows_what_it_made_and_ends() {
    let scratch = Scratch::new("dev");
    let mut host = Host::cli(demo(&scratch).into_iter().chain(["--once".to_owned()]));
    assert_eq!(host.exit_code(NET), Some(0));
    let shown = host.stdout();
    for line in [
        "balances:accounts  (a table)",
        r#"{"account":"acc-"#,
        "balances:totals  (a set of counters)",
        "leaderboard:by-balance  (a ranking)",
        "orders:orders  (a table)",
        "204,040 events applied in ",
    ] {
        assert!(shown.contains(line), "`{line}` is missing in\n{shown}");
    }
}

#[test]
fn the_demonstration_prints_what_to_try_and_goes_on_where_it_was() {
    let scratch = Scratch::new("dev");
    for already in ["appended 100000 sample events", "has its sample events already"] {
        let mut host = Host::cli(demo(&scratch));
        host.wait_for_line("the sample events", NET, |line| line.contains(already));
        host.wait_for_line("a command to try", NET, |line| line.contains("ZREVRANGE leaderboard:by-balance 0 4"));
        host.wait_for_line("the projection at work", NET, |line| {
            line.contains("balances") && line.contains(" live ")
        });
        assert_eq!(host.terminate(), Some(0));
    }
}
