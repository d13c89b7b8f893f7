//! `balances`, as the tests of the control plane deploy it, and what others need of such records.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::steps::{self, Refusal};
use super::{Beginning, Built, Change, Deployment, Effects, Entry, Plan, Rebuild, Recorded, Stage, Wanted, plan};
use crate::projection::{Description, Kind, Ordering, View};

/// When it was deployed.
pub(super) const NOW: i64 = 1_000;

pub(super) fn view(name: &str, keyed: bool) -> View {
    View { name: name.into(), kind: Kind::Table, keyed, capacity: 0 }
}

/// A table, and one that is keyed.
pub(super) fn description(revision: u32) -> Description {
    Description {
        name: "balances".into(),
        revision,
        topics: vec!["account-events".into()],
        ordering: Ordering::Partition,
        views: vec![view("accounts", false), view("timeline", true)],
    }
}

/// What `lantern deploy` wants when it is told nothing but a file of this revision.
pub(super) fn wanted(module: &str, revision: u32) -> Wanted {
    Wanted {
        name: "balances".into(),
        module: module.into(),
        description: description(revision),
        topics: None,
        prefix: None,
        from: Beginning::Earliest,
        starts: BTreeMap::new(),
        on_error: None,
        limits: None,
        max_parked: None,
        config: None,
        keep_old_seconds: None,
        allow_loss: false,
        anew: false,
        rebuild: Rebuild::default(),
    }
}

/// What a deployment comes to where nothing else is deployed.
pub(super) fn planned(wanted: &Wanted, present: Option<&Deployment>) -> Result<Plan, Refusal> {
    let present = present.map(|present| (present.name.clone(), present));
    plan(wanted, &present.into_iter().collect(), NOW)
}

/// Generation 1 is live.
pub(super) fn deployed() -> Deployment {
    planned(&wanted("m1", 1), None).expect("a first deployment").after
}

/// Another on one topic, which keeps no views: generation 1 is live, as just deployed.
pub(crate) fn live(name: &str, topic: &str) -> Deployment {
    let description =
        Description { name: name.into(), topics: vec![topic.into()], views: Vec::new(), ..description(1) };
    planned(&Wanted { name: name.into(), description, ..wanted("m1", 1) }, None).expect("a first deployment").after
}

/// Generation 1 is live, and 2 is being built.
pub(super) fn building() -> Deployment {
    planned(&wanted("m2", 2), Some(&deployed())).expect("a rebuild").after
}

/// Generation 1 is live, and 2 waits for `promote`.
pub(super) fn held() -> Deployment {
    let mut held = steps::hold(&building(), None, None).expect("it is building");
    held.generations.get_mut(&2).expect("it is held").built = Some(Built { events: 5, milliseconds: 5 });
    held
}

/// Generation 2 is live, and 1 is kept.
pub(super) fn cut_over() -> Deployment {
    steps::cut_over(&building(), NOW + 1).expect("it is building")
}

/// What follows from a step in the store.
pub(super) fn effects(before: Option<&Deployment>, after: Option<&Deployment>) -> Effects {
    let recorded =
        |deployment: &Deployment| Arc::new(Recorded { deployment: deployment.clone(), text: String::new() });
    let change =
        Change { before: before.map(recorded), after: after.cloned(), reached: None, entry: Entry::default() };
    change.effects()
}

/// The generations and what they are, such as `1 old, 2 live`; an `*` after one that stands still.
pub(super) fn stages(deployment: &Deployment) -> String {
    let stage = |(number, generation): (&u64, &super::Generation)| {
        let stage = match generation.stage {
            Stage::Live => "live",
            Stage::Building => "building",
            Stage::Held => "held",
            Stage::Old => "old",
            Stage::Failed => "failed",
            Stage::Dropped => "dropped",
        };
        format!("{number} {stage}{}", if generation.frozen { "*" } else { "" })
    };
    deployment.generations.iter().map(stage).collect::<Vec<_>>().join(", ")
}
