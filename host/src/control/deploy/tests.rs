//! What deployments come to: each kind, each refusal.

use std::collections::BTreeMap;

use super::*;
use crate::control::example::{building, cut_over, deployed, description, held, planned, stages, view, wanted};

fn text(plan: Result<Plan, Refusal>) -> String {
    match plan {
        Ok(Plan { kind, changes, after }) => {
            format!("{}: {} [{}]", kind.word(), changes.join("; "), stages(&after))
        }
        Err(refusal) => refusal.reason,
    }
}

/// What a deployment over another comes to.
fn over(present: &Deployment, wanted: &Wanted) -> String {
    text(planned(wanted, Some(present)))
}

fn config(value: &str) -> BTreeMap<String, String> {
    [("currency".to_owned(), value.to_owned())].into()
}

#[test]
fn a_first_deployment() {
    let plan = planned(&wanted("m1", 1), None).unwrap();
    assert_eq!(text(Ok(plan.clone())), "new: reads account-events [1 live]");
    assert_eq!((plan.after.prefix.as_str(), plan.after.version), ("balances:", 1));
    let bare = Wanted { prefix: Some("bank:".into()), ..wanted("m1", 1) };
    assert_eq!(planned(&bare, None).unwrap().after.generations[&1].prefix, "bank:");
}

#[test]
fn what_a_deployment_comes_to() {
    let set = |value| Wanted { config: Some(config(value)), ..wanted("m1", 1) };
    let with = |change: fn(&mut Wanted)| {
        let mut wanted = wanted("m1", 1);
        change(&mut wanted);
        wanted
    };
    let cases = [
        ("the same", wanted("m1", 1), "nothing to do:  [1 live]"),
        ("another file", wanted("m1-hot", 1), "swap: module m1 → m1-hot [1 live]"),
        ("another configuration", set("EUR"), "swap: configuration none → currency=EUR [1 live]"),
        ("a setting", with(|w| w.on_error = Some(OnError::Skip)), "settings: on error stop → skip [1 live]"),
        (
            "another",
            with(|w| w.keep_old_seconds = Some(60)),
            "settings: old generations are kept 86400 s → 60 s [1 live]",
        ),
        (
            "other limits",
            with(|w| w.limits = Some([("memory".to_owned(), 64 << 20), ("event-time".to_owned(), 250)].into())),
            "settings: limit memory 256MiB → 64MiB [1 live]",
        ),
        ("a higher revision", wanted("m2", 2), "rebuild: module m1 → m2; revision 1 → 2 [1 live, 2 building]"),
        (
            "another topic",
            with(|w| w.topics = Some(vec!["accounts-2".into()])),
            "rebuild: topics account-events → accounts-2 [1 live, 2 building]",
        ),
        (
            "the topic it reads",
            with(|w| w.topics = Some(vec!["account-events".into()])),
            "nothing to do:  [1 live]",
        ),
        ("where it began", with(|w| w.from = Beginning::Latest), "nothing to do:  [1 live]"),
    ];
    for (name, wanted, expected) in cases {
        assert_eq!(over(&deployed(), &wanted), expected, "{name}");
    }
}

#[test]
fn a_lower_revision_is_another_one_too() {
    let expected = "rebuild: module m2 → m1; revision 2 → 1 [1 old, 2 live, 3 building]";
    assert_eq!(over(&cut_over(), &wanted("m1", 1)), expected);
}

#[test]
fn what_is_being_built_is_what_was_wanted_last() {
    assert_eq!(over(&building(), &wanted("m2", 2)), "nothing to do:  [1 live, 2 building]");
    assert_eq!(over(&held(), &wanted("m2", 2)), "nothing to do:  [1 live, 2 held]");
    assert_eq!(over(&building(), &wanted("m2-hot", 2)), "swap: module m2 → m2-hot [1 live, 2 building]");
    let third = "rebuild: module m2 → m3; revision 2 → 3 [1 live, 2 dropped, 3 building]";
    assert_eq!(over(&building(), &wanted("m3", 3)), third);
    let back = "settings: generation 2 is given up: what is wanted is live [1 live, 2 dropped]";
    assert_eq!(over(&building(), &wanted("m1", 1)), back);
}

#[test]
fn a_swap_is_of_the_generation_that_was_wanted_last() {
    let after = planned(&wanted("m2-hot", 2), Some(&building())).unwrap().after;
    let modules: Vec<_> = after.generations.values().map(|generation| generation.module.as_str()).collect();
    assert_eq!(modules, ["m1", "m2-hot"]);
}

#[test]
fn a_plugin_that_has_lost_something() {
    let without = |change: fn(&mut Description)| {
        let mut wanted = wanted("m2", 2);
        change(&mut wanted.description);
        wanted
    };
    let view = without(|d| drop(d.views.remove(0)));
    let topic = without(|d| d.topics = vec!["other-events".into()]);
    assert_eq!(over(&deployed(), &view), "the plugin no longer has view `accounts`, which readers may read");
    assert_eq!(over(&deployed(), &topic), "the plugin no longer has topic `account-events`");
    for wanted in [view, topic] {
        let allowed = Wanted { allow_loss: true, ..wanted };
        assert_eq!(planned(&allowed, Some(&deployed())).unwrap().kind, Kind::Rebuild);
    }
}

#[test]
fn views_that_have_changed_need_another_revision() {
    let mut more = wanted("m1-more", 1);
    more.description.views.push(view("more", false));
    let expected = "the plugin's views or ordering have changed, but its revision is still 1";
    assert_eq!(over(&deployed(), &more), expected);
    more.description.revision = 2;
    assert_eq!(planned(&more, Some(&deployed())).unwrap().kind, Kind::Rebuild);
}

#[test]
fn another_module_is_built_anew_if_that_is_wanted() {
    let anew = |module: &str| Wanted { anew: true, ..wanted(module, 1) };
    assert_eq!(over(&deployed(), &anew("m1")), "nothing to do:  [1 live]");
    assert_eq!(over(&deployed(), &anew("m1-hot")), "rebuild: module m1 → m1-hot [1 live, 2 building]");
    let third = "rebuild: module m2 → m2-hot [1 live, 2 dropped, 3 building]";
    assert_eq!(over(&building(), &Wanted { anew: true, ..wanted("m2-hot", 2) }), third);
    let mut more = anew("m1-more");
    more.description.views.push(view("more", false));
    assert_eq!(over(&deployed(), &more), "rebuild: module m1 → m1-more [1 live, 2 building]");
}

#[test]
fn topics_in_place_of_others() {
    let renamed = Wanted { topics: Some(vec!["t".into()]), ..wanted("m1", 1) };
    let present = planned(&renamed, None).unwrap().after;
    assert_eq!(over(&present, &wanted("m1-hot", 1)), "swap: module m1 → m1-hot [1 live]", "it goes on to read t");
    let mut more = wanted("m2", 2);
    more.description.topics.push("u".into());
    let expected = "it reads t in place of account-events, and the plugin now names account-events, u";
    assert_eq!(over(&present, &more), expected);
    assert_eq!(planned(&more, Some(&deployed())).unwrap().kind, Kind::Rebuild, "where nothing was renamed");
}

#[test]
fn topics_that_are_not_as_many() {
    let named = |topics: &[&str]| {
        let topics = topics.iter().map(|topic| (*topic).to_owned()).collect();
        text(planned(&Wanted { topics: Some(topics), ..wanted("m1", 1) }, None))
    };
    assert_eq!(named(&["a", "b"]), "the plugin reads account-events (1 in number), but 2 are named");
    let mut two = wanted("m1", 1);
    two.description.topics.push("b".into());
    let twice = Wanted { topics: Some(vec!["a".into(), "a".into()]), ..two };
    assert_eq!(text(planned(&twice, None)), "topic `a` is named twice");
}

#[test]
fn prefixes_keep_views_apart() {
    let present = deployed();
    let beside = |prefix: Option<&str>| {
        let other = Wanted { name: "other".into(), prefix: prefix.map(str::to_owned), ..wanted("m", 1) };
        text(plan(&other, &[("balances".to_owned(), &present)].into(), 0))
    };
    let collides = |prefix| format!("the prefix `{prefix}` collides with `balances:` of projection `balances`");
    assert_eq!(beside(None), "new: reads account-events [1 live]");
    for prefix in ["balances:", "balances:more:", "bal"] {
        assert_eq!(beside(Some(prefix)), collides(prefix));
    }
    for prefix in ["", "lan", "lantern:", "lantern:x:"] {
        assert_eq!(beside(Some(prefix)), format!("the prefix `{prefix}` would mix views with Lantern's own keys"));
    }
}

#[test]
fn what_can_not_be_changed() {
    let moved = Wanted { prefix: Some("bank:".into()), ..wanted("m1", 1) };
    assert_eq!(over(&deployed(), &moved), "projection `balances` has the prefix `balances:`, not `bank:`");
    let named = Wanted { name: "Balances".into(), ..wanted("m1", 1) };
    let expected = "the name `Balances` may only have lower-case letters, digits, `-` and `_`";
    assert_eq!(text(planned(&named, None)), expected);
    let removing = steps::undeploy(&deployed(), false).unwrap();
    assert_eq!(over(&removing, &wanted("m1", 1)), "projection `balances` is being undeployed");
    let moving = steps::move_in(&held(), 2).unwrap();
    let expected = "projection `balances` is moving to generation 2, structure by structure";
    assert_eq!(over(&moving, &wanted("m1", 1)), expected);
}

#[test]
fn another_ordering_needs_another_revision() {
    let mut global = wanted("m-global", 1);
    global.description = Description { ordering: crate::projection::Ordering::Global, ..description(1) };
    let expected = "the plugin's views or ordering have changed, but its revision is still 1";
    assert_eq!(over(&deployed(), &global), expected);
}
