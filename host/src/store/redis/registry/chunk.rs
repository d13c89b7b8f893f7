//! A cutover in chunks: the structures of keyed views change places some at a time, each one atomically, with readers in
//! between.
//!
//! Which ones have moved is in Redis beside them: their keys go from the view's index to a second set. So whoever is
//! interrupted, another goes on; and the change that ends the cutover puts the sets together again.

use serde_json::{Map, Value as Json, json};

use super::RedisRegistry;
use crate::control::{Deployment, Error, Generation, Recorded};
use crate::store::redis::keys;

/// Structures that move in one step: Redis answers nobody else for a millisecond or so.
const CHUNK: usize = 500;

impl RedisRegistry {
    /// Moves a chunk, if there is one.
    pub(super) async fn move_chunk(&self, recorded: &Recorded) -> Result<Option<u64>, Error> {
        let deployment = &recorded.deployment;
        let sides =
            deployment.live().zip(deployment.moving.and_then(|number| deployment.generations.get(&number)));
        let Some((live, next)) = sides else { return Ok(Some(0)) };
        let has = |generation: &Generation, name: &str| generation.views.iter().any(|v| v.keyed && v.name == name);
        let mut names: Vec<&str> = Vec::new();
        for view in live.views.iter().chain(&next.views).filter(|view| view.keyed) {
            if !names.contains(&view.name.as_str()) {
                names.push(&view.name);
            }
        }
        for name in names {
            let mut ask = Map::new();
            ask.insert("record".into(), keys::deployment(&deployment.name).into());
            ask.insert("text".into(), recorded.text.as_str().into());
            ask.insert("count".into(), CHUNK.into());
            if has(live, name) {
                let hidden = deployment.hidden_prefix(deployment.live);
                ask.insert("away".into(), side(deployment, deployment.live, name, &live.prefix, &hidden));
            }
            if let Some(number) = deployment.moving.filter(|_| has(next, name)) {
                ask.insert("into".into(), side(deployment, number, name, &next.prefix, &deployment.prefix));
            }
            match self.run(include_str!("chunk.lua"), &Json::Object(ask)).await? {
                0 => {}
                moved @ 1i64.. => return Ok(Some(moved as u64)),
                _changed => return Ok(None),
            }
        }
        Ok(Some(0))
    }
}

/// What a generation has of a view, and where it goes.
fn side(deployment: &Deployment, generation: u64, view: &str, from: &str, to: &str) -> Json {
    json!({
        "index": keys::view_keys(&deployment.name, generation, view),
        "moved": keys::moved_keys(&deployment.name, generation, view),
        "from": format!("{from}{view}:"),
        "to": format!("{to}{view}:"),
    })
}
