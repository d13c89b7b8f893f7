//! What a deployment of a module means, given what is deployed: nothing to do, a swap, a rebuild, or a refusal.

use std::collections::BTreeMap;

use super::steps::{self, Refusal};
use super::{Beginning, Deployment, FORMAT, Generation, KEEP_OLD_SECONDS, MAX_PARKED, OnError, Rebuild, Stage};
use crate::limits::{self, LIMITS, Limits};
use crate::projection::{Description, name_fault};

/// What an operator wants to be deployed.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Under which name.
    pub name: String,
    /// Digest of the module.
    pub module: String,
    /// What the module says of itself.
    pub description: Description,
    /// The topics to read in place of those that the module names; none for those it reads now.
    pub topics: Option<Vec<String>>,
    /// Before the views' names; none for what it is, at first `<name>:`.
    pub prefix: Option<String>,
    /// Where a new projection begins.
    pub from: Beginning,
    /// Offsets to begin at, if it is new and does not begin with the first event.
    pub starts: BTreeMap<String, u64>,
    /// What becomes of an event that can't be applied; none for what it is.
    pub on_error: Option<OnError>,
    /// What the plugin may use, where that is not the default; none for what it is.
    pub limits: Option<limits::Settings>,
    /// How many events each lane may have set aside; none for what it is.
    pub max_parked: Option<u64>,
    /// The plugin's configuration; none for what it is.
    pub config: Option<BTreeMap<String, String>>,
    /// How long old generations are kept; none for what it is.
    pub keep_old_seconds: Option<u64>,
    /// Whether views and topics may go that the plugin had.
    pub allow_loss: bool,
    /// Whether another module means a rebuild although its revision is the same.
    pub anew: bool,
    /// How a rebuild is to go, if it comes to that.
    pub rebuild: Rebuild,
}

/// What a deployment comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// In a word.
    pub kind: Kind,
    /// What changes, one line each.
    pub changes: Vec<String>,
    /// The record as it would be; as it is, if there is nothing to do.
    pub after: Deployment,
}

/// What a deployment comes to, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It was not deployed before.
    New,
    /// It is so already.
    Nothing,
    /// Settings change, the module stays.
    Settings,
    /// Another module of the same revision goes on at the checkpoint.
    Swap,
    /// A new generation is built from zero.
    Rebuild,
}

impl Kind {
    /// How people say it.
    pub fn word(self) -> &'static str {
        match self {
            Kind::New => "new",
            Kind::Nothing => "nothing to do",
            Kind::Settings => "settings",
            Kind::Swap => "swap",
            Kind::Rebuild => "rebuild",
        }
    }
}

/// Says what the wanted deployment comes to.
pub fn plan(wanted: &Wanted, deployments: &BTreeMap<String, &Deployment>, now: i64) -> Result<Plan, Refusal> {
    if let Some(fault) = name_fault(&wanted.name) {
        return Err(Refusal::new(format!("the name `{}` {fault}", wanted.name), "name it with --name"));
    }
    match deployments.get(&wanted.name) {
        Some(present) => again(wanted, present, now),
        None => first(wanted, deployments, now),
    }
}

fn first(wanted: &Wanted, deployments: &BTreeMap<String, &Deployment>, now: i64) -> Result<Plan, Refusal> {
    let prefix = wanted.prefix.clone().unwrap_or_else(|| format!("{}:", wanted.name));
    check_prefix(&prefix, deployments)?;
    let topics = wanted.topics.clone().unwrap_or_else(|| wanted.description.topics.clone());
    let generation = Generation { stage: Stage::Live, prefix: prefix.clone(), ..generation(wanted, topics, now)? };
    let after = Deployment {
        format: FORMAT,
        name: wanted.name.clone(),
        version: 1,
        prefix,
        on_error: wanted.on_error.unwrap_or_default(),
        limits: wanted.limits.clone().unwrap_or_default(),
        max_parked: wanted.max_parked.unwrap_or(MAX_PARKED),
        from: wanted.from,
        as_of: BTreeMap::new(),
        paused: false,
        resumed: 0,
        removing: false,
        moving: None,
        keep_old_seconds: wanted.keep_old_seconds.unwrap_or(KEEP_OLD_SECONDS),
        live: 1,
        last: 1,
        generations: [(1, Generation { starts: wanted.starts.clone(), ..generation })].into(),
    };
    let changes = after.generations.values().map(|g| format!("reads {}", g.topics.join(", "))).collect();
    Ok(Plan { kind: Kind::New, changes, after })
}

/// The live views of a projection as they were at a point in the past, as a projection of its own: the same module on the
/// same events, up to these offsets.
pub fn as_of(
    deployment: &Deployment,
    name: &str,
    ends: BTreeMap<String, u64>,
    deployments: &BTreeMap<String, &Deployment>,
    now: i64,
) -> Result<Deployment, Refusal> {
    if let Some(fault) = name_fault(name) {
        return Err(Refusal::new(format!("the name `{name}` {fault}"), "give it another with --as"));
    }
    if deployments.contains_key(name) {
        let reason = format!("there is a projection `{name}` already");
        return Err(Refusal::new(reason, format!("give it another name with --as, or `lantern undeploy {name}`")));
    }
    let live = deployment
        .live()
        .ok_or_else(|| Refusal::new("its record has no live generation", "undeploy it and deploy it again"))?;
    let prefix = format!("{name}:");
    check_prefix(&prefix, deployments)?;
    let generation = Generation {
        prefix: prefix.clone(),
        begun: now,
        retired: None,
        built: None,
        rebuild: None,
        until: BTreeMap::new(),
        frozen: false,
        finding: None,
        doubt: None,
        swept: false,
        ..live.clone()
    };
    Ok(Deployment {
        name: name.to_owned(),
        version: 1,
        prefix,
        as_of: ends,
        paused: false,
        resumed: 0,
        removing: false,
        moving: None,
        live: 1,
        last: 1,
        generations: [(1, generation)].into(),
        ..deployment.clone()
    })
}

fn generation(wanted: &Wanted, topics: Vec<String>, now: i64) -> Result<Generation, Refusal> {
    let description = &wanted.description;
    if topics.len() != description.topics.len() {
        return Err(Refusal::new(
            format!(
                "the plugin reads {} ({} in number), but {} named",
                description.topics.join(", "),
                description.topics.len(),
                if topics.len() == 1 { "1 is".to_owned() } else { format!("{} are", topics.len()) },
            ),
            "name one topic for each, in that order",
        ));
    }
    if topics.iter().any(String::is_empty) {
        return Err(Refusal::new("a topic has no name", "is a variable unset where its name should be?"));
    }
    if let Some(twice) = (1..topics.len()).find(|&i| topics[..i].contains(&topics[i])) {
        let reason = format!("topic `{}` is named twice", topics[twice]);
        return Err(Refusal::new(reason, "name one topic for each that the plugin reads, in that order"));
    }
    Ok(Generation {
        stage: Stage::Building,
        module: wanted.module.clone(),
        revision: description.revision,
        declared: description.topics.clone(),
        topics,
        topic_ids: BTreeMap::new(),
        ordering: description.ordering,
        views: description.views.clone(),
        config: wanted.config.clone().unwrap_or_default(),
        prefix: String::new(),
        begun: now,
        retired: None,
        built: None,
        rebuild: None,
        starts: BTreeMap::new(),
        until: BTreeMap::new(),
        frozen: false,
        finding: None,
        doubt: None,
        swept: false,
    })
}

/// No key of a projection may be another's, and none Lantern's own.
fn check_prefix(prefix: &str, deployments: &BTreeMap<String, &Deployment>) -> Result<(), Refusal> {
    if prefix.is_empty() || prefix.starts_with("lantern:") || "lantern:".starts_with(prefix) {
        let reason = format!("the prefix `{prefix}` would mix views with Lantern's own keys");
        return Err(Refusal::new(reason, "give another with --prefix, such as `app:`"));
    }
    let collides = |other: &&&Deployment| prefix.starts_with(&other.prefix) || other.prefix.starts_with(prefix);
    match deployments.values().find(collides) {
        None => Ok(()),
        Some(other) => Err(Refusal::new(
            format!("the prefix `{prefix}` collides with `{}` of projection `{}`", other.prefix, other.name),
            "give one with --prefix of which neither begins with the other",
        )),
    }
}

fn again(wanted: &Wanted, present: &Deployment, now: i64) -> Result<Plan, Refusal> {
    present.at_rest()?;
    if let Some(prefix) = wanted.prefix.as_ref().filter(|prefix| **prefix != present.prefix) {
        let reason = format!("projection `{}` has the prefix `{}`, not `{prefix}`", present.name, present.prefix);
        return Err(Refusal::new(reason, "deploy it under another name with that prefix, then undeploy this one"));
    }
    // What is being built is what the operator wanted last.
    let (number, latest) = present
        .next()
        .or_else(|| present.live().map(|live| (present.live, live)))
        .ok_or_else(|| Refusal::new("its record has no live generation", "undeploy it and deploy it again"))?;
    if returns_to_live(wanted, present, latest) {
        let mut changes = settings(wanted, present);
        changes.push(format!("generation {number} is given up: what is wanted is live"));
        let after = with_settings(wanted, &steps::cancel(present)?);
        return Ok(Plan { kind: Kind::Settings, changes, after });
    }
    let topics = topics(wanted, latest)?;
    if !present.as_of.is_empty() && topics != latest.topics {
        let reason =
            format!("projection `{}` shows a point in the past of {}", present.name, latest.topics.join(", "));
        return Err(Refusal::new(reason, "deploy it under another name to read other topics"));
    }
    let config = wanted.config.clone().unwrap_or_else(|| latest.config.clone());
    let next = Generation { config, ..generation(wanted, topics, now)? };
    let mut changes = settings(wanted, present);
    let mut after = with_settings(wanted, present);
    if next.module != latest.module {
        check_loss(wanted, latest)?;
        changes.push(format!("module {} → {}", short(&latest.module), short(&next.module)));
    }
    if next.config != latest.config {
        changes.push(format!("configuration {} → {}", config_text(&latest.config), config_text(&next.config)));
    }
    let reread = next.topics != latest.topics;
    if reread {
        changes.push(format!("topics {} → {}", latest.topics.join(", "), next.topics.join(", ")));
    }
    let anew = wanted.anew && next.module != latest.module;
    if next.revision != latest.revision || reread || anew {
        if next.revision != latest.revision {
            changes.push(format!("revision {} → {}", latest.revision, next.revision));
        }
        let base = if number == present.live { after } else { steps::cancel(&after)? };
        let next = Generation { rebuild: Some(wanted.rebuild.clone()), ..next };
        let after = Deployment { version: present.version + 1, ..steps::rebuild(&base, next, false, now)? };
        return Ok(Plan { kind: Kind::Rebuild, changes, after });
    }
    if !latest.fits(&wanted.description) {
        let reason =
            format!("the plugin's views or ordering have changed, but its revision is still {}", next.revision);
        return Err(Refusal::new(reason, "raise its REVISION, so that its views are rebuilt"));
    }
    let kind = match () {
        () if changes.is_empty() => Kind::Nothing,
        () if (&next.module, &next.config) == (&latest.module, &latest.config) => Kind::Settings,
        () => Kind::Swap,
    };
    if kind != Kind::Nothing {
        after.version += 1;
    }
    if let Some(generation) = after.generations.get_mut(&number) {
        (generation.module, generation.config, generation.declared) = (next.module, next.config, next.declared);
    }
    Ok(Plan { kind, changes, after })
}

/// The topics that it is to read: those named now, or else those it reads, if they still stand for the module's own.
fn topics(wanted: &Wanted, latest: &Generation) -> Result<Vec<String>, Refusal> {
    if let Some(topics) = &wanted.topics {
        return Ok(topics.clone());
    }
    let declared = &wanted.description.topics;
    if latest.topics == latest.declared {
        return Ok(declared.clone());
    }
    if latest.declared == *declared {
        return Ok(latest.topics.clone());
    }
    Err(Refusal::new(
        format!(
            "it reads {} in place of {}, and the plugin now names {}",
            latest.topics.join(", "),
            latest.declared.join(", "),
            declared.join(", ")
        ),
        "say with --topic which ones it is to read",
    ))
}

fn check_loss(wanted: &Wanted, latest: &Generation) -> Result<(), Refusal> {
    let views = &wanted.description.views;
    let lost_view = latest.views.iter().find(|had| !views.iter().any(|view| view.name == had.name));
    let lost_topic = latest.declared.iter().find(|had| !wanted.description.topics.contains(had));
    let lost = match (lost_view, lost_topic) {
        _ if wanted.allow_loss => return Ok(()),
        (None, None) => return Ok(()),
        (Some(view), _) => format!("view `{}`, which readers may read", view.name),
        (None, Some(topic)) => format!("topic `{topic}`"),
    };
    Err(Refusal::new(format!("the plugin no longer has {lost}"), "if that is meant, say --allow-loss"))
}

/// Whether something else is being built than what is wanted, which is live.
fn returns_to_live(wanted: &Wanted, present: &Deployment, latest: &Generation) -> bool {
    let is_wanted = |generation: &Generation| {
        generation.module == wanted.module
            && topics(wanted, generation).is_ok_and(|topics| topics == generation.topics)
            && wanted.config.as_ref().is_none_or(|config| *config == generation.config)
    };
    present.live().is_some_and(is_wanted) && !is_wanted(latest)
}

fn with_settings(wanted: &Wanted, present: &Deployment) -> Deployment {
    Deployment {
        on_error: wanted.on_error.unwrap_or(present.on_error),
        limits: wanted.limits.as_ref().unwrap_or(&present.limits).clone(),
        max_parked: wanted.max_parked.unwrap_or(present.max_parked),
        keep_old_seconds: wanted.keep_old_seconds.unwrap_or(present.keep_old_seconds),
        ..present.clone()
    }
}

fn settings(wanted: &Wanted, present: &Deployment) -> Vec<String> {
    let mut changes = Vec::new();
    if let Some(on_error) = wanted.on_error.filter(|on_error| *on_error != present.on_error) {
        changes.push(format!("on error {} → {}", present.on_error, on_error));
    }
    if let Some(limits) = &wanted.limits {
        let (was, is) = (Limits::of(&present.limits), Limits::of(limits));
        let differ = LIMITS.iter().filter(|limit| limit.value(&was) != limit.value(&is));
        changes.extend(differ.map(|limit| {
            let text = |limits| limit.text(limit.value(limits));
            format!("limit {} {} → {}", limit.name, text(&was), text(&is))
        }));
    }
    if let Some(most) = wanted.max_parked.filter(|most| *most != present.max_parked) {
        changes.push(format!("at most parked {} → {most}", present.max_parked));
    }
    if let Some(keep) = wanted.keep_old_seconds.filter(|keep| *keep != present.keep_old_seconds) {
        changes.push(format!("old generations are kept {} s → {keep} s", present.keep_old_seconds));
    }
    changes
}

fn config_text(config: &BTreeMap<String, String>) -> String {
    let pairs: Vec<_> = config.iter().map(|(key, value)| format!("{key}={value}")).collect();
    if pairs.is_empty() { "none".to_owned() } else { pairs.join(" ") }
}

/// The part of a digest that people compare.
fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

#[cfg(test)]
mod tests;
