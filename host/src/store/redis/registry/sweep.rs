//! Removes what nobody needs any more, a little at a time, so that no reader waits.

use std::collections::BTreeSet;

use redis::cmd;
use serde_json::json;

use super::RedisRegistry;
use crate::control::{Error, Recorded};
use crate::store::redis::keys;

/// Structures that are unlinked in one step.
const CHUNK: usize = 500;

impl RedisRegistry {
    /// The views of a generation that is to be swept. Its lanes are gone already, so nobody writes them any more; and each
    /// step finds the record as it was, so nobody else writes in their place yet.
    pub(super) async fn sweep_views(&self, recorded: &Recorded, number: u64) -> Result<bool, Error> {
        let deployment = &recorded.deployment;
        let Some(generation) = deployment.generations.get(&number) else { return Ok(true) };
        for view in &generation.views {
            let mut ask = json!({
                "record": keys::deployment(&deployment.name),
                "text": recorded.text,
                "key": format!("{}{}", generation.prefix, view.name),
                "count": CHUNK,
            });
            if view.keyed {
                ask["index"] = keys::view_keys(&deployment.name, number, &view.name).into();
            }
            loop {
                match self.run(include_str!("sweep.lua"), &ask).await? {
                    0 => break,
                    1i64.. => {}
                    _changed => return Ok(false),
                }
            }
        }
        Ok(true)
    }

    /// The digests of all modules that are kept.
    pub async fn modules(&self) -> Result<BTreeSet<String>, Error> {
        self.ask(cmd("SMEMBERS").arg(keys::MODULES)).await
    }

    pub(super) async fn sweep_modules(&self) -> Result<u64, Error> {
        let mut dropped = 0;
        for digest in self.modules().await? {
            let ask = json!({
                "names": keys::DEPLOYMENTS,
                "record": keys::DEPLOYMENT,
                "digest": digest,
                "module": keys::module(&digest),
                "modules": keys::MODULES,
            });
            dropped += self.run::<u64>(include_str!("unused.lua"), &ask).await?;
        }
        Ok(dropped)
    }
}
