//! A change of a record as the argument of one script, which makes it in one atomic step.
//!
//! A script and not `MULTI`: whether a rebuild has reached the live generation must be asked at the very instant of the
//! cutover, while both are committing. A watched transaction would be refused again and again under traffic.

use redis::Value;
use serde_json::{Map, Value as Json, json};

use super::RedisRegistry;
use crate::control::{Change, Error, Lanes, Move, Outcome};
use crate::store::redis::keys;

/// Structures of keyed views that are moved in one step at most: Redis answers nobody else for as long as that takes,
/// some 10 ms for so many.
pub(super) const KEYED_MAX: u64 = 10_000;

impl RedisRegistry {
    pub(super) async fn make(&self, change: &Change) -> Result<Outcome, Error> {
        let argument = argument(change, self.keyed_max);
        let words: Vec<Value> = self.run(include_str!("change.lua"), &argument).await?;
        let words: Vec<String> = words.into_iter().filter_map(|word| redis::from_redis_value(word).ok()).collect();
        let number = |index: usize| words.get(index).and_then(|word| word.parse().ok()).unwrap_or(0);
        match words.first().map(String::as_str) {
            Some("done") => Ok(Outcome::Done),
            Some("changed") => Ok(Outcome::Changed),
            Some("behind") => Ok(Outcome::Behind {
                partition: words.get(1).cloned().unwrap_or_default(),
                wanted: number(2),
                found: number(3),
            }),
            Some("too many") => Ok(Outcome::TooMany { structures: number(1), limit: self.keyed_max }),
            _ => Err(self.unavailable("an unexpected reply to a change")),
        }
    }
}

/// What the script is asked to do.
fn argument(change: &Change, keyed_max: u64) -> Json {
    let name = change.entry.projection.as_str();
    let effects = change.effects();
    let generation = |number: u64| {
        json!({
            "lanes": keys::lanes(name, number),
            "lane": keys::lane_prefix(name, number),
            "dead": keys::dead_prefix(name, number),
            "retry": keys::retry_prefix(name, number),
            "generation": keys::generation(name, number),
        })
    };
    let mut fence: Vec<u64> = effects.place.iter().map(|lanes| lanes.generation).collect();
    fence.extend(&effects.close);
    let forgotten = effects.forget.iter().chain(&effects.forgive);
    let mut argument = Map::new();
    let mut put = |field: &str, value: Json| drop(argument.insert(field.to_owned(), value));
    put("record", keys::deployment(name).into());
    put("before", change.before.as_ref().map_or(Json::Bool(false), |before| before.text.as_str().into()));
    if let Some(after) = &change.after {
        put("after", serde_json::to_string(after).expect("a record is plain data").into());
    }
    if let Some(reached) = change.reached {
        let except: Vec<_> = change.incomparable().iter().map(|topic| format!("{topic}/")).collect();
        put("reached", json!({ "by": generation(reached.by), "of": generation(reached.of), "except": except }));
    }
    put("fence", fence.into_iter().map(generation).collect());
    put("places", places(change, &effects.place, &effects.close));
    put("forget", effects.forget.iter().copied().map(generation).collect());
    put("moves", effects.moves.iter().flat_map(|step| moves(name, step)).collect());
    let index = |step: &Move, view: &String| json!({ "index": keys::view_keys(name, step.generation, view) });
    put("keyed", effects.moves.iter().flat_map(|step| step.keyed.iter().map(|view| index(step, view))).collect());
    put("unlist", effects.unlist.iter().map(|(number, view)| keys::view_keys(name, *number, view)).collect());
    put("keyed_max", keyed_max.into());
    if let Some(live) = effects.readers {
        let lanes = generation(live);
        put("readers", json!({ "key": keys::checkpoints(name), "generation": live.to_string(), "lanes": lanes }));
    } else if change.after.is_none() {
        put("readers", json!({ "key": keys::checkpoints(name) }));
    }
    put("faults", keys::FAULTS.into());
    put("forgive", forgotten.map(|number| format!("{name}:{number}:")).collect());
    put("installation", keys::INSTALLATION.into());
    put("names", keys::DEPLOYMENTS.into());
    put("name", name.into());
    put("history", keys::HISTORY.into());
    let entry = &change.entry;
    if !entry.action.is_empty() {
        put("entry", json!(["who", entry.who, "action", entry.action, "projection", name, "what", entry.what]));
    }
    put("channel", keys::CHANGES.into());
    Json::Object(argument)
}

/// Where lanes may write from now on, and which ones may not.
fn places(change: &Change, open: &[Lanes], closed: &[u64]) -> Json {
    let name = change.entry.projection.as_str();
    let place = |number: u64, prefix: &str| {
        let generation = change.after.as_ref().and_then(|after| after.generations.get(&number));
        let ordering = generation.map_or(Json::Null, |generation| json!(generation.ordering));
        let begun = generation.map_or_else(String::new, |generation| generation.begun.to_string());
        let fields = json!([keys::PREFIX, prefix, keys::ORDERING, ordering, keys::BEGUN, begun]);
        json!({ "generation": keys::generation(name, number), "fields": fields })
    };
    let open = open.iter().map(|lanes| place(lanes.generation, &lanes.prefix));
    open.chain(closed.iter().map(|number| place(*number, ""))).collect()
}

fn moves(name: &str, step: &Move) -> Vec<Json> {
    let Move { generation, from, to, .. } = step;
    let whole =
        step.views.iter().map(|view| json!({ "from": format!("{from}{view}"), "to": format!("{to}{view}") }));
    let keyed = step.keyed.iter().map(|view| {
        let index = keys::view_keys(name, *generation, view);
        let moved = keys::moved_keys(name, *generation, view);
        json!({ "index": index, "moved": moved, "from": format!("{from}{view}:"), "to": format!("{to}{view}:") })
    });
    whole.chain(keyed).collect()
}
